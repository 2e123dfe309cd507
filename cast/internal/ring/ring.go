package ring

import (
	"time"

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
	// needed is how many frames the ring has had up to this one that others may need, and linked how
	// many of these may be needed by others than Leading ones.
	needed, linked uint64

	buffer []byte // what Bytes lie in, kept for the next frame
	wires  []laid // by the form's index
	// pins counts the cursors that are in the middle of this frame and may lose it, and holds
	// those that may not.
	pins, holds int
}

// when is when the frame was taken, or is to be decoded: it does not go back and forth.
func (f *Frame) when() time.Duration {
	if f.Decode > 0 {
		return f.Decode
	}
	return f.Captured
}

// spareFrames is how many frames may be kept beyond the recent ones because a reader stands
// in the middle of each. When there are more, the oldest is given up, and its readers go on
// with the newest, having missed the rest of theirs.
const spareFrames = 8

// Limits are how much a ring keeps.
type Limits struct {
	// Frames is how many of the newest frames are kept, at least 1.
	Frames int
	// Lag has frames kept, where frames depend on each other, that were taken at most so long
	// before the newest one. A reader that is further behind goes on with a newer key frame, if
	// there is one.
	Lag time.Duration
	// GroupBytes and GroupTime bound what is kept beyond Frames where frames depend on each
	// other: the newest group of pictures, from its key frame on, of at most so many bytes of
	// coded frames over at most so long a time.
	GroupBytes int
	GroupTime  time.Duration
}

// maxFrames is how many frames are kept at most, whatever their times say.
const maxFrames = 1 << 13

// Ring holds the recent frames of a stream, and those older ones that a cursor is in the middle of.
type Ring struct {
	limits Limits
	slots  []*Frame
	recent []*Frame // frame number n is at n % len(recent), from first to newest
	// first is the oldest frame that is kept, and live the oldest that a reader may go on with
	// that is not Patient while there is a newer key frame. bytes are those of all recent frames.
	first, live, newest uint64
	bytes               int
	// keys and needed are those of the newest frame, and newestKey is the number of the last key
	// frame, 0 if there was none.
	keys, needed, linked, newestKey uint64
	forms                           []*Form
	// holders is how many frames may be held at a time. RemoveHolder leaves the slot for the
	// next holder.
	holders int
	cut     uint64
}

// New makes a ring that keeps so much.
func New(l Limits) *Ring {
	return &Ring{limits: l, recent: make([]*Frame, l.Frames), first: 1, live: 1}
}

// AddHolder makes room for the frame that one more sweep is in the middle of (Frame.Hold).
func (r *Ring) AddHolder() { r.holders++ }

// RemoveHolder takes that room away again. The sweep holds no frame any more.
func (r *Ring) RemoveHolder() { r.holders-- }

// Newest is the number of the newest frame, 0 before the first one.
func (r *Ring) Newest() uint64 { return r.newest }

// Last returns the newest frame, nil if there is none yet.
func (r *Ring) Last() *Frame { return r.Get(r.newest) }

// NewestKey returns the newest key frame, nil if there is none yet or if it is no longer in the
// ring, as its group of pictures is too large.
func (r *Ring) NewestKey() *Frame { return r.Get(r.newestKey) }

// Cut is how many groups of pictures were larger than is kept, so far.
func (r *Ring) Cut() uint64 { return r.cut }

// Get returns frame number n, or nil if it is no longer, or not yet, among the recent ones.
func (r *Ring) Get(n uint64) *Frame {
	if n < r.first || n > r.newest {
		return nil
	}
	return r.recent[n%uint64(len(r.recent))]
}

// Follows reports whether a reader that has had frame number had, and all that it needs, can go on
// with frame number next, which may be the one after the newest: no other frame needs those
// between, and next leads to no key frame, nor do those after it if it is a key frame. Whether the
// one after the newest does is not known behind an Open key frame.
func (r *Ring) Follows(had, next uint64) bool {
	before, f := r.Get(had), r.Get(next)
	switch {
	case f != nil && f.Key && !f.Open:
		return true
	case before == nil:
		return false
	case next > r.newest:
		newest := r.Last()
		return before.linked == r.linked && !newest.Open && !newest.Leading
	case f == nil || f.Leading:
		return false
	case f.Disposable:
		return f.linked == before.linked
	}
	return f.linked == before.linked+1
}

// Publish copies a frame into the ring, makes it the newest one, and lays it out in every
// form in use. The error is that of a form it cannot be laid out in, whose readers skip it.
// The frame returned holds until the ring needs its slot.
func (r *Ring) Publish(m media.Frame) (*Frame, error) {
	f := r.vacant(len(m.Bytes))
	f.buffer = append(f.buffer[:0], m.Bytes...)
	f.Frame = m
	f.Bytes = f.buffer
	r.add(f)
	var first error
	for _, form := range r.forms {
		if form == nil || form.users == 0 {
			continue
		}
		if err := form.lay(f); err != nil && first == nil {
			first = err
		}
	}
	return f, first
}

// add makes a frame the newest one.
func (r *Ring) add(f *Frame) {
	r.newest++
	if f.Key {
		r.keys++
		r.newestKey = r.newest
	}
	if !f.Disposable {
		r.needed++
		if !f.Leading {
			r.linked++
		}
	}
	f.Number, f.Keys, f.needed, f.linked = r.newest, r.keys, r.needed, r.linked
	if r.kept() > len(r.recent) {
		r.forget(f)
	}
	if n := r.kept(); n > len(r.recent) {
		grown := make([]*Frame, 2*n)
		for i := r.first; i < r.newest; i++ {
			grown[i%uint64(len(grown))] = r.Get(i)
		}
		r.recent = grown
	}
	r.recent[f.Number%uint64(len(r.recent))] = f
	r.bytes += len(f.Bytes)
	r.forget(f)
}

// kept is how many recent frames there are.
func (r *Ring) kept() int { return int(r.newest - r.first + 1) }

// forget drops the oldest frames, as the limits are when f is the newest.
func (r *Ring) forget(f *Frame) {
	l := &r.limits
	least := r.newest - min(r.newest, uint64(l.Frames)) + 1 // this one and later ones are kept in any case
	dependent := f.Params.Format.Dependent()
	for r.live < least && (!dependent || r.live < r.first || f.when()-r.Get(r.live).when() > l.Lag) {
		r.live++
	}
	to := r.live
	if dependent && r.newestKey >= r.first {
		to = min(to, r.newestKey)
	}
	for r.first < to {
		r.drop()
	}
	if !dependent || r.first >= least || r.bytes <= l.GroupBytes && f.when()-r.Get(r.first).when() <= l.GroupTime && r.kept() <= maxFrames {
		return
	}
	for r.first < r.live || r.first < least && (r.bytes > l.GroupBytes || r.kept() > maxFrames) {
		if r.first == r.newestKey {
			r.cut++
		}
		r.drop()
	}
	r.live = max(r.live, r.first)
}

// drop drops the oldest frame.
func (r *Ring) drop() {
	r.bytes -= len(r.Get(r.first).Bytes)
	r.first++
}

// vacant returns a slot to fill with so many bytes: the one whose buffer fits best, so that those
// that have held a key frame hold one again. Its number is 0 until it is added.
func (r *Ring) vacant(bytes int) *Frame {
	var best, oldest *Frame
	for _, f := range r.slots {
		switch {
		case f.holds > 0 || f.Number > 0 && r.Get(f.Number) == f: // in use
		case f.pins > 0:
			if oldest == nil || f.Number < oldest.Number {
				oldest = f
			}
		case best == nil || fits(cap(f.buffer), cap(best.buffer), bytes):
			best = f
		}
	}
	if best == nil && len(r.slots) < max(r.kept(), r.limits.Frames)+1+spareFrames+r.holders {
		best = new(Frame)
		r.slots = append(r.slots, best)
	}
	if best == nil {
		best = oldest // the readers in the middle of it will see that its number is another
	}
	best.Number, best.pins = 0, 0
	return best
}

// fits reports whether a buffer of some capacity suits so many bytes better than another one.
func fits(capacity, other, bytes int) bool {
	if capacity >= bytes {
		return other < bytes || capacity < other
	}
	return capacity > other
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
