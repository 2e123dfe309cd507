package encode

import "image"

// scaler makes 4:2:0 pictures of another size. Its buffers stay.
type scaler struct {
	halves []*image.YCbCr // of each halving
	out    *image.YCbCr
	plans  [2]axis // of brightness and colour, for the lines
	rows   [2][]uint16
	row    [2]int // which source lines are in rows
}

// scale returns the picture in another size: the picture itself if it has that. The result is valid until
// the next call.
func (s *scaler) scale(p *image.YCbCr, size image.Point) *image.YCbCr {
	for n := 0; p.Rect.Dx() >= 2*size.X && p.Rect.Dy() >= 2*size.Y; n++ {
		if n == len(s.halves) {
			s.halves = append(s.halves, nil)
		}
		p = halve(p, &s.halves[n])
	}
	if p.Rect.Size() == size {
		return p
	}
	out := reuse(&s.out, size, image.YCbCrSubsampleRatio420)
	from := p.Rect.Size()
	s.plane(out.Y, out.YStride, size, p.Y, p.YStride, from, 0)
	half := func(p image.Point) image.Point { return image.Pt((p.X+1)/2, (p.Y+1)/2) }
	s.plane(out.Cb, out.CStride, half(size), p.Cb, p.CStride, half(from), 1)
	s.plane(out.Cr, out.CStride, half(size), p.Cr, p.CStride, half(from), 1)
	return out
}

// halve makes each sample the mean of four.
func halve(p *image.YCbCr, kept **image.YCbCr) *image.YCbCr {
	size := image.Pt(p.Rect.Dx()/2, p.Rect.Dy()/2)
	out := reuse(kept, size, image.YCbCrSubsampleRatio420)
	halvePlane(out.Y, out.YStride, size, p.Y, p.YStride, p.Rect.Size())
	colours, had := image.Pt((size.X+1)/2, (size.Y+1)/2), image.Pt((p.Rect.Dx()+1)/2, (p.Rect.Dy()+1)/2)
	halvePlane(out.Cb, out.CStride, colours, p.Cb, p.CStride, had)
	halvePlane(out.Cr, out.CStride, colours, p.Cr, p.CStride, had)
	return out
}

func halvePlane(dst []byte, dstStride int, size image.Point, src []byte, srcStride int, had image.Point) {
	for y := range size.Y {
		top := src[2*y*srcStride:][:had.X]
		bottom := src[min(2*y+1, had.Y-1)*srcStride:][:had.X]
		line := dst[y*dstStride:][:size.X]
		for x := range min(size.X, had.X/2) {
			i := 2 * x
			line[x] = byte((int(top[i]) + int(top[i+1]) + int(bottom[i]) + int(bottom[i+1]) + 2) / 4)
		}
		if size.X > had.X/2 {
			line[size.X-1] = byte((int(top[had.X-1]) + int(bottom[had.X-1]) + 1) / 2)
		}
	}
}

// axis says for each sample of a line or column from which two it is mixed: at and at+1, of the second
// weight/256.
type axis struct {
	from, to int
	at       []int32
	weight   []uint16
}

// plan makes the axis that goes from so many samples to so many. The outermost samples have no neighbour.
func (a *axis) plan(from, to int) {
	if a.from == from && a.to == to {
		return
	}
	a.from, a.to = from, to
	a.at, a.weight = make([]int32, to), make([]uint16, to)
	for i := range to {
		a.at[i], a.weight[i] = mix(i, from, to)
	}
}

// mix is where sample i of to is among from samples, whose middles are half a sample from their edges.
func mix(i, from, to int) (at int32, weight uint16) {
	middle := (int64(2*i+1)*int64(from)*128)/int64(to) - 128 // in 256ths
	middle = min(max(middle, 0), int64(from-1)*256)
	if at = int32(middle >> 8); int(at) == from-1 && from > 1 {
		return at - 1, 256
	}
	return at, uint16(middle & 255)
}

// plane mixes each sample of four.
func (s *scaler) plane(dst []byte, dstStride int, size image.Point, src []byte, srcStride int, from image.Point, plan int) {
	a := &s.plans[plan]
	a.plan(from.X, size.X)
	s.row = [2]int{-1, -1}
	for y := range size.Y {
		at, weight := mix(y, from.Y, size.Y)
		top := s.line(src, srcStride, from, int(at), a)
		bottom := s.line(src, srcStride, from, min(int(at)+1, from.Y-1), a)
		line := dst[y*dstStride:][:size.X]
		w := uint32(weight)
		for x := range line {
			line[x] = byte((uint32(top[x])*(256-w) + uint32(bottom[x])*w + 1<<15) >> 16)
		}
	}
}

// line is a line of the source, mixed, in 256ths. It is kept for the next line, which often needs it, too.
func (s *scaler) line(src []byte, stride int, from image.Point, y int, a *axis) []uint16 {
	kept := y & 1
	if len(s.rows[kept]) < a.to {
		s.rows[kept] = make([]uint16, a.to)
	}
	row := s.rows[kept][:a.to]
	if s.row[kept] == y {
		return row
	}
	s.row[kept] = y
	line := src[y*stride:][:from.X]
	if from.X == 1 {
		for x := range row {
			row[x] = uint16(line[0]) << 8
		}
		return row
	}
	for x := range row {
		at, w := a.at[x], a.weight[x]
		row[x] = uint16(line[at])*(256-w) + uint16(line[at+1])*w
	}
	return row
}
