package sealfan

import (
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/proto/srtp"
)

// resentMost is how many packets a reader is sent again at most in a second: all that are lost of 2 Mbit/s on a way that
// loses every second one.
const resentMost = 100

// resent counts the packets that a reader was sent again since some time, in milliseconds of a clock that may wrap.
type resent struct {
	since uint32
	count uint32
}

// has reports whether there is room for one more, and counts it.
func (c *resent) has(now uint32) bool {
	if now-c.since >= uint32(time.Second/time.Millisecond) {
		*c = resent{since: now}
	}
	if c.count >= resentMost {
		return false
	}
	c.count++
	return true
}

// original is what a sealed packet was made of.
type original struct {
	index  uint64
	origin srtp.Origin
	frame  *ring.Frame
	wire   *ring.Wire
}

// original finds what a packet was made of. ok is false if the packet is not known any more, its frame is no longer in the
// ring, or it was a probe.
func (r *Reader) original(sequence uint16) (o original, ok bool) {
	f, l := r.group.owner, r.group.layout
	if o.index, o.origin, ok = r.keys.Origin(sequence); !ok {
		return o, false
	}
	if o.frame = f.config.Ring.Get(o.origin.Frame); o.frame == nil {
		return o, false
	}
	if o.wire = l.form.Of(o.frame); o.wire == nil {
		return o, false
	}
	return o, int(o.origin.Packet) < o.wire.Count && (o.origin.Layout == l.id || o.origin.Layout == l.squeezed())
}

// Resend has a packet be sent again that the reader has not got: the same bytes as before, within this turn of the loop if there
// is time. It does nothing if the packet is not known any more, its frame is no longer in the ring, the reader wants
// too many, or all readers together do. It reports whether the packet is to be sent. If the socket is full by then, it is not: the
// reader asks again.
func (r *Reader) Resend(sequence uint16) bool {
	a := &r.group.owner.answers
	// What is long forgotten does not count: its answers would be refused to packets that are known.
	if r.gone || r.resting != 0 || !r.keys.Recent(sequence) || !a.hasRoom(r) || !r.resent.has(r.now()) {
		return false
	}
	_, ok := r.original(sequence)
	if ok {
		a.add(r, sequence)
	}
	return ok
}

// resend sends a packet again, unless it is no longer known or the socket is full.
func (r *Reader) resend(sequence uint16) {
	f, g := r.group.owner, r.group
	if g.sweep.Waiting {
		return // for the socket to be writable
	}
	o, ok := r.original(sequence)
	if !ok {
		return
	}
	packet := o.wire.Packet(int(o.origin.Packet))
	if o.origin.Layout == g.layout.squeezed() {
		k := &f.catching
		k.copied = r.squeeze.AppendRun(k.copied[:0], packet, o.frame.Number, o.wire)
		packet = k.copied
	}
	sealed, err := r.keys.Reseal(f.scratch[:0], packet, o.index, o.origin)
	f.scratch = sealed
	if err == nil {
		_ = g.fan.Socket().SendTo(sealed, r.Peer(), g.fan.Source(int(r.index)))
	}
}
