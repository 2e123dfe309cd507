package cast

import (
	"errors"
	"net/netip"
	"slices"
)

// Allow is which networks are served. What the program sends by itself (Stream.Join, Stream.SendTo)
// may go anywhere.
type Allow struct {
	// RTSP are those whose connections are served; none: all are.
	RTSP []netip.Prefix
	// RTP are those that may join, and that frames are sent to by UDP, whatever the protocol that asks
	// for it; none: all are.
	RTP []netip.Prefix
	// HTTP are those whose HTTP connections are served; none: all are.
	HTTP []netip.Prefix
}

// errNotAllowed is made once: a stranger can have thousands of requests refused in a second.
var errNotAllowed error = &Refusal{Kind: Forbidden, Reason: "the address is not allowed"}

// normal is the same, with prefixes that can be compared with peers; or says which is none.
func (a Allow) normal() (Allow, error) {
	for _, networks := range []*[]netip.Prefix{&a.RTSP, &a.RTP, &a.HTTP} {
		*networks = slices.Clone(*networks)
		for i, n := range *networks {
			if n.Addr().Is4In6() {
				n = netip.PrefixFrom(n.Addr().Unmap(), n.Bits()-96)
			}
			if !n.IsValid() {
				return a, errors.New("allow: a network is not valid")
			}
			(*networks)[i] = n.Masked()
		}
	}
	return a, nil
}

// allowed reports whether an address is in one of some networks, or there are none. Peers have
// zones, networks have not.
func allowed(networks []netip.Prefix, peer netip.Addr) bool {
	if len(networks) == 0 {
		return true
	}
	peer = peer.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(peer) })
}

// allows reports whether requests by a protocol are taken from an address.
func (a *Allow) allows(p Protocol, peer netip.Addr) bool {
	switch p {
	case RTSP:
		return allowed(a.RTSP, peer)
	case Join:
		return allowed(a.RTP, peer)
	case HTTP, WebRTC:
		return allowed(a.HTTP, peer)
	}
	return true
}
