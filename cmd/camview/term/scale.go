package term

import (
	"image"
	"image/color"
)

// colour is red, green and blue.
type colour [3]uint8

// scaler makes pictures smaller: each pixel becomes the mean of those it stands for. It
// keeps its memory between pictures.
type scaler struct {
	planes [3][]uint8
}

// scale writes picture at w by h pixels to dst, row by row.
func (s *scaler) scale(dst []colour, picture image.Image, w, h int) {
	ycc, ok := picture.(*image.YCbCr)
	if !ok {
		scaleAny(dst, picture, w, h)
		return
	}
	corner, size := ycc.Rect.Min, ycc.Rect.Size()
	chroma := chromaSize(ycc)
	for i := range s.planes {
		if cap(s.planes[i]) < w*h {
			s.planes[i] = make([]uint8, w*h)
		}
		s.planes[i] = s.planes[i][:w*h]
	}
	at := ycc.COffset(corner.X, corner.Y)
	scalePlane(s.planes[0], ycc.Y[ycc.YOffset(corner.X, corner.Y):], ycc.YStride, size, w, h)
	scalePlane(s.planes[1], ycc.Cb[at:], ycc.CStride, chroma, w, h)
	scalePlane(s.planes[2], ycc.Cr[at:], ycc.CStride, chroma, w, h)
	for i := range dst[:w*h] {
		r, g, b := color.YCbCrToRGB(s.planes[0][i], s.planes[1][i], s.planes[2][i])
		dst[i] = colour{r, g, b}
	}
}

// chromaSize is the size of the planes of colour, which have fewer pixels than the
// picture.
func chromaSize(p *image.YCbCr) image.Point {
	first := p.COffset(p.Rect.Min.X, p.Rect.Min.Y)
	columns := p.COffset(p.Rect.Max.X-1, p.Rect.Min.Y) - first + 1
	rows := (p.COffset(p.Rect.Min.X, p.Rect.Max.Y-1)-first)/p.CStride + 1
	return image.Pt(columns, rows)
}

// box is the pixels, from first up to end, that pixel i of n stands for. There is at
// least one, also where the picture is made larger.
func box(i, n, size int) (first, end int) {
	first = i * size / n
	return first, max((i+1)*size/n, first+1)
}

// scalePlane writes a plane of the given size at w by h pixels to dst.
func scalePlane(dst, plane []uint8, stride int, size image.Point, w, h int) {
	for y := range h {
		top, bottom := box(y, h, size.Y)
		for x := range w {
			left, right := box(x, w, size.X)
			sum, count := 0, (right-left)*(bottom-top)
			for row := top; row < bottom; row++ {
				for _, v := range plane[row*stride+left : row*stride+right] {
					sum += int(v)
				}
			}
			dst[y*w+x] = uint8((sum + count/2) / count)
		}
	}
}

// scaleAny is the same for every other kind of picture, which cameras seldom make.
func scaleAny(dst []colour, picture image.Image, w, h int) {
	b := picture.Bounds()
	for y := range h {
		top, bottom := box(y, h, b.Dy())
		for x := range w {
			left, right := box(x, w, b.Dx())
			dst[y*w+x] = mean(picture, image.Rect(left, top, right, bottom).Add(b.Min))
		}
	}
}

func mean(picture image.Image, box image.Rectangle) colour {
	var red, green, blue, count uint64
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			red, green, blue, count = red+uint64(r), green+uint64(g), blue+uint64(b), count+1
		}
	}
	round := func(sum uint64) uint8 { return uint8((sum/count + 128) / 257) }
	return colour{round(red), round(green), round(blue)}
}
