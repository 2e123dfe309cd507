package sim

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Datagram is what a peer has received.
type Datagram struct {
	Payload []byte
	From    netip.AddrPort
	// To is the address it was sent to: the peer's own, or a group.
	To netip.Addr
}

// UDPPeer is the other end of UDP traffic: a viewer, say. It has no fd and is not on
// the loop. What it receives is kept until it is asked for, unless OnReceive or
// CountOnly say otherwise.
type UDPPeer struct {
	socket    udpSocket
	receive   func(Datagram)
	countOnly bool
	datagrams uint64
	bytes     uint64
	last      time.Duration
	given     []byte // what Receive returned last, which goes back to the pool
}

// NewUDPPeer makes a peer at an address, which may be any (port 0: a free one). It
// fails if something else is at that very address.
func (k *Kernel) NewUDPPeer(local netip.AddrPort) (*UDPPeer, error) {
	local = canonical(local)
	if !local.IsValid() || local.Addr().IsUnspecified() || local.Addr().IsMulticast() {
		return nil, fmt.Errorf("sim: UDP peer at %v: needs the address of one host", local)
	}
	p := &UDPPeer{}
	p.socket = udpSocket{k: k, peer: p, lineEpoch: -1}
	if err := k.bindUDP(&p.socket, local); err != nil {
		return nil, fmt.Errorf("sim: UDP peer at %v: %w", local, err)
	}
	return p, nil
}

// Addr is where the peer is.
func (p *UDPPeer) Addr() netip.AddrPort { return p.socket.local }

// Send sends a datagram. It arrives at once if nothing but a perfect link lies before
// the address.
func (p *UDPPeer) Send(to netip.AddrPort, payload []byte) error {
	to = canonical(to)
	if to.Addr().Is4() != p.socket.local.Addr().Is4() || len(payload) > maxPayload4 {
		return fmt.Errorf("sim: peer %v sends %d bytes to %v: %w", p.Addr(), len(payload), to, unix.EINVAL)
	}
	return p.socket.k.route(nil, p.socket.local, to, payload, 0)
}

// Receive returns the oldest datagram that has not been returned yet. Its payload may
// be read until the next Receive.
func (p *UDPPeer) Receive() (d Datagram, ok bool) {
	if p.given != nil {
		p.socket.k.pool.put(p.given)
		p.given = nil
	}
	if p.socket.received.len() == 0 {
		return Datagram{}, false
	}
	got := p.socket.take()
	p.given = got.payload
	return Datagram{got.payload, got.from, got.to}, true
}

// Pending is how many datagrams Receive would return.
func (p *UDPPeer) Pending() int { return p.socket.received.len() }

// OnReceive has f called with each datagram as it arrives, instead of its being kept.
// Over a perfect link that is within the sender's call. f may use peers; it must not
// touch the loop. The payload may be read until f returns. Nothing is copied.
func (p *UDPPeer) OnReceive(f func(Datagram)) { p.receive = f }

// CountOnly has the peer count what it receives and keep nothing. That is what makes
// ten thousand of them cheap.
func (p *UDPPeer) CountOnly() { p.countOnly = true }

// Received is how many datagrams, and how many bytes of payload, have arrived.
func (p *UDPPeer) Received() (datagrams, bytes uint64) { return p.datagrams, p.bytes }

// LastArrival is when the last datagram arrived, 0 if none has.
func (p *UDPPeer) LastArrival() time.Duration { return p.last }

// SetReceiveBuffer limits what is kept until Receive, in bytes with some overhead per
// datagram: more is dropped (Overflowed). 0, as at first, is no limit.
func (p *UDPPeer) SetReceiveBuffer(bytes int) { p.socket.receiveLimit = bytes }

// Join has the peer receive what is sent to a multicast group on its own port.
func (p *UDPPeer) Join(group netip.Addr) {
	groups := p.socket.k.network.groups
	at := netip.AddrPortFrom(group, p.socket.local.Port())
	groups[at] = append(groups[at], &p.socket)
}

// Close takes the peer off the network, and out of its groups.
func (p *UDPPeer) Close() {
	p.socket.close()
	for at, members := range p.socket.k.network.groups {
		for i, m := range members {
			if m == &p.socket {
				rest := append(append([]*udpSocket(nil), members[:i]...), members[i+1:]...)
				p.socket.k.network.groups[at] = rest
				break
			}
		}
	}
}

func (p *UDPPeer) count(datagrams, bytes uint64, now time.Duration) {
	p.datagrams += datagrams
	p.bytes += bytes
	p.last = now
}

// arrive counts a datagram, and reports whether that is all there is to do.
func (p *UDPPeer) arrive(payload []byte, bytes int, from netip.AddrPort, to netip.Addr, now time.Duration) bool {
	p.count(1, uint64(bytes), now)
	if p.receive != nil && !p.countOnly {
		p.receive(Datagram{payload, from, to})
		return true
	}
	return p.countOnly
}
