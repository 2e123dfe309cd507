package cast

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// socketPair is the sockets of one address family: RTP, and RTCP on the next port.
type socketPair struct {
	rtp, rtcp *udp.Socket
	// senders are the RTP sockets, by the address of this machine that is sent from:
	// rtp is that of the first.
	senders []sender
	receive func(udp.Datagram) // what comes to an RTP port
	log     *slog.Logger
}

// sender is the RTP socket that is sent from one address of this machine. As a rule that is
// an address of the interface towards the readers that have asked it, so that a slow
// interface fills a socket of its own, and the readers behind others go on.
type sender struct {
	address netip.Addr
	rtp     *udp.Socket
}

// maxSenders is how many addresses have a socket of their own; those after share the first.
const maxSenders = 8

const (
	// sendBufferBytes is what may wait for the network card: enough to keep a fast one
	// busy, and at 100 Mbit/s no more than some 160 ms of delay. What does not fit
	// waits in the ring, where newer frames can overtake.
	sendBufferBytes = 2 << 20
	// receiveBufferBytes is room for the reports of ten thousand readers who all
	// report at once, or for as many requests to join.
	receiveBufferBytes = 2 << 20
	// portTries is how often a free pair of ports is looked for.
	portTries = 100
)

// pairOptions are what is the same for all sockets of a destination or a server.
type pairOptions struct {
	log *slog.Logger
	// rtcp is called with what arrives on an RTCP port, rtp with what arrives on an RTP port;
	// that is left to the kernel to drop if rtp is nil.
	rtcp, rtp func(udp.Datagram)
	// rejected is called with what ICMP says of what was sent; nil: the kernel drops it.
	rejected func(loop.Rejection)
	// multicastTTL and multicastInterface are for destinations that are groups.
	multicastTTL       int
	multicastInterface string
	clones             *udp.Clones
	budget             *loop.Budget // of receiving
	// noSegmentation and noBatches are those of udp.Options.
	noSegmentation, noBatches bool
}

// openPairs opens the sockets on address: one pair, or, if it is the unspecified
// IPv6 address, one per family on the same ports, as far as the machine has both.
func openPairs(l *loop.Loop, address netip.AddrPort, o pairOptions) ([]*socketPair, error) {
	if address.Port() != 0 {
		return openFamilies(l, address, o)
	}
	var pairs []*socketPair
	err := tryFreePorts(l, address.Addr(), func(free netip.AddrPort) (err error) {
		pairs, err = openFamilies(l, free, o)
		return err
	})
	return pairs, err
}

// tryFreePorts calls open with free even ports on address until it succeeds.
func tryFreePorts(l *loop.Loop, address netip.Addr, open func(netip.AddrPort) error) (err error) {
	for range portTries {
		port, portErr := freeEvenPort(l, address)
		if portErr != nil {
			return portErr
		}
		if port == 0 {
			continue
		}
		err = open(netip.AddrPortFrom(address, port))
		if !errors.Is(err, unix.EADDRINUSE) { // nil, or what another port does not help against
			return err
		}
	}
	return fmt.Errorf("no free pair of UDP ports: %w", err)
}

// freeEvenPort asks the kernel for a free port, and returns it if it is even: RTP
// uses an even one and RTCP the next (RFC 3550, section 11).
func freeEvenPort(l *loop.Loop, address netip.Addr) (uint16, error) {
	k := l.Kernel()
	fd, err := k.OpenUDP(netip.AddrPortFrom(address, 0), loop.UDPOptions{})
	if err != nil {
		return 0, err
	}
	local, err := k.LocalAddr(fd)
	if err = errors.Join(err, k.CloseFD(fd)); err != nil || local.Port()%2 != 0 {
		return 0, err
	}
	return local.Port(), nil
}

func openFamilies(l *loop.Loop, address netip.AddrPort, o pairOptions) ([]*socketPair, error) {
	if address.Addr() != netip.IPv6Unspecified() {
		pair, err := openPair(l, address, o)
		if err != nil {
			return nil, err
		}
		return []*socketPair{pair}, nil
	}
	v4, err := openPair(l, netip.AddrPortFrom(netip.IPv4Unspecified(), address.Port()), o)
	if err != nil {
		return nil, err
	}
	v6, err := openPair(l, address, o)
	switch {
	case err == nil:
		return []*socketPair{v4, v6}, nil
	case loop.FamilyMissing(err):
		return []*socketPair{v4}, nil
	}
	return nil, errors.Join(err, v4.close())
}

func openPair(l *loop.Loop, address netip.AddrPort, o pairOptions) (*socketPair, error) {
	if address.Port() == 65535 {
		return nil, fmt.Errorf("%v: RTCP needs the next port, and there is none", address)
	}
	p := &socketPair{log: o.log, receive: o.rtp}
	options := udp.Options{
		NoSegmentation: o.noSegmentation, NoBatches: o.noBatches,
		UDPOptions: loop.UDPOptions{
			SendBufferBytes: sendBufferBytes,
			MulticastTTL:    o.multicastTTL, MulticastInterface: o.multicastInterface,
		},
		Report: func(what string) {
			o.log.Warn("sending is slower than it could be", "address", address, "reason", what)
		},
	}
	var err error
	options.PacketInfo = true
	options.Budget = o.budget
	options.ReceiveBufferBytes = receiveBufferBytes
	options.Clones = o.clones
	options.Rejected = o.rejected
	if p.rtp, err = udp.Open(l, address, options, p.receive); err != nil {
		return nil, err
	}
	options.Clones = nil
	next := netip.AddrPortFrom(address.Addr(), address.Port()+1)
	if p.rtcp, err = udp.Open(l, next, options, o.rtcp); err != nil {
		return nil, errors.Join(err, p.rtp.Close())
	}
	return p, nil
}

func (p *socketPair) close() error {
	errs := []error{p.rtcp.Close()}
	for rtp := range p.rtpSockets() {
		errs = append(errs, rtp.Close())
	}
	return errors.Join(errs...)
}

// rtpSockets are the first RTP socket and those of further senders.
func (p *socketPair) rtpSockets() iter.Seq[*udp.Socket] {
	return func(yield func(*udp.Socket) bool) {
		if !yield(p.rtp) {
			return
		}
		for _, s := range p.senders {
			if s.rtp != p.rtp && !yield(s.rtp) {
				return
			}
		}
	}
}

// sender returns the RTP socket that sends from an address of this machine. It opens it for the
// first reader.
func (p *socketPair) sender(from netip.Addr) *udp.Socket {
	if !from.IsValid() || !p.rtp.Local().Addr().IsUnspecified() {
		return p.rtp
	}
	for _, s := range p.senders {
		if s.address == from {
			return s.rtp
		}
	}
	if len(p.senders) == maxSenders {
		return p.rtp
	}
	rtp := p.rtp
	if len(p.senders) > 0 {
		var err error
		if rtp, err = p.rtp.OpenBeside(from, p.receive); err != nil {
			p.log.Debug("readers share a socket with others", "address", from, "error", err)
			rtp = p.rtp
		}
	}
	p.senders = append(p.senders, sender{from, rtp})
	return rtp
}

// pairFor returns the sockets of an address's family, nil if there are none. The zero address has none.
func (b *Broadcaster) pairFor(peer netip.Addr) *socketPair {
	for _, p := range b.pairs {
		if peer.IsValid() && p.rtp.Local().Addr().Is4() == peer.Unmap().Is4() {
			return p
		}
	}
	return nil
}

// RTPPorts are the ports that RTP and RTCP to a peer are sent from; ok is false if there is no
// RTP in its address family, or if peer is the zero address.
func (b *Broadcaster) RTPPorts(peer netip.Addr) (rtp, rtcp uint16, ok bool) {
	p := b.pairFor(peer)
	if p == nil {
		return 0, 0, false
	}
	return p.rtp.Local().Port(), p.rtcp.Local().Port(), true
}
