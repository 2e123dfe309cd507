package m2m

import (
	"errors"
	"image"
)

// layout is how a picture lies in a buffer of the OUTPUT queue.
type layout struct {
	code           uint32 // i420 or nv12
	stride, height int    // of the plane of brightness
	size           int    // of the whole
}

var errLayout = errors.New("the device's buffers are too small for its pictures")

// check makes sure that pictures fit.
func (l layout) check(width, height int) error {
	if l.stride < width || l.stride > 1<<16 || l.height < height || l.height > 1<<16 || l.stride%2 != 0 || l.height%2 != 0 ||
		l.size < l.stride*l.height*3/2 || l.size > 1<<30 {
		return errLayout
	}
	return nil
}

// put writes a picture into a buffer.
func (l layout) put(memory []byte, p *image.YCbCr) {
	width, height := p.Rect.Dx(), p.Rect.Dy()
	rows(memory, l.stride, p.Y, p.YStride, width, height)
	chroma := memory[l.stride*l.height:]
	if l.code == i420 {
		rows(chroma, l.stride/2, p.Cb, p.CStride, width/2, height/2)
		rows(chroma[l.stride*l.height/4:], l.stride/2, p.Cr, p.CStride, width/2, height/2)
		return
	}
	for y := range height / 2 {
		to, cb, cr := chroma[y*l.stride:][:width], p.Cb[y*p.CStride:][:width/2], p.Cr[y*p.CStride:][:width/2]
		for x := range cb {
			to[2*x], to[2*x+1] = cb[x], cr[x]
		}
	}
}

// rows copies a plane.
func rows(to []byte, toStride int, from []byte, fromStride, width, height int) {
	for y := range height {
		copy(to[y*toStride:][:width], from[y*fromStride:])
	}
}

// fits reports whether a plane has so many columns and rows.
func fits(plane []byte, stride, width, height int) bool {
	return stride >= width && (height-1)*stride+width <= len(plane)
}
