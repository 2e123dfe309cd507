package cast

import (
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// frame is one picture, laid out as packets once for everybody.
type frame struct {
	// number counts the frames of a stream from 1. A slot that is filled again gets
	// a new number: that is how a reader sees that its frame is gone.
	number   uint64
	captured time.Duration // on CLOCK_MONOTONIC
	packets  rtp.Packets
	// first counts the stream's packets before this frame. It may wrap.
	first  uint32
	buffer []byte // what packets lies in, kept for the next frame
	// begun says that some of it has been sent to a reader who is sent every frame, and
	// swept that all such readers behind one socket have it.
	begun, swept bool
	// pins counts the TCP readers that are in the middle of this frame, and sweeps the
	// sweeps, which may stand still in it without its being given up.
	pins, sweeps int
}

// spareFrames is how many frames may be kept beyond the recent ones because a
// TCP reader stands in the middle of each. When there are more, the oldest is given up
// and its readers go on with the newest, having missed the rest of theirs.
const spareFrames = 8

// ring holds the recent frames of a stream in a constant number of buffers: the
// last `window` frames in order, and those older ones that a reader or a sweep is in the
// middle of.
type ring struct {
	slots  []*frame
	recent []*frame // frame number n is at n % window
	newest uint64
}

// newRing makes a ring of the given window, at least 1: how many frames a reader may
// be behind.
func newRing(window int) *ring {
	r := &ring{recent: make([]*frame, window)}
	for range window + 1 + spareFrames { // 1: the frame that is being filled
		r.slots = append(r.slots, new(frame))
	}
	return r
}

// addSweep makes room for the frame that one more sweep is in the middle of.
func (r *ring) addSweep() { r.slots = append(r.slots, new(frame)) }

// get returns frame number n, or nil if it is no longer, or not yet, among the
// recent ones.
func (r *ring) get(n uint64) *frame {
	if f := r.recent[n%uint64(len(r.recent))]; f != nil && f.number == n {
		return f
	}
	return nil
}

// vacant returns a slot to fill. Its number is 0 until publish.
func (r *ring) vacant() *frame {
	var oldest *frame
	for _, f := range r.slots {
		if f.number == 0 {
			return f
		}
		if r.get(f.number) != f && f.sweeps == 0 && (oldest == nil || oldest.pins > 0 && f.pins == 0 ||
			(oldest.pins > 0) == (f.pins > 0) && f.number < oldest.number) {
			oldest = f
		}
	}
	// There are more slots than recent frames and sweeps, so one was found. If it is
	// pinned its readers will see that its number is another.
	oldest.number, oldest.pins = 0, 0
	oldest.begun, oldest.swept = false, false
	return oldest
}

// last returns the newest frame, nil if there is none yet.
func (r *ring) last() *frame { return r.get(r.newest) }

// publish makes f the newest frame.
func (r *ring) publish(f *frame) {
	r.newest++
	f.number = r.newest
	r.recent[f.number%uint64(len(r.recent))] = f
}

// after returns the frame to send to a reader who is sent those whose number is a
// multiple of step, and whose last one was number last; and how many frames it misses by
// that: the next one, or, if it is more than the window behind, the newest. It returns nil
// if there is nothing new.
func (r *ring) after(last, step uint64) (f *frame, missed uint64) {
	next, newest := following(last, step), r.newest-r.newest%step
	if next > newest {
		return nil, 0
	}
	if f := r.get(next); f != nil {
		return f, 0
	}
	return r.get(newest), (newest - next) / step
}

// following is the first multiple of step after number n.
func following(n, step uint64) uint64 { return n - n%step + step }

// cursor is a TCP reader's hold on the frame it is in the middle of.
type cursor struct {
	frame  *frame
	number uint64
}

// pin takes hold of f.
func (c *cursor) pin(f *frame) {
	c.frame, c.number = f, f.number
	f.pins++
}

// held returns the frame in hand, nil if there is none or it was given up.
func (c *cursor) held() *frame {
	if c.frame == nil || c.frame.number != c.number {
		return nil
	}
	return c.frame
}

// release lets go of the frame in hand.
func (c *cursor) release() {
	if f := c.held(); f != nil {
		f.pins--
	}
	c.frame = nil
}
