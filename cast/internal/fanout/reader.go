package fanout

import (
	"net/netip"

	"github.com/camcast/camcast/cast/internal/sending"
)

// Reader is one UDP reader. It is small, as there may be ten thousand: how far it has come is
// its sweep's affair.
type Reader struct {
	group    *group
	observer Observer
	index    int32 // in the group
	// rtcpPort is where its RTCP comes from and goes to.
	rtcpPort uint16
	// gone: it has left, though it may still be in the list.
	gone bool
	// wish is the level that it is to have, unless it rests; moving: it is in group.moving.
	wish    uint8
	resting sending.RestReason // 0: it does not
	moving  bool
	// closings counts how often its port was found closed; closing: it is in fanout.closed.
	closings uint8
	closing  bool
	// cut: it was not sent a frame that others need, and goes on with a key frame.
	cut bool
	// sentBefore is how many frames had been sent whole before the row, the lowest bits of that.
	sentBefore uint8
	// refused counts the frames that the kernel did not take whole for it, and row the last ones of these between which
	// none was sent whole, up to sending.UnreachableFrames.
	row     uint8
	refused uint32
	// failed is the sweep's count at the last frame that could not be sent to it, and failingSince when the
	// row of such frames began.
	failed       uint32
	failingSince uint32 // in milliseconds of a clock that may wrap
	// entered is the last frame that the group had taken when the reader came to it, and before
	// the last one that the reader had been sent by then, 0 if there was none. Both are the
	// lower half of a number.
	entered, before uint32
	// lagsBefore and framesBefore are what the sweep's counts were when it began to serve
	// the reader, minus what the reader had from other sweeps. They may be negative.
	lagsBefore   uint32
	framesBefore uint64
	thinning     *thinning // nil until it reports loss
}

// Observer is told about a Reader.
type Observer interface {
	// RTCP is called with RTCP that came from the reader's address. The packet may be read
	// until RTCP returns.
	RTCP(packet []byte)
	// Lost is called when the kernel has refused for a while to send to the reader, or when
	// its port is closed (ErrPortClosed). The reader is still there: the observer has it leave.
	Lost(err error)
}

// Observer is the one given to Join, which may be nil.
func (r *Reader) Observer() Observer { return r.observer }

// Fanout is the one that the reader was given to.
func (r *Reader) Fanout() *Fanout { return r.group.fanout }

// Gone reports whether the reader has left.
func (r *Reader) Gone() bool { return r.gone }

// RTPAddress is where the reader's RTP goes, until it leaves.
func (r *Reader) RTPAddress() netip.AddrPort { return r.group.fan.Peer(int(r.index)) }

// RTCPAddress is where the reader's RTCP comes from and goes to, until it leaves.
func (r *Reader) RTCPAddress() netip.AddrPort {
	return netip.AddrPortFrom(r.RTPAddress().Addr(), r.rtcpPort)
}

// Leave ends sending to the reader, at once or with the frame in hand. Leaving twice does
// nothing.
func (r *Reader) Leave() {
	if r.gone {
		return
	}
	r.gone = true
	f := r.group.fanout
	f.uncount(r)
	f.config.Form.Release()
	if r.group.level == catchLevel {
		f.catching.Remove(r)
	}
	if g := r.group; g.sweep.Hand != nil {
		g.leaving = append(g.leaving, r)
		return
	}
	r.remove()
}

// Frames is how many frames the reader was sent whole.
func (r *Reader) Frames() uint64 {
	// Negative while the frame is going out that was in hand when it came.
	return uint64(max(int64(r.group.sweep.frames-r.framesBefore-uint64(r.refused)), 0))
}

// Lags is how many frames the reader has missed because sending was too far behind.
func (r *Reader) Lags() uint64 { return uint64(uint32(r.group.sweep.lags) - r.lagsBefore) }

// SendRTCP sends RTCP to the reader. Like any datagram, it may be lost.
func (r *Reader) SendRTCP(packet []byte) {
	_, _ = r.group.rtcp.SendEach(packet, 1, func(int) (netip.AddrPort, netip.Addr) {
		return r.RTCPAddress(), r.group.fan.Source(int(r.index))
	})
}

// enter adds the reader to a group.
func (r *Reader) enter(g *group, peer netip.AddrPort, source netip.Addr) {
	r.group, r.index = g, int32(g.fan.Add(peer, source))
	r.entered = uint32(g.sweep.Cursor.Taken())
	r.framesBefore += g.sweep.promised()
	r.lagsBefore += uint32(g.sweep.lags)
	g.readers = append(g.readers, r)
}

// remove takes the reader out of its group.
func (r *Reader) remove() {
	g, index := r.group, int(r.index)
	last := g.fan.Remove(index)
	g.readers[index] = g.readers[last]
	g.readers[index].index = r.index
	g.readers[last] = nil
	g.readers = g.readers[:last]
}

// leaveGroup takes the reader out of its group, for it to enter another. Its group has no frame
// in hand.
func (r *Reader) leaveGroup() {
	sweep := r.group.sweep
	r.before = uint32(r.had())
	r.framesBefore -= sweep.frames
	r.lagsBefore -= uint32(sweep.lags)
	r.failed = 0 // another sweep counts otherwise
	r.remove()
}

// had is the last frame that the reader was sent, 0 if it was sent none.
func (r *Reader) had() uint64 {
	if taken := r.group.sweep.Cursor.Taken(); uint32(taken) != r.entered {
		return taken
	}
	if r.before == 0 {
		return 0
	}
	newest := r.group.fanout.config.Ring.Newest()
	return newest - uint64(uint32(newest)-r.before)
}
