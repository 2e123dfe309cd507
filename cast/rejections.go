package cast

import (
	"encoding/binary"
	"net/netip"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop"
)

// Hosts answer what comes to a closed port with ICMP, at a limited rate: Linux sends one such
// message a second to a host. So of many readers who have vanished from one host at once most are
// ended by their silence. Of hosts and networks that cannot be reached ICMP is not believed: a
// route may come back.
//
// Fixed destinations are not concerned. Nobody need listen there yet, and many do not read RTCP.

// rejected is called with what ICMP says of a datagram that was sent to a reader. Anybody can send
// ICMP: it counts only if it quotes the SSRC of the reader's stream.
func (b *Broadcaster) rejected(j loop.Rejection) {
	if !j.PortClosed {
		return
	}
	ssrc, ok := ssrcOf(j.Quoted)
	if s := b.privateIndex[privateKey(j.Peer)]; s != nil && ok && ssrc == s.SSRC() {
		s.private.PortClosed()
		return
	}
	if r := b.listenerAt(j.Peer); r != nil && ok && ssrc == laneOf(r).packets.SSRC() {
		r.PortClosed()
	}
}

// listenerAt is the reader that listens at an address, nil if there is none: for RTP, with RTCP at
// the next port or the same, or for RTCP. A reader's RTCP port counts only if it has reported
// from there: there are players who do not open it.
func (b *Broadcaster) listenerAt(a netip.AddrPort) *fanout.Reader {
	if r := b.rtpIndex.find(a); r != nil {
		return r
	}
	if r := b.rtcpIndex.find(netip.AddrPortFrom(a.Addr(), a.Port()+1)); r != nil && r.RTPAddress() == a {
		return r // one that the program has added
	}
	r := b.rtcpIndex.find(a)
	if r == nil || r.RTPAddress() == a {
		return r
	}
	if o, ok := r.Observer().(*sessionObserver); ok && o.reception.reports > 0 {
		return r
	}
	return nil
}

// ssrcOf is the SSRC of the sender of RTP or RTCP, of which at least the header is there.
func ssrcOf(p []byte) (ssrc uint32, ok bool) {
	at := 8
	if isRTCP(p) {
		at = 4
	}
	if len(p) < at+4 || p[0]>>6 != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint32(p[at:]), true
}
