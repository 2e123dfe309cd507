package cast

import (
	"errors"
	"fmt"
	"net/netip"

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
	pair *socketPair
}

// SendTo has the stream sent to a fixed address, from the next frame on and until the
// Broadcaster is closed.
func (s *Stream) SendTo(d Destination) error {
	if d.TTL == 0 {
		d.TTL = 1
	}
	err := d.check()
	if err == nil && s.source.ended {
		err = errEnded
	}
	if err != nil {
		return fmt.Errorf("destination %v: %w", d.Peer, err)
	}
	b := s.cast
	from := netip.IPv4Unspecified()
	if d.Peer.Addr().Is6() {
		from = netip.IPv6Unspecified()
	}
	fixed := &fixedDestination{Destination: d}
	o := pairOptions{log: s.log, control: func(udp.Datagram) {}}
	if d.Peer.Addr().IsMulticast() {
		o.multicastTTL, o.multicastInterface = d.TTL, d.Interface
	}
	err = tryFreePorts(b.loop, from, func(free netip.AddrPort) (err error) {
		fixed.pair, err = openPair(b.loop, free, o)
		return err
	})
	if err != nil {
		return fmt.Errorf("destination %v: %w", d.Peer, err)
	}
	s.fixed = append(s.fixed, fixed)
	s.join(fixed.pair.rtp, fixed.pair.rtcp, Place{RTP: d.Peer, RTCP: netip.AddrPortFrom(d.Peer.Addr(), d.Peer.Port()+1)}, nil)
	return nil
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

// SDP describes the stream, as sent to d, to a player that is given it as a file.
func (s *Stream) SDP(d Destination) ([]byte, error) {
	return rtsp.SDP(s.sdp(), rtsp.Place{Media: d.Peer, TTL: uint8(max(d.TTL, 1))})
}

func (s *Stream) closeFixed() error {
	var errs []error
	for _, d := range s.fixed {
		errs = append(errs, d.pair.close())
	}
	return errors.Join(errs...)
}
