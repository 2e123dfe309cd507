package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"
)

// transcodedQuality is that of pictures that have to be decoded and encoded anew: high
// enough that the second loss is not seen.
const transcodedQuality = 90

// Transcoder makes pictures that RTP can carry of JPEGs that it cannot: with Huffman
// tables of their own, as ffmpeg writes them, progressive, grey, 4:4:4. With
// libjpeg-turbo 4:2:0 and 4:2:2 are only rearranged, without loss; all else is decoded
// and encoded. It must not be used by two goroutines at once.
type Transcoder struct {
	encoder   *Encoder
	transform *turboTransform // nil: without the library
}

// NewTranscoder makes a transcoder.
func NewTranscoder() (*Transcoder, error) {
	encoder, err := NewEncoder(transcodedQuality)
	if err != nil {
		return nil, err
	}
	t := &Transcoder{encoder: encoder}
	if lib := turbo(); lib != nil {
		if t.transform, err = lib.newTransform(); err != nil {
			encoder.Close()
			return nil, err
		}
	}
	return t, nil
}

// Transcode writes a carryable picture into dst, from its beginning, growing it if its
// capacity does not suffice. It fails if the picture cannot be decoded.
func (t *Transcoder) Transcode(dst, picture []byte) ([]byte, error) {
	if t.transform != nil {
		if out, ok := t.transform.rearrange(dst, picture); ok {
			return out, nil
		}
	}
	decoded, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return dst[:0], fmt.Errorf("transcode: %w", err)
	}
	return t.encoder.Encode(dst, planar(decoded))
}

// Close frees what the transcoder holds. It must not be used afterwards.
func (t *Transcoder) Close() {
	t.encoder.Close()
	if t.transform != nil {
		t.transform.lib.close(t.transform.handle)
	}
}

// planar returns the picture as 4:2:0 or 4:2:2.
func planar(picture image.Image) *image.YCbCr {
	p, ok := picture.(*image.YCbCr)
	if ok && (p.SubsampleRatio == image.YCbCrSubsampleRatio420 || p.SubsampleRatio == image.YCbCrSubsampleRatio422) {
		return p
	}
	b := picture.Bounds()
	out := image.NewYCbCr(image.Rect(0, 0, b.Dx(), b.Dy()), image.YCbCrSubsampleRatio420)
	// The colours of four pixels are summed up before they are divided.
	blue, red, count := make([]int, len(out.Cb)), make([]int, len(out.Cb)), make([]int, len(out.Cb))
	for y := range b.Dy() {
		for x := range b.Dx() {
			c := color.YCbCrModel.Convert(picture.At(b.Min.X+x, b.Min.Y+y)).(color.YCbCr)
			out.Y[out.YOffset(x, y)] = c.Y
			i := out.COffset(x, y)
			blue[i], red[i], count[i] = blue[i]+int(c.Cb), red[i]+int(c.Cr), count[i]+1
		}
	}
	for i, n := range count {
		if n > 0 {
			out.Cb[i], out.Cr[i] = byte(blue[i]/n), byte(red[i]/n)
		}
	}
	return out
}

// turboTransform is a transforming handle and its arguments.
type turboTransform struct {
	lib                              *turboLibrary
	handle                           uintptr
	in, out                          *byte
	outSize                          uintptr // an unsigned long
	width, height, sampling, colours int32
	// what is tjtransform: a region, an operation (none), options, a filter (none).
	what struct {
		region             [4]int32
		operation, options int32
		data, filter       uintptr
	}
}

func (lib *turboLibrary) newTransform() (*turboTransform, error) {
	handle, err := lib.open(lib.initTransform)
	if err != nil {
		return nil, err
	}
	t := &turboTransform{lib: lib, handle: handle}
	t.what.options = tjOptionCopyNone
	return t, nil
}

// rearrange codes a 4:2:0 or 4:2:2 picture anew without decoding its pixels: baseline,
// with the standard Huffman tables, which is what the library writes when it is not
// asked for better ones.
func (t *turboTransform) rearrange(dst, picture []byte) ([]byte, bool) {
	if len(picture) == 0 {
		return dst, false
	}
	t.in = &picture[0]
	defer func() { t.in, t.out = nil, nil }()
	result, _, _ := purego.SyscallN(t.lib.decompressHeader, t.handle, uintptr(unsafe.Pointer(t.in)), uintptr(len(picture)),
		uintptr(unsafe.Pointer(&t.width)), uintptr(unsafe.Pointer(&t.height)),
		uintptr(unsafe.Pointer(&t.sampling)), uintptr(unsafe.Pointer(&t.colours)))
	if int32(result) != 0 || t.sampling != tjSamp420 && t.sampling != tjSamp422 {
		return dst, false
	}
	room := t.lib.size(int(t.width), int(t.height), int(t.sampling))
	dst = slices.Grow(dst[:0], room)[:room]
	t.out, t.outSize = &dst[0], uintptr(room)
	result, _, _ = purego.SyscallN(t.lib.transform, t.handle, uintptr(unsafe.Pointer(t.in)), uintptr(len(picture)), 1,
		uintptr(unsafe.Pointer(&t.out)), uintptr(unsafe.Pointer(&t.outSize)), uintptr(unsafe.Pointer(&t.what)), tjFlagNoRealloc)
	if int32(result) != 0 {
		return dst, false
	}
	return dst[:t.outSize], true
}
