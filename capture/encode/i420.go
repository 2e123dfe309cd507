package encode

import (
	"encoding/binary"
	"fmt"
	"image"
	"slices"
)

// SizeOfI420 is how many bytes a picture of media.I420 has.
func SizeOfI420(width, height int) int {
	return width*height + 2*((width+1)/2)*((height+1)/2)
}

// AppendI420 appends a 4:2:0 picture to dst as media.I420 has it.
func AppendI420(dst []byte, p *image.YCbCr) []byte {
	size := p.Rect.Size()
	dst = slices.Grow(dst, SizeOfI420(size.X, size.Y))
	for y := range size.Y {
		dst = append(dst, p.Y[y*p.YStride:][:size.X]...)
	}
	for _, plane := range [][]byte{p.Cb, p.Cr} {
		for y := range (size.Y + 1) / 2 {
			dst = append(dst, plane[y*p.CStride:][:(size.X+1)/2]...)
		}
	}
	return dst
}

// viewI420 has p be the planes of a picture of media.I420.
func viewI420(p *image.YCbCr, data []byte, width, height int) error {
	if width < 1 || height < 1 || width > maxSide || height > maxSide || int64(len(data)) < int64(width)*int64(height) || len(data) != SizeOfI420(width, height) {
		return fmt.Errorf("%d bytes of a picture of %dx%d, I420: must be %d", len(data), width, height, SizeOfI420(width, height))
	}
	luma, chroma := width*height, (width+1)/2*((height+1)/2)
	*p = image.YCbCr{
		Y: data[:luma], Cb: data[luma : luma+chroma], Cr: data[luma+chroma:], YStride: width, CStride: (width + 1) / 2,
		SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, width, height),
	}
	return nil
}

// subsample returns any picture as 4:2:0, in scratch where it has to be changed.
func subsample(picture image.Image, scratch **image.YCbCr, planes **image.YCbCr) *image.YCbCr {
	p := planar(picture, planes)
	if p.SubsampleRatio == image.YCbCrSubsampleRatio420 {
		return p
	}
	size := p.Rect.Size()
	out := reuse(scratch, size, image.YCbCrSubsampleRatio420)
	copyRows(out.Y, out.YStride, p.Y, p.YStride, size)
	width := (size.X + 1) / 2
	for y := range (size.Y + 1) / 2 {
		top, bottom := 2*y*p.CStride, min(2*y+1, size.Y-1)*p.CStride
		mean(out.Cb[y*out.CStride:][:width], p.Cb[top:][:width], p.Cb[bottom:][:width])
		mean(out.Cr[y*out.CStride:][:width], p.Cr[top:][:width], p.Cr[bottom:][:width])
	}
	return out
}

// mean fills dst with the means of two lines, rounded up, eight samples at a time.
func mean(dst, a, b []byte) {
	const low = 0x7f7f7f7f7f7f7f7f
	n := 0
	for ; n+8 <= len(dst); n += 8 {
		p, q := binary.NativeEndian.Uint64(a[n:]), binary.NativeEndian.Uint64(b[n:])
		binary.NativeEndian.PutUint64(dst[n:], p|q-(p^q)>>1&low)
	}
	for ; n < len(dst); n++ {
		dst[n] = byte((int(a[n]) + int(b[n]) + 1) / 2)
	}
}
