package model

import "sync/atomic"

// lagThreshold is how many frames a reader may be behind before it goes on with the newest.
const lagThreshold = 10

// payloadRing has one writer and any number of readers, each at a place of its own, without
// a lock: what is written, a frame as it is sent, is published by counting it.
type payloadRing[F any] struct {
	slots   [16]atomic.Pointer[payload[F]] // more than the threshold
	written atomic.Uint64
	closed  atomic.Bool
}

// payload is a frame in the ring. next is closed when there is another one after it.
type payload[F any] struct {
	frame F
	next  chan struct{}
}

func newPayloadRing[F any]() *payloadRing[F] {
	r := &payloadRing[F]{}
	r.slots[0].Store(&payload[F]{next: make(chan struct{})}) // before the first frame
	return r
}

func (r *payloadRing[F]) slot(n uint64) *atomic.Pointer[payload[F]] {
	return &r.slots[n%uint64(len(r.slots))]
}

// write publishes a frame and wakes who waits.
func (r *payloadRing[F]) write(f F) {
	before := r.written.Load()
	r.slot(before + 1).Store(&payload[F]{f, make(chan struct{})})
	r.written.Store(before + 1)
	close(r.slot(before).Load().next)
}

// close wakes who waits, for good.
func (r *payloadRing[F]) close() {
	r.closed.Store(true)
	close(r.slot(r.written.Load()).Load().next)
}

// cursor is a reader's place in a ring: the number of the frame it was last given.
type cursor[F any] struct {
	ring *payloadRing[F]
	at   uint64
	lags atomic.Uint64
}

// next returns the reader's next frame, unless there is none yet.
func (c *cursor[F]) next() (f F, ok bool) {
	newest := c.ring.written.Load()
	if c.at == newest {
		return f, false
	}
	if newest-c.at > lagThreshold {
		c.lags.Add(newest - 1 - c.at)
		c.at = newest - 1
	}
	c.at++
	return c.ring.slot(c.at).Load().frame, true
}

// wait returns when there may be a next frame.
func (c *cursor[F]) wait() { <-c.ring.slot(c.at).Load().next }
