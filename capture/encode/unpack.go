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
	// Where in four bytes the samples are. They are masked with 3 where they are used, so that the
	// compiler sees that they are within.
	left, right, blueAt, redAt := 0, 2, 1, 3
	if isSwapped {
		left, right, blueAt, redAt = 1, 3, 0, 2
	}
	luma, colour := values.tables()
	size := dst.Rect.Size()
	isHalved := dst.SubsampleRatio == image.YCbCrSubsampleRatio420
	for y := range size.Y {
		in := src[y*l.stride:][:l.line]
		row := dst.Y[y*dst.YStride:][:size.X]
		if size.X%2 == 1 {
			row[size.X-1] = luma[in[l.line-4+left]]
		}
		if isHalved {
			for i := range size.X / 2 {
				p, out := (*[4]byte)(in[4*i:]), (*[2]byte)(row[2*i:])
				out[0], out[1] = luma[p[left&3]], luma[p[right&3]]
			}
			continue
		}
		blue, red := dst.Cb[y*dst.CStride:][:l.line/4], dst.Cr[y*dst.CStride:][:l.line/4]
		for i := range size.X / 2 {
			p, out := (*[4]byte)(in[4*i:]), (*[2]byte)(row[2*i:])
			out[0], out[1] = luma[p[left&3]], luma[p[right&3]]
			blue[i], red[i] = colour[p[blueAt&3]], colour[p[redAt&3]]
		}
		if last := len(blue) - 1; size.X%2 == 1 {
			blue[last], red[last] = colour[in[4*last+blueAt]], colour[in[4*last+redAt]]
		}
	}
	if !isHalved {
		return
	}
	for y := range (size.Y + 1) / 2 {
		top, bottom := src[2*y*l.stride:][:l.line], src[min(2*y+1, size.Y-1)*l.stride:][:l.line]
		blue, red := dst.Cb[y*dst.CStride:][:l.line/4], dst.Cr[y*dst.CStride:][:l.line/4]
		for i := range blue {
			p, q := (*[4]byte)(top[4*i:]), (*[4]byte)(bottom[4*i:])
			blue[i] = byte((int(colour[p[blueAt&3]]) + int(colour[q[blueAt&3]]) + 1) / 2)
			red[i] = byte((int(colour[p[redAt&3]]) + int(colour[q[redAt&3]]) + 1) / 2)
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
