package encode

import "image"

// The functions of this file take one format apart each. The size of the planes and of the pixels has
// been checked.

// unpackLuma fills the brightness of dst with a picture's first plane.
func unpackLuma(dst *image.YCbCr, src []byte, l plan, values levels) {
	size := dst.Rect.Size()
	for y := range size.Y {
		values.luma.apply(dst.Y[y*dst.YStride:], src[y*l.stride:][:size.X])
	}
}

// noColour makes a picture grey.
func noColour(dst *image.YCbCr) {
	for i := range dst.Cb {
		dst.Cb[i] = 128
	}
	for i := range dst.Cr {
		dst.Cr[i] = 128
	}
}

// unpackPairs takes the plane of both colours apart.
func unpackPairs(first, second []byte, stride int, src []byte, l plan, values levels) {
	_, table := values.tables()
	for y := range l.chromaLines {
		in := src[l.chromaAt+y*l.chromaStride:][:l.chromaLine]
		a, b := first[y*stride:][:len(in)/2], second[y*stride:][:len(in)/2]
		for i := range a {
			pair := in[2*i : 2*i+2 : 2*i+2]
			a[i], b[i] = table[pair[0]], table[pair[1]]
		}
	}
}

// unpack422 takes YUYV apart, or, with its bytes swapped, UYVY. Where dst is 4:2:0 each sample of colour
// is the mean of two lines'.
func unpack422(dst *image.YCbCr, src []byte, l plan, isSwapped bool, values levels) {
	lumaAt, colourAt := 0, 1
	if isSwapped {
		lumaAt, colourAt = 1, 0
	}
	luma, colour := values.tables()
	size := dst.Rect.Size()
	for y := range size.Y {
		in := src[y*l.stride:][:l.line]
		row := dst.Y[y*dst.YStride:][:size.X]
		for i := range size.X / 2 {
			p := in[4*i : 4*i+4 : 4*i+4]
			row[2*i], row[2*i+1] = luma[p[lumaAt]], luma[p[lumaAt+2]]
		}
		if size.X%2 == 1 {
			row[size.X-1] = luma[in[l.line-4+lumaAt]]
		}
	}
	_, high := chromaPixels(dst.SubsampleRatio)
	for y := range (size.Y + high - 1) / high {
		top := src[high*y*l.stride:][:l.line]
		bottom := src[min(high*y+high-1, size.Y-1)*l.stride:][:l.line]
		blue, red := dst.Cb[y*dst.CStride:][:l.line/4], dst.Cr[y*dst.CStride:][:l.line/4]
		for i := range blue {
			p, q := top[4*i:4*i+4:4*i+4], bottom[4*i:4*i+4:4*i+4]
			blue[i] = byte((int(colour[p[colourAt]]) + int(colour[q[colourAt]]) + 1) / 2)
			red[i] = byte((int(colour[p[colourAt+2]]) + int(colour[q[colourAt+2]]) + 1) / 2)
		}
	}
}

// unpackRGB makes 4:2:0 of RGB or BGR, by the matrix of JFIF, BT.601's, in fixed point.
func unpackRGB(dst *image.YCbCr, src []byte, l plan, redAt, blueAt int, values levels) {
	luma, colour := values.tables()
	size := dst.Rect.Size()
	for y := range size.Y {
		in := src[y*l.stride:][:l.line]
		row := dst.Y[y*dst.YStride:][:size.X]
		for x := range row {
			p := in[3*x : 3*x+3 : 3*x+3]
			row[x] = luma[(19595*int(p[redAt])+38470*int(p[1])+7471*int(p[blueAt])+1<<15)>>16]
		}
	}
	for y := range l.chromaLines {
		top := src[2*y*l.stride:][:l.line]
		bottom := src[min(2*y+1, size.Y-1)*l.stride:][:l.line]
		blue, red := dst.Cb[y*dst.CStride:], dst.Cr[y*dst.CStride:]
		for x := range (size.X + 1) / 2 {
			left, right := 6*x, 3*min(2*x+1, size.X-1)
			p, q, r, s := top[left:left+3:left+3], top[right:right+3:right+3], bottom[left:left+3:left+3], bottom[right:right+3:right+3]
			sumR := int(p[redAt]) + int(q[redAt]) + int(r[redAt]) + int(s[redAt])
			sumG := int(p[1]) + int(q[1]) + int(r[1]) + int(s[1])
			sumB := int(p[blueAt]) + int(q[blueAt]) + int(r[blueAt]) + int(s[blueAt])
			// 257<<17 is 128 and a half, for rounding, times 1<<18.
			blue[x] = colour[min((-11056*sumR-21712*sumG+32768*sumB+257<<17)>>18, 255)]
			red[x] = colour[min((32768*sumR-27440*sumG-5328*sumB+257<<17)>>18, 255)]
		}
	}
}
