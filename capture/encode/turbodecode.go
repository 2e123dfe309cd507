package encode

import (
	"image"
	"slices"
	"unsafe"
)

// Pixel formats of the library (TJPF_...).
const (
	tjPixelsRGB  = 0
	tjPixelsCMYK = 11
)

// tjRatios are the names of the library's samplings in Go.
var tjRatios = map[int32]image.YCbCrSubsampleRatio{
	0: image.YCbCrSubsampleRatio444, tjSamp422: image.YCbCrSubsampleRatio422, tjSamp420: image.YCbCrSubsampleRatio420,
	4: image.YCbCrSubsampleRatio440, 5: image.YCbCrSubsampleRatio411,
}

// decode decodes a picture, without converting its colours where that can be. The result is valid until
// the next call.
func (t *turboTransform) decode(picture []byte, h *header) (image.Image, bool) {
	if t.header(picture) {
		size := image.Pt(int(t.width), int(t.height))
		if t.sampling == tjSampGrey && t.colours == tjColoursGrey {
			return t.decodeGrey(picture, size)
		}
		if ratio, ok := tjRatios[t.sampling]; ok && t.colours == tjColoursYCbCr {
			return t.decodeColour(picture, size, ratio)
		}
	}
	// RGB, CMYK, or a sampling that the library has no name for.
	return t.decodePixels(picture, h)
}

func (t *turboTransform) decodeGrey(picture []byte, size image.Point) (image.Image, bool) {
	if t.grey == nil || t.grey.Rect.Size() != size {
		t.grey = image.NewGray(image.Rectangle{Max: size})
	}
	t.planes = planes{data: [3]*byte{&t.grey.Pix[0]}, strides: [3]int32{int32(t.grey.Stride)}}
	t.pinner.Pin(t.planes.data[0])
	return t.grey, t.toPlanes(picture)
}

func (t *turboTransform) decodeColour(picture []byte, size image.Point, ratio image.YCbCrSubsampleRatio) (image.Image, bool) {
	// The library writes whole groups of pixels that share a sample of colour.
	wide, high := chromaPixels(ratio)
	p := reuse(&t.picture, image.Pt((size.X+wide-1)/wide*wide, (size.Y+high-1)/high*high), ratio)
	t.planes.pin(&t.pinner, p)
	return p.SubImage(image.Rectangle{Max: size}), t.toPlanes(picture)
}

// toPlanes decodes a picture into the planes.
func (t *turboTransform) toPlanes(picture []byte) bool {
	defer t.release()
	return t.call.do(t.lib.decompressToPlanes, t.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(picture))), uintptr(len(picture)),
		uintptr(unsafe.Pointer(&t.planes.data)), uintptr(t.width), uintptr(unsafe.Pointer(&t.planes.strides)), uintptr(t.height),
		tjFlagLimitScans, 0, 0)
}

// decodePixels decodes a picture to RGB, and makes planes of that.
func (t *turboTransform) decodePixels(picture []byte, h *header) (image.Image, bool) {
	pixelBytes, format := 3, tjPixelsRGB
	if h.components == 4 {
		pixelBytes, format = 4, tjPixelsCMYK
	}
	n := pixelBytes * h.width * h.height // the size was checked
	t.pixels = slices.Grow(t.pixels[:0], n)[:n]
	if !t.call.do(t.lib.decompress, t.handle,
		uintptr(unsafe.Pointer(unsafe.SliceData(picture))), uintptr(len(picture)),
		uintptr(unsafe.Pointer(unsafe.SliceData(t.pixels))), uintptr(h.width), 0, uintptr(h.height),
		uintptr(format), tjFlagLimitScans, 0) {
		return nil, false
	}
	if format == tjPixelsCMYK {
		fromCMYK(t.pixels)
	}
	p := reuse(&t.picture, image.Pt(h.width, h.height), image.YCbCrSubsampleRatio420)
	err := ToI420(p, t.pixels, Pixels{Format: RGB24, Width: h.width, Height: h.height})
	return p, err == nil
}

// fromCMYK makes RGB of CMYK, in the first three quarters of the same memory. As browsers do, it takes all
// JPEGs of CMYK as Adobe's: their inks are inverted, 255 is none.
func fromCMYK(pixels []byte) {
	for i := range len(pixels) / 4 {
		ink := pixels[4*i : 4*i+4 : 4*i+4]
		black := int(ink[3])
		c, m, y := int(ink[0])*black, int(ink[1])*black, int(ink[2])*black
		pixels[3*i], pixels[3*i+1], pixels[3*i+2] = byte((c+127)/255), byte((m+127)/255), byte((y+127)/255)
	}
}
