package cast

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtsp"
)

// Destination is a fixed address that a stream is sent to, whether or not somebody
// listens there: a host, or a multicast group.
type Destination struct {
	// Peer is where RTP goes; RTCP goes to the next port.
	Peer netip.AddrPort
	// TTL is how many routers a group's packets may pass, 1 to 255 (1: the local
	// network). It is not used for a host.
	TTL int
	// Interface is the network interface that a group is sent on; "" leaves it to the
	// routing table.
	Interface string
}

// fixedDestination is a Destination that is being sent to.
type fixedDestination struct {
	Destination
	pair    *socketPair
	session *Session
}

// SendTo has the stream sent to a fixed address, from the next key frame on and until the
// session that it returns is ended. No gate is asked and no limit counts it: it is the program
// that sends, and no stranger who asks. The error is ErrClosed, or says what is wrong with the
// destination.
func (s *Stream) SendTo(d Destination) (*Session, error) {
	if err := s.over(); err != nil {
		return nil, err
	}
	if d.TTL == 0 {
		d.TTL = 1
	}
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("destination %v: %w", d.Peer, err)
	}
	fixed := &fixedDestination{Destination: d}
	if err := fixed.open(s); err != nil {
		return nil, fmt.Errorf("destination %v: %w", d.Peer, err)
	}
	session := s.broadcaster.newSession(SessionOptions{Stream: s, Protocol: Send, Peer: d.Peer, FromKeyFrame: true, Ended: func(string) {
		if err := s.closeFixed(fixed); err != nil {
			s.log.Warn("sockets of a destination cannot be closed", "destination", d.Peer, "error", err)
		}
	}})
	fixed.session = session
	s.fixed = append(s.fixed, fixed)
	session.start(fixed.pair.rtp, fixed.pair.rtcp, Address{RTP: d.Peer, RTCP: netip.AddrPortFrom(d.Peer.Addr(), d.Peer.Port()+1)}, nil)
	if err := session.begin(UDP); err != nil {
		return nil, err
	}
	return session, nil
}

// open opens the sockets to send from.
func (d *fixedDestination) open(s *Stream) error {
	b := s.broadcaster
	from := netip.IPv4Unspecified()
	if d.Peer.Addr().Is6() {
		from = netip.IPv6Unspecified()
	}
	o := pairOptions{
		budget: b.budgets.datagrams,
		log:    s.log, rtcp: func(udp.Datagram) {},
		noSegmentation: b.config.NoSegmentation, noBatches: b.config.NoBatches,
	}
	if d.Peer.Addr().IsMulticast() {
		o.multicastTTL, o.multicastInterface = d.TTL, d.Interface
	}
	return tryFreePorts(b.loop, from, func(free netip.AddrPort) (err error) {
		d.pair, err = openPair(b.loop, free, o)
		return err
	})
}

// closeFixed ends a fixed destination, and its session.
func (s *Stream) closeFixed(d *fixedDestination) error {
	at := slices.Index(s.fixed, d)
	if at < 0 {
		return nil
	}
	s.fixed = slices.Delete(s.fixed, at, at+1)
	d.session.End("removed")
	s.rendition.plain.udp.Forget(d.pair.rtp)
	s.broadcaster.endFarewells(d.pair)
	return d.pair.close()
}

// Group is the multicast group, of IPv4 or of IPv6, that the stream is sent to; ok is false if
// there is none.
func (s *Stream) Group(ipv4 bool) (d Destination, ok bool) {
	for _, f := range s.fixed {
		if f.Peer.Addr().IsMulticast() && f.Peer.Addr().Is4() == ipv4 {
			return f.Destination, true
		}
	}
	return Destination{}, false
}

func (d Destination) check() error {
	switch {
	case !d.Peer.IsValid() || d.Peer.Addr().IsUnspecified():
		return errors.New("is not an address that can be sent to")
	case d.Peer.Port() == 0 || d.Peer.Port() == 65535:
		return errors.New("the port must be 1 to 65534: RTCP needs the next one")
	case d.TTL < 1 || d.TTL > 255:
		return fmt.Errorf("ttl %d: must be 1 to 255", d.TTL)
	}
	return nil
}

// SDPFor describes the stream, as sent to d, to a player that is given it as a file. The error
// is a *Refusal if the stream cannot be described yet.
func (s *Stream) SDPFor(d Destination) ([]byte, error) {
	description, err := s.SDP()
	if err != nil {
		return nil, err
	}
	return rtsp.SDP(description, rtsp.Place{Media: d.Peer, TTL: uint8(max(d.TTL, 1))})
}
