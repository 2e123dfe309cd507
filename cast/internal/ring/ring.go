package ring

import (
	"github.com/camcast/camcast/media"
)

// Frame is one coded frame in the ring.
type Frame struct {
	// Frame is what the source delivered. Bytes lie in the slot: they hold as long as Number
	// stays the same.
	media.Frame
	// Number counts the frames of a ring from 1. A slot that is filled again gets a new
	// number: that is how a reader notices that its frame is gone.
	Number uint64
	// Keys is how many key frames the ring has had up to this one.
	Keys uint64

	buffer []byte // what Bytes lie in, kept for the next frame
	wires  []laid // by the form's index
	// pins counts the cursors that are in the middle of this frame and may lose it, and holds
	// those that may not.
	pins, holds int
}

// spareFrames is how many frames may be kept beyond the recent ones because a reader stands
// in the middle of each. When there are more, the oldest is given up, and its readers go on
// with the newest, having missed the rest of theirs.
const spareFrames = 8

// Ring holds the recent frames of a stream: the last `window` frames in order, and those
// older ones that a cursor is in the middle of.
type Ring struct {
	slots  []*Frame
	recent []*Frame // frame number n is at n % window
	newest uint64
	// keys is Keys of the newest frame, and newestKey the number of the last key frame, 0 if
	// there was none.
	keys, newestKey uint64
	forms           []*Form
	// holders is how many frames may be held at a time. RemoveHolder leaves the slot for the
	// next holder.
	holders int
}

// New makes a ring of the given window, at least 1: how many frames a reader may be behind.
func New(window int) *Ring {
	r := &Ring{recent: make([]*Frame, window)}
	for range window + 1 + spareFrames { // 1: the frame that is being filled
		r.slots = append(r.slots, new(Frame))
	}
	return r
}

// AddHolder makes room for the frame that one more sweep is in the middle of (Frame.Hold).
func (r *Ring) AddHolder() {
	r.holders++
	for len(r.slots) < len(r.recent)+1+spareFrames+r.holders {
		r.slots = append(r.slots, new(Frame))
	}
}

// RemoveHolder takes that room away again. The sweep holds no frame any more.
func (r *Ring) RemoveHolder() { r.holders-- }

// Newest is the number of the newest frame, 0 before the first one.
func (r *Ring) Newest() uint64 { return r.newest }

// Last returns the newest frame, nil if there is none yet.
func (r *Ring) Last() *Frame { return r.Get(r.newest) }

// Get returns frame number n, or nil if it is no longer, or not yet, among the recent ones.
func (r *Ring) Get(n uint64) *Frame {
	if f := r.recent[n%uint64(len(r.recent))]; f != nil && f.Number == n {
		return f
	}
	return nil
}

// Publish copies a frame into the ring, makes it the newest one, and lays it out in every
// form in use. The error is that of a form it cannot be laid out in, whose readers skip it.
// The frame returned holds until the ring needs its slot.
func (r *Ring) Publish(m media.Frame) (*Frame, error) {
	f := r.vacant()
	f.buffer = append(f.buffer[:0], m.Bytes...)
	f.Frame = m
	f.Bytes = f.buffer
	r.newest++
	if m.Key {
		r.keys++
		r.newestKey = r.newest
	}
	f.Number, f.Keys = r.newest, r.keys
	r.recent[f.Number%uint64(len(r.recent))] = f
	var first error
	for _, form := range r.forms {
		if form.users == 0 {
			continue
		}
		if err := form.lay(f); err != nil && first == nil {
			first = err
		}
	}
	return f, first
}

// vacant returns a slot to fill. Its number is 0 until Publish gives it one.
func (r *Ring) vacant() *Frame {
	var oldest *Frame
	for _, f := range r.slots {
		if f.Number == 0 {
			return f
		}
		if r.Get(f.Number) != f && f.holds == 0 && (oldest == nil || oldest.pins > 0 && f.pins == 0 ||
			(oldest.pins > 0) == (f.pins > 0) && f.Number < oldest.Number) {
			oldest = f
		}
	}
	// There are more slots than recent frames and holders, so one was found. If it is
	// pinned its readers will see that its number is another.
	oldest.Number, oldest.pins = 0, 0
	return oldest
}

// Hold keeps the frame in the ring until Release, however old it becomes. There must not be
// more frames held at a time than AddHolder was called for.
func (f *Frame) Hold() { f.holds++ }

// Release ends a Hold.
func (f *Frame) Release() { f.holds-- }

// Pin is a reader's hold on the frame it is in the middle of. Unlike Frame.Hold it does not
// last: the frame may be given up, which Held tells. The zero value holds nothing.
type Pin struct {
	frame  *Frame
	number uint64
}

// Set takes hold of f.
func (p *Pin) Set(f *Frame) {
	p.frame, p.number = f, f.Number
	f.pins++
}

// Held returns the frame in hand, nil if there is none or it was given up.
func (p *Pin) Held() *Frame {
	if p.frame == nil || p.frame.Number != p.number {
		return nil
	}
	return p.frame
}

// GivenUp reports whether the frame in hand was given up.
func (p *Pin) GivenUp() bool { return p.frame != nil && p.frame.Number != p.number }

// Release releases the frame in hand, if there is one.
func (p *Pin) Release() {
	if f := p.Held(); f != nil {
		f.pins--
	}
	p.frame = nil
}
