package h265

import (
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// Chain follows which pictures can be decoded: each one names those that it needs (its reference picture
// set, 8.3.2), and a receiver tells by that whether what it did not get was needed. Its zero value is
// ready. It belongs to one goroutine.
type Chain struct {
	syntax syntax
	params *media.Params
	// whole are the picture order counts of those pictures that could be decoded and that later ones
	// may need.
	whole [mostRefs + mostLongRefs + 1]int
	count int
	refs  references
}

// Next takes the next frame of those that came, in their order, and reports whether it can be decoded: all
// pictures that it needs have come, and could be decoded. It is true of every key frame. Where that
// cannot be read it is false.
func (c *Chain) Next(f *media.Frame) bool {
	if f.Params != c.params {
		c.params = f.Params
		var u nal.Unit
		for _, set := range f.Params.ParameterSets {
			if len(set) > headerBytes {
				_ = c.syntax.takeSet(set, &u) // without it no slice can be read
			}
		}
	}
	unit := firstSlice(f.Bytes)
	h, b, err := c.syntax.parseHeader(unit)
	if err != nil || !h.read || !h.first {
		c.count = 0
		return f.Key
	}
	order := c.syntax.count(&h)
	c.syntax.take(&h)
	if h.kind.isIRAP() && h.kind != TypeCRA {
		c.count = 0 // nothing before it is needed by any
	} else if !c.read(&b, &h, order) {
		c.count = 0
		return f.Key
	}
	whole := f.Key || c.has()
	c.keep(order)
	if whole {
		c.whole[c.count] = order
		c.count++
	}
	return whole
}

// read reads what a picture refers to.
func (c *Chain) read(b *nal.Bits, h *slice, order int) bool {
	s := &c.syntax.sps[c.syntax.pps[h.pps].sps]
	return s.references != nil && c.refs.parse(b, s.references, order, s.orderBits)
}

// has reports whether all pictures are there that the last one read needs.
func (c *Chain) has() bool {
	order := c.syntax.order
	for _, r := range c.refs.short.refs[:c.refs.short.count] {
		if r.used && !c.isWhole(longRef{order: order + r.delta, whole: true}) {
			return false
		}
	}
	for _, r := range c.refs.long[:c.refs.longs] {
		if r.used && !c.isWhole(r) {
			return false
		}
	}
	return true
}

func (c *Chain) isWhole(wanted longRef) bool {
	for _, order := range c.whole[:c.count] {
		if c.isSame(order, wanted) {
			return true
		}
	}
	return false
}

func (c *Chain) isSame(order int, r longRef) bool {
	if !r.whole {
		order &= 1<<c.syntax.sps[c.syntax.pps[c.syntax.last.pps].sps].orderBits - 1
	}
	return order == r.order
}

// keep keeps those pictures that are in the last set read: no later picture needs others.
func (c *Chain) keep(order int) {
	kept := 0
	for _, o := range c.whole[:c.count] {
		if c.isKept(o, order) {
			c.whole[kept] = o
			kept++
		}
	}
	c.count = kept
}

func (c *Chain) isKept(o, order int) bool {
	for _, r := range c.refs.short.refs[:c.refs.short.count] {
		if o == order+r.delta {
			return true
		}
	}
	for _, r := range c.refs.long[:c.refs.longs] {
		if c.isSame(o, r) {
			return true
		}
	}
	return false
}

// firstSlice is the first slice of a frame, nil if there is none.
func firstSlice(frame []byte) []byte {
	for len(frame) > 0 {
		unit, rest, err := nal.Next(frame)
		if err != nil {
			return nil
		}
		if IsSlice(unit) {
			return unit
		}
		frame = rest
	}
	return nil
}
