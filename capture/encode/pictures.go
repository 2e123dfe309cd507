package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"unsafe"

	"github.com/camcast/camcast/media"
)

// pictures makes 4:2:0 planes of frames, for an encoder: of JPEG and I420, of any size.
type pictures struct {
	size      image.Point     // that they are scaled to; 0: they stay as they are, but for an odd line or column
	transform *turboTransform // nil: without the library
	planes    *image.YCbCr    // what planar makes
	halved    *image.YCbCr    // what subsample makes
	view      image.YCbCr
	cut       image.YCbCr
	scaler    scaler
}

// maxPictureSide bounds the memory that foreign headers can make us take.
const maxPictureSide = 8192

// planesOf returns the planes of a frame, of an even size. They are valid until the next call, and as long as
// the frame's bytes are.
func (d *pictures) planesOf(f media.Frame) (*image.YCbCr, error) {
	p, err := d.decode(f)
	if err != nil {
		return nil, err
	}
	size := d.size
	if size == (image.Point{}) {
		size = image.Pt(p.Rect.Dx()&^1, p.Rect.Dy()&^1)
		if size.X == 0 || size.Y == 0 {
			return nil, fmt.Errorf("a picture of %dx%d is too small", p.Rect.Dx(), p.Rect.Dy())
		}
		d.cut = *p
		d.cut.Rect = image.Rectangle{Max: size}
		return &d.cut, nil
	}
	return d.scaler.scale(p, size), nil
}

func (d *pictures) decode(f media.Frame) (*image.YCbCr, error) {
	switch f.Params.Format {
	case media.I420:
		err := viewI420(&d.view, f.Bytes, f.Params.Width, f.Params.Height)
		return &d.view, err
	case media.JPEG:
		picture, err := d.decodeJPEG(f.Bytes)
		if err != nil {
			return nil, err
		}
		p := subsample(picture, &d.halved, &d.planes)
		if p.Rect.Min != (image.Point{}) {
			p = p.SubImage(p.Rect).(*image.YCbCr)
			p.Rect = p.Rect.Sub(p.Rect.Min)
		}
		return p, nil
	}
	return nil, fmt.Errorf("the source delivers %v; only JPEG and raw pixels can be encoded", f.Params.Format)
}

// decodeJPEG decodes a picture, by the library to a smaller size if that is at least the one wanted.
func (d *pictures) decodeJPEG(picture []byte) (image.Image, error) {
	h, err := parseHeader(picture)
	if err != nil {
		return nil, fmt.Errorf("decode %d bytes: %w", len(picture), err)
	}
	if h.width < 1 || h.width > maxPictureSide || h.height < 1 || h.height > maxPictureSide {
		return nil, fmt.Errorf("decode a JPEG of %dx%d: both must be 1 to %d", h.width, h.height, maxPictureSide)
	}
	if d.transform != nil {
		if decoded, ok := d.transform.scaled(picture, &h, d.size); ok {
			return decoded, nil
		}
		// Go's decoder knows why, or can do better.
	}
	decoded, err := jpeg.Decode(bytes.NewReader(withHuffman(picture, h)))
	if err != nil {
		return nil, fmt.Errorf("decode a JPEG of %dx%d: %w", h.width, h.height, err)
	}
	return decoded, nil
}

// scaled decodes a picture as decode does, but to the smallest size of which the library is capable that
// is at least the one given, if that is not zero: it then computes fewer pixels. It allocates nothing once
// its buffers are there.
func (t *turboTransform) scaled(picture []byte, h *header, least image.Point) (image.Image, bool) {
	if !t.header(picture) {
		return nil, false
	}
	ratio, ok := tjRatios[t.sampling]
	if !ok || t.colours != tjColoursYCbCr {
		return t.decode(picture, h)
	}
	size := image.Pt(int(t.width), int(t.height))
	if least != (image.Point{}) {
		size = shrunk(size, least)
	}
	defer t.release()
	wide, high := chromaPixels(ratio)
	p := reuse(&t.picture, image.Pt((size.X+wide-1)/wide*wide, (size.Y+high-1)/high*high), ratio)
	t.planes.pin(&t.pinner, p)
	done := t.call.do(t.lib.decompressToPlanes, t.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(picture))), uintptr(len(picture)),
		uintptr(unsafe.Pointer(&t.planes.data)), uintptr(size.X), uintptr(unsafe.Pointer(&t.planes.strides)), uintptr(size.Y),
		tjFlagLimitScans, 0, 0)
	t.cut = *p
	t.cut.Rect = image.Rectangle{Max: size}
	return &t.cut, done
}

// shrunk is the size in eighths of a picture's that is the smallest one of at least a size, rounded as the library
// does.
func shrunk(size, least image.Point) image.Point {
	for eighths := 1; eighths < 8; eighths++ {
		if s := image.Pt((size.X*eighths+7)/8, (size.Y*eighths+7)/8); s.X >= least.X && s.Y >= least.Y {
			return s
		}
	}
	return size
}
