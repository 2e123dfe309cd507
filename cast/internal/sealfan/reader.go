package sealfan

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/srtp"
)

// Reader is one reader with keys of its own.
type Reader struct {
	group    *group
	observer Observer
	keys     *srtp.Private
	thinning *thinning // nil until it reports loss
	// squeeze is by which timestamps it was caught up.
	squeeze ring.Squeeze
	frames  uint64
	// packets and octets are those that it was sent, as reports count them.
	packets, octets uint32
	lags            uint32
	index           int32 // in the group
	// level is what it is sent at present (fanout.AllFrames and so on).
	level uint8
	gone  bool
	// waits: it goes on with a key frame. skipsLeading: it has gone on with the last key frame, so that those
	// that lead to that one cannot be decoded.
	waits, skipsLeading bool
	// inHand: it is sent the frame in hand. catching: it is sent frames by a cursor of its own.
	inHand, catching bool
	resting          sending.RestReason
	// refused is how many frames in a row could not be sent to it, of those that it gets, and refusedSince when
	// the first one could not, in milliseconds of a clock that may wrap.
	refused, refusedSince uint32
	resent                resent
	asks                  *asker // nil if no answer and no probe waits
	rate                  rate
	ahead                 ahead
}

// Gone reports whether the reader has left.
func (r *Reader) Gone() bool { return r.gone }

// Frames is how many frames the reader was sent whole.
func (r *Reader) Frames() uint64 { return r.frames }

// Lags is how many frames the reader has missed because sending was too far behind.
func (r *Reader) Lags() uint64 { return uint64(r.lags) }

// Sent is how many packets the reader was sent, and octets of payload: as sender reports count them.
func (r *Reader) Sent() (packets, octets uint32) { return r.packets, r.octets }

// Peer is the reader's address, until it leaves.
func (r *Reader) Peer() netip.AddrPort { return r.group.fan.Peer(int(r.index)) }

// Target is where the reader's RTCP goes, until it leaves, and by which socket.
func (r *Reader) Target() (*udp.Socket, fanout.Target) {
	return r.group.fan.Socket(), fanout.Target{RTCP: r.Peer(), Source: r.group.fan.Source(int(r.index))}
}

// SealRTCP appends RTCP for the reader to dst, sealed. It must be sent.
func (r *Reader) SealRTCP(dst, packet []byte) ([]byte, error) { return r.keys.SealRTCP(dst, packet) }

// OpenRTCP appends what the reader has sealed to dst. The error says that it has not, or that the packet came before.
func (r *Reader) OpenRTCP(dst, packet []byte) ([]byte, error) { return r.keys.OpenRTCP(dst, packet) }

// SendRTCP sends RTCP to the reader, sealed. Like any datagram, it may be lost.
func (r *Reader) SendRTCP(packet []byte) {
	f := r.group.owner
	sealed, err := r.keys.SealRTCP(f.scratch[:0], packet)
	f.scratch = sealed
	if err == nil {
		_ = r.group.fan.Socket().SendTo(sealed, r.Peer(), r.group.fan.Source(int(r.index)))
	}
}

// enter adds the reader to a group.
func (r *Reader) enter(g *group, at Address) {
	r.group, r.index, r.refused = g, int32(g.fan.Add(at.Peer, at.Source)), 0
	g.readers = append(g.readers, r)
}

// Leave ends sending to the reader, at once or with the frame in hand. Leaving twice does nothing.
func (r *Reader) Leave() {
	if r.gone {
		return
	}
	r.gone = true
	f := r.group.owner
	f.config.Figures.CountLeaving(r.Thinned(), r.resting != 0, r.heldBack())
	f.catching.remove(r)
	if g := r.group; g.sweep.Hand != nil {
		g.leaving = append(g.leaving, r)
		return
	}
	r.remove()
}

// remove takes the reader out of its group, which has no frame in hand.
func (r *Reader) remove() {
	g, index := r.group, int(r.index)
	last := g.fan.Remove(index)
	g.readers[index] = g.readers[last]
	g.readers[index].index = int32(index)
	g.readers[last] = nil
	g.readers = g.readers[:last]
	g.owner.release(g.layout)
}

// Move has the reader be sent to at another address. If that takes another socket, it goes on with a key frame.
func (r *Reader) Move(to Address) {
	g := r.group
	if r.gone || to.Socket == g.fan.Socket() {
		if !r.gone {
			g.fan.Move(int(r.index), to.Peer, to.Source)
			r.refused = 0
		}
		return
	}
	f := g.owner
	g.layout.readers++ // until it is in the other group
	g.layout.form.Use()
	was := &Reader{group: g, index: r.index, gone: true}
	g.readers[r.index] = was
	r.enter(f.group(to.Socket, g.layout, g.tagBytes), to)
	if !r.catching {
		r.inHand, r.waits = false, true
		f.config.RequestKey()
	}
	if g.sweep.Hand != nil {
		g.leaving = append(g.leaving, was)
	} else {
		was.remove()
	}
}

// gets reports whether the reader is sent a frame, and notes what follows from that. wire is the frame's packets.
func (r *Reader) gets(f *ring.Frame, wire *ring.Wire) bool {
	switch {
	case r.gone || r.resting != 0:
		r.waits = true
		return false
	case r.catching:
		return false
	case f.Key:
		r.skipsLeading, r.waits = r.waits, false
		return r.allows(f, wire)
	case r.waits || r.level == fanout.KeyFrames:
		r.probe(f, wire)
		return false
	case f.Disposable && r.level >= fanout.NeededFrames:
		return false
	}
	return !(f.Leading && r.skipsLeading) && r.allows(f, wire)
}

// cut has the reader go on with a key frame, as it was not sent a frame that others need.
func (r *Reader) cut() {
	r.waits = true
	r.group.owner.config.RequestKey()
}

// unreachable notes that the frame in hand could not be sent to the reader.
func (r *Reader) unreachable(err error) {
	f := r.group.owner
	f.config.Figures.Unreachable++
	now := uint32(f.config.Loop.Awake() / time.Millisecond)
	if r.refused == 0 {
		r.refusedSince = now
	}
	r.refused++
	if !r.gone && sending.IsLost(r.refused, r.refusedSince, now) {
		f.sweeps.Lose(r, r.observer, err)
	}
}
