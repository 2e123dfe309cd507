package cast

import (
	"errors"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// This file says to which addresses frames are sent by UDP.

// FirstFreePort is the first port that any program may use. Below it services of the system listen,
// and nothing is sent there unless Config.LowPorts says so.
const FirstFreePort = 1024

// CheckAddress says why no session may be sent frames by UDP at an address: it is not allowed
// (Config.Allow), it is the broadcaster's own, or its port is below 1024, where services of the
// system listen (Config.LowPorts). The error is a *Refusal of kind AddressRefused; nil if it may.
func (b *Broadcaster) CheckAddress(at Address) error {
	for _, a := range [...]netip.AddrPort{at.RTP, at.RTCP} {
		switch {
		case !allowed(b.config.Allow.RTP, a.Addr()):
			return refuse(AddressRefused, "the address is not allowed to be sent RTP by UDP")
		case a.Port() < FirstFreePort && !b.config.LowPorts:
			return refuse(AddressRefused, "port %d must be at least %d", a.Port(), FirstFreePort)
		case b.ownAddress(a):
			return refuse(AddressRefused, "port %d of %v is the server's own", a.Port(), a.Addr())
		}
	}
	return nil
}

// ownAddress reports whether a socket of the broadcaster receives what is sent to an address.
func (b *Broadcaster) ownAddress(a netip.AddrPort) bool {
	ip := a.Addr().Unmap()
	for _, p := range b.allPairs() {
		for _, socket := range [...]netip.AddrPort{p.rtp.Local(), p.rtcp.Local()} {
			if socket.Port() != a.Port() || socket.Addr().Is4() != ip.Is4() {
				continue
			}
			if socket.Addr() == ip || socket.Addr().IsUnspecified() && b.ownMachine(ip) {
				return true
			}
		}
	}
	return false
}

// ownMachine reports whether an address is one of this machine: no other can be bound to.
func (b *Broadcaster) ownMachine(ip netip.Addr) bool {
	k := b.loop.Kernel()
	fd, err := k.OpenUDP(netip.AddrPortFrom(ip, 0), loop.UDPOptions{})
	if err != nil {
		return !errors.Is(err, unix.EADDRNOTAVAIL)
	}
	_ = k.CloseFD(fd) // nothing could be done about it
	return true
}

// silence is how long a session must have been silent until another one may come to its address.
const silence = 10 * time.Second

// vacate ends the sessions at whose RTP or RTCP address another session comes to play, if they can
// no longer be there: the player has vanished and started again. The error is a *Refusal if one
// of them can.
func (b *Broadcaster) vacate(s *Session, at Address) error {
	for {
		rival, where := b.readerAt(at)
		if rival == nil {
			return nil
		}
		if err := s.yields(rival, where); err != nil {
			return err
		}
		b.evict(rival)
	}
}

// readerAt is a reader whose RTP or RTCP address is one of those, and which; nil if there is none.
func (b *Broadcaster) readerAt(at Address) (*fanout.Reader, netip.AddrPort) {
	for _, a := range [...]netip.AddrPort{at.RTP, at.RTCP} {
		for _, index := range [...]*readerIndex{&b.rtcpIndex, &b.rtpIndex} {
			if r := index.find(a); r != nil {
				return r, a
			}
		}
	}
	return nil, netip.AddrPort{}
}

// yields says why a reader does not yield an address to the session; nil if it does: it is a
// session of the same connection, or has been silent for long enough. A reader that the program
// has added stays until the program has it leave.
func (s *Session) yields(rival *fanout.Reader, where netip.AddrPort) error {
	taken := refuse(AddressTaken, "another reader is at %v", where)
	o, ok := rival.Observer().(*sessionObserver)
	if !ok {
		return taken
	}
	other := (*Session)(o)
	if other.opened.Protocol == s.opened.Protocol && other.opened.Peer == s.opened.Peer {
		return nil
	}
	if left := other.lastSign + silence - s.stream.broadcaster.loop.Awake(); left > 0 {
		taken.RetryAfter = left
		return taken
	}
	return nil
}

// isEcho reports whether a datagram is one that a stream has sent: a reader's address may send
// back what it is sent, and that is no sign of life.
func (b *Broadcaster) isEcho(p []byte) bool {
	if isRTCP(p) && p[1] != senderReport { // with which a stream's RTCP begins
		return false
	}
	ssrc, ok := ssrcOf(p)
	if !ok {
		return false
	}
	for _, s := range b.streams {
		for _, l := range s.rendition.lanes {
			if l.packets.SSRC() == ssrc {
				return true
			}
		}
	}
	return false
}

// senderReport is RFC 3550's packet type.
const senderReport = 200
