package h264

import (
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// Chain follows the numbers of frames (frame_num, 7.4.3), which count those that others may need: a
// receiver tells by them whether what it did not get was needed. These numbers begin anew with each IDR
// picture and count to 16 in many streams, so that the right one may come by chance. So the order in
// which pictures are shown (8.2.1) must agree with their times, too, and what was lost must have been too
// short for such a chance, or too few packets for an IDR picture: fewer than half of any that came. Where
// that cannot be told, the frame counts as one that cannot be decoded.
//
// Its zero value is ready. It belongs to one goroutine.
type Chain struct {
	syntax syntax
	params *media.Params
	whole  bool   // all that others may need has come since the last key frame
	number uint32 // frame_num of the last frame that others may need
	last   slice  // the last frame's
	time   uint32 // the last frame's timestamp
	pace   pace
}

// Arrival says how a frame came.
type Arrival struct {
	// Timestamp is when the frame is to be shown, in units of any clock that does not change, modulo 2^32.
	Timestamp uint32
	// Packets is how many packets the frame came in, 1 or more.
	Packets int
	// Missing is how many packets may be missing between the frame and the one before, needed or not; 0 if
	// none is.
	Missing int
}

// Next takes the next frame of those that came, in their order, and reports whether it can be decoded:
// all that it may need has come since the last key frame. It is true of every key frame. Where the
// frame's header cannot be read it is false.
func (c *Chain) Next(f *media.Frame, a Arrival) bool {
	c.take(f.Params)
	h, ok := c.slice(f.Bytes)
	if !ok {
		c.whole, c.last = false, slice{}
		return f.Key
	}
	sequence := c.sequence(&h)
	ticks := int(int32(a.Timestamp - c.time))
	if a.Missing == 0 && c.last.read && !h.idr {
		c.pace.measure(&c.last, &h, sequence, ticks)
	}
	if h.idr {
		c.pace.noteKey(a.Packets)
	}
	next := (c.number + 1) & (1<<sequence.frameNumBits - 1)
	isNext := h.frameNum == next
	if a.Missing > 0 {
		isNext = isNext && c.pace.isClose(&c.last, &h, sequence, ticks, a.Missing)
	} else {
		isNext = isNext || h.field && h.frameNum == c.number // the second one
	}
	c.whole = f.Key || c.whole && isNext
	c.last, c.time = h, a.Timestamp
	if h.reference {
		c.number = h.frameNum
	}
	return c.whole
}

// take takes the parameter sets, if they are others than before.
func (c *Chain) take(p *media.Params) {
	if p == c.params {
		return
	}
	c.params, c.pace = p, pace{}
	var u nal.Unit
	for _, set := range p.ParameterSets {
		if len(set) > 0 {
			_ = c.syntax.Take(set, &u) // without it no slice can be read
		}
	}
}

// sequence is the sequence parameter set that a slice refers to.
func (c *Chain) sequence(h *slice) *knownSPS { return &c.syntax.sps[c.syntax.pps[h.pps].sps] }

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
