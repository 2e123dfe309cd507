package encode

import (
	"image"
	"image/color"
)

// check reports whether a picture's planes are as long as its size says, and as
// encoders can take them. Encoders in C read past what is too short.
func check(p *image.YCbCr) bool {
	size := p.Rect.Size()
	if size.X < 1 || size.Y < 1 || size.X > maxSide || size.Y > maxSide {
		return false
	}
	chroma := image.Pt((size.X+1)/2, size.Y)
	switch p.SubsampleRatio {
	case image.YCbCrSubsampleRatio420:
		chroma.Y = (size.Y + 1) / 2
	case image.YCbCrSubsampleRatio422:
	default:
		return false
	}
	return fits(p.Y, p.YStride, size) && fits(p.Cb, p.CStride, chroma) && fits(p.Cr, p.CStride, chroma)
}

// fits reports whether a plane has room for so many columns and rows. The product can be
// more than 32 bits hold.
func fits(plane []byte, stride int, size image.Point) bool {
	return stride >= size.X && int64(size.Y-1)*int64(stride)+int64(size.X) <= int64(len(plane))
}

// even returns the picture with an even width, and an even height where it is 4:2:0:
// libjpeg-turbo reads the planes of others beyond their ends. scratch is where a
// changed picture is kept from one to the next.
func even(p *image.YCbCr, scratch **image.YCbCr) *image.YCbCr {
	size := p.Rect.Size()
	padded := image.Pt(size.X+size.X%2, size.Y)
	if p.SubsampleRatio == image.YCbCrSubsampleRatio420 {
		padded.Y += size.Y % 2
	}
	if padded == size {
		return p
	}
	out := reuse(scratch, padded, p.SubsampleRatio)
	for y := range padded.Y {
		row := out.Y[y*out.YStride:][:padded.X]
		copy(row, p.Y[min(y, size.Y-1)*p.YStride:][:size.X])
		row[padded.X-1] = row[size.X-1]
	}
	for y := range len(out.Cb) / out.CStride {
		copy(out.Cb[y*out.CStride:][:out.CStride], p.Cb[y*p.CStride:])
		copy(out.Cr[y*out.CStride:][:out.CStride], p.Cr[y*p.CStride:])
	}
	return out
}

// reuse returns the picture that was kept, or a new one if that is of another shape.
func reuse(kept **image.YCbCr, size image.Point, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	if p := *kept; p == nil || p.Rect.Size() != size || p.SubsampleRatio != ratio {
		*kept = image.NewYCbCr(image.Rectangle{Max: size}, ratio)
	}
	return *kept
}

// planar returns any picture as 4:2:0 or 4:2:2, in scratch where it has to be changed.
func planar(picture image.Image, scratch **image.YCbCr) *image.YCbCr {
	size := picture.Bounds().Size()
	switch p := picture.(type) {
	case *image.YCbCr:
		if p.SubsampleRatio == image.YCbCrSubsampleRatio420 || p.SubsampleRatio == image.YCbCrSubsampleRatio422 {
			return p
		}
		out := reuse(scratch, size, image.YCbCrSubsampleRatio420)
		copyRows(out.Y, out.YStride, p.Y, p.YStride, size)
		average(out, p)
		return out
	case *image.Gray:
		out := reuse(scratch, size, image.YCbCrSubsampleRatio420)
		copyRows(out.Y, out.YStride, p.Pix, p.Stride, size)
		noColour(out)
		return out
	}
	whole := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio444)
	from := picture.Bounds().Min
	for y := range size.Y {
		for x := range size.X {
			c := color.YCbCrModel.Convert(picture.At(from.X+x, from.Y+y)).(color.YCbCr)
			i := y*size.X + x
			whole.Y[i], whole.Cb[i], whole.Cr[i] = c.Y, c.Cb, c.Cr
		}
	}
	return planar(whole, scratch)
}

func copyRows(dst []byte, dstStride int, src []byte, srcStride int, size image.Point) {
	for y := range size.Y {
		copy(dst[y*dstStride:][:size.X], src[y*srcStride:][:size.X])
	}
}

// average fills the colour of a 4:2:0 picture with that of one of the same size and any
// other sampling: each sample is the mean of those of its four pixels.
func average(dst, src *image.YCbCr) {
	wide, high := chromaPixels(src.SubsampleRatio)
	size := src.Rect.Size()
	for y := range (size.Y + 1) / 2 {
		top := src.CStride * (2 * y / high)
		bottom := src.CStride * (min(2*y+1, size.Y-1) / high)
		for x := range (size.X + 1) / 2 {
			left, right := 2*x/wide, min(2*x+1, size.X-1)/wide
			blue := int(src.Cb[top+left]) + int(src.Cb[top+right]) + int(src.Cb[bottom+left]) + int(src.Cb[bottom+right])
			red := int(src.Cr[top+left]) + int(src.Cr[top+right]) + int(src.Cr[bottom+left]) + int(src.Cr[bottom+right])
			i := y*dst.CStride + x
			dst.Cb[i], dst.Cr[i] = byte((blue+2)/4), byte((red+2)/4)
		}
	}
}

// chromaPixels is how many pixels share a sample of colour, side by side and one below
// the other.
func chromaPixels(ratio image.YCbCrSubsampleRatio) (wide, high int) {
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}
