package sim

import (
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// network is the one address space that fds and peers share.
type network struct {
	udp       map[netip.AddrPort]*udpSocket
	groups    map[netip.AddrPort][]*udpSocket
	listeners map[netip.AddrPort]*tcpListener
	streams   map[netip.AddrPort]int // local addresses of connections, and how many
	stalled   []*tcpConn             // held up by a link that is down
	links     []*link
	rejecters []*rejecter
	linkEpoch int // counts changes of links, so that a cached line is known to be old
	lastPort  uint16
}

// Ephemeral ports, as Linux has them (ip_local_port_range).
const firstPort, lastPort = 32768, 60999

func (n *network) init(k *Kernel) {
	n.udp = map[netip.AddrPort]*udpSocket{}
	n.groups = map[netip.AddrPort][]*udpSocket{}
	n.listeners = map[netip.AddrPort]*tcpListener{}
	n.streams = map[netip.AddrPort]int{}
	n.lastPort = firstPort + uint16(k.random.IntN(lastPort-firstPort))
}

// canonical is an address as it is compared: an IPv4-mapped one is IPv4.
func canonical(ap netip.AddrPort) netip.AddrPort {
	if ap.Addr().Is4In6() {
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return ap
}

// bindable is an address to bind to in that form; none at all means any, as on Linux.
func bindable(ap netip.AddrPort) netip.AddrPort {
	if !ap.Addr().IsValid() {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())
	}
	return canonical(ap)
}

// isLocal reports whether ip is the machine's own.
func (k *Kernel) isLocal(ip netip.Addr) bool {
	return ip.IsLoopback() || slices.Contains(k.options.addresses, ip)
}

// checkBind tells whether the machine's sockets can have an address.
func (k *Kernel) checkBind(local netip.AddrPort) error {
	switch ip := local.Addr(); {
	case ip.IsUnspecified(), ip.IsMulticast(), k.isLocal(ip):
		return nil
	}
	return unix.EADDRNOTAVAIL
}

// sourceFor is the address that what goes to peer leaves from, if nobody says
// otherwise; invalid if there is no route.
func (k *Kernel) sourceFor(peer netip.Addr) netip.Addr {
	if k.isLocal(peer) {
		return peer
	}
	for _, ip := range k.options.addresses {
		if ip.Is4() == peer.Is4() {
			return ip
		}
	}
	return netip.Addr{}
}

// wildcard is the address of a socket bound to all addresses of ap's family.
func wildcard(ap netip.AddrPort) netip.AddrPort {
	if ap.Addr().Is4() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), ap.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), ap.Port())
}

// freePort returns local with a port that taken says is free. Ports are given out in
// turn, so that one which was just freed does not come back at once.
func (n *network) freePort(local netip.AddrPort, taken func(netip.AddrPort) bool) (netip.AddrPort, error) {
	for range lastPort - firstPort + 1 {
		if n.lastPort++; n.lastPort > lastPort {
			n.lastPort = firstPort
		}
		if ap := netip.AddrPortFrom(local.Addr(), n.lastPort); !taken(ap) {
			return ap, nil
		}
	}
	return local, unix.EADDRINUSE
}

// conflicts reports whether a socket bound to local would share its port with one of
// those in bound: at the same address, or if one of them is bound to all.
func conflicts[S any](bound map[netip.AddrPort]S, local netip.AddrPort, counts func(S) bool) bool {
	if s, ok := bound[local]; ok && counts(s) {
		return true
	}
	if s, ok := bound[wildcard(local)]; ok && counts(s) {
		return true
	}
	if !local.Addr().IsUnspecified() {
		return false
	}
	for other, s := range bound {
		if other.Port() == local.Port() && other.Addr().Is4() == local.Addr().Is4() && counts(s) {
			return true
		}
	}
	return false
}
