package h264

import (
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// Chain follows the numbers of frames (frame_num, 7.4.3), which count those that others may need: a
// receiver tells by them whether what it did not get was needed. Its zero value is ready. It belongs
// to one goroutine.
type Chain struct {
	syntax syntax
	params *media.Params
	known  bool
	last   uint32 // frame_num of the last frame that others may need
}

// Next takes the next frame of those that came, in their order, and reports whether none that
// others may need is missing between it and the one before. It is true of every key frame. Where a
// number cannot be read it is false.
func (c *Chain) Next(f *media.Frame) bool {
	if f.Params != c.params {
		c.params = f.Params
		var u nal.Unit
		for _, set := range f.Params.ParameterSets {
			if len(set) > 0 {
				_ = c.syntax.Take(set, &u) // without it no slice can be read
			}
		}
	}
	h, ok := c.slice(f.Bytes)
	if !ok {
		c.known = false
		return f.Key
	}
	modulus := uint32(1) << c.syntax.sps[c.syntax.pps[h.pps].sps].frameNumBits
	next := (c.last + 1) % modulus
	whole := f.Key || c.known && (h.frameNum == next || h.field && h.frameNum == c.last)
	c.known = true
	switch {
	case h.reference:
		c.last = h.frameNum
	case !whole:
		c.last = (h.frameNum + modulus - 1) % modulus
	}
	return whole
}

// slice reads the header of a frame's first slice.
func (c *Chain) slice(frame []byte) (h slice, ok bool) {
	for len(frame) > 0 {
		unit, rest, err := nal.Next(frame)
		if err != nil {
			return slice{}, false
		}
		if IsSlice(unit) {
			h, err := c.syntax.parseSlice(unit)
			return h, err == nil && h.read
		}
		frame = rest
	}
	return slice{}, false
}
