package cast

import (
	"slices"

	"github.com/camcast/camcast/loop/udp"
)

// rtcpArrived is called with what came to an RTCP port.
func (b *Broadcaster) rtcpArrived(d udp.Datagram) {
	r := b.rtcpIndex.find(d.From)
	if r == nil || b.isEcho(d.Payload) {
		return
	}
	if !mustProve(r) {
		r.Alive()
	}
	if r.Observer() != nil {
		b.lateRTCP = d.Late
		r.Observer().RTCP(d.Payload)
		b.lateRTCP = false
	}
}

// datagramHandler takes datagrams of a front.
type datagramHandler struct {
	first, last byte
	handle      func(udp.Datagram) (taken bool)
}

// HandleDatagrams has handle called with what comes to the RTP port and begins with a byte from
// first to last, which tells protocols that share a port apart (RFC 7983): 0 to 3 is STUN, 20
// to 63 DTLS, 128 to 191 RTP and RTCP. handle reports whether it has taken the datagram; what
// nobody takes is RTCP of readers who share the RTP port (RFC 5761), or junk. stop ends it.
func (b *Broadcaster) HandleDatagrams(first, last byte, handle func(udp.Datagram) (taken bool)) (stop func()) {
	h := &datagramHandler{first, last, handle}
	b.datagrams = append(b.datagrams, h)
	return func() {
		// A new list: the one in use may be walked at this moment.
		b.datagrams = slices.DeleteFunc(slices.Clone(b.datagrams), func(other *datagramHandler) bool { return other == h })
	}
}

// datagramArrived is called with what came to an RTP port. Players punch holes with junk there.
func (b *Broadcaster) datagramArrived(d udp.Datagram) {
	b.lateRTCP = d.Late
	taken := len(d.Payload) == 0 || b.handedOver(d)
	b.lateRTCP = false
	if taken {
		return
	}
	if isRTCP(d.Payload) {
		b.rtcpArrived(d)
	}
}

// handedOver reports whether a front has taken a datagram. What comes from an address that is not
// allowed is not shown to fronts.
func (b *Broadcaster) handedOver(d udp.Datagram) bool {
	for _, h := range b.datagrams {
		if d.Payload[0] < h.first || d.Payload[0] > h.last {
			continue
		}
		if !allowed(b.config.Allow.RTP, d.From.Addr()) {
			return b.refuseDatagram(d)
		}
		if h.handle(d) {
			return true
		}
	}
	return false
}

// refuseDatagram logs a datagram of an address that is not allowed, and has it dropped, unless it
// comes from a reader that the program has added.
func (b *Broadcaster) refuseDatagram(d udp.Datagram) (refused bool) {
	if b.rtcpIndex.find(d.From) != nil {
		return false
	}
	protocol := Join
	if d.Payload[0] < 64 { // STUN or DTLS
		protocol = WebRTC
	}
	b.LogRefusal(d.From, protocol, "", errNotAllowed)
	return true
}

// isRTCP reports whether a datagram on an RTP port is RTCP: version 2, and a packet type that
// is no RTP payload type (RFC 5761, section 4).
func isRTCP(p []byte) bool { return len(p) >= 2 && p[0]>>6 == 2 && p[1] >= 192 && p[1] <= 223 }

// Reply sends one datagram from the RTP port, from the address that a datagram came to, back to
// where it came from. If the socket is full it is dropped.
func (b *Broadcaster) Reply(to udp.Datagram, payload []byte) {
	if pair := b.pairFor(to.From.Addr()); pair != nil {
		_ = pair.rtp.SendTo(payload, to.From, to.To)
	}
}
