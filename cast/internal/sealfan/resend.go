package sealfan

import (
	"time"

	"github.com/camcast/camcast/loop/udp"
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

// Resend sends a packet again that the reader has not got: the same bytes as before. It does nothing if the
// packet is not known any more, its frame is no longer in the ring, or the reader wants too many. It reports whether
// it has sent it.
func (r *Reader) Resend(sequence uint16) bool {
	f := r.group.owner
	if r.gone || r.resting != 0 || !r.resent.has(uint32(f.config.Loop.Now()/time.Millisecond)) {
		return false
	}
	index, origin, ok := r.keys.Origin(sequence)
	frame := f.config.Ring.Get(origin.Frame)
	if !ok || frame == nil {
		return false
	}
	l := r.group.layout
	wire := l.form.Of(frame)
	if wire == nil || int(origin.Packet) >= wire.Count || origin.Layout != l.id && origin.Layout != l.squeezed() {
		return false
	}
	packet := wire.Packet(int(origin.Packet))
	if origin.Layout == l.squeezed() {
		k := &f.catching
		k.copied = r.squeeze.AppendRun(k.copied[:0], packet, frame.Number, wire)
		packet = k.copied
	}
	sealed, err := r.keys.Reseal(f.scratch[:0], packet, index, origin)
	f.scratch = sealed
	if err != nil {
		return false
	}
	g := r.group
	return !udp.IsFull(g.fan.Socket().SendTo(sealed, r.Peer(), g.fan.Source(int(r.index))))
}
