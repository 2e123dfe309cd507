package receive

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Lookup finds the addresses of a host, at least one, or says why there is none. It waits for the
// resolver, unless the host is an address itself: see Literal. ctx ends it early.
func Lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, ok, err := Literal(host); ok {
		return []netip.Addr{address}, err
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range found {
		found[i] = found[i].Unmap()
	}
	return found, err
}

// Literal is the address that a host is, false if it is a name. The zone of a link-local address
// becomes an interface's number, as the kernel wants it; the error says that there is no such
// interface.
func Literal(host string) (a netip.Addr, ok bool, err error) {
	a, err = netip.ParseAddr(host)
	if err != nil {
		return a, false, nil
	}
	if a.Zone() == "" {
		return a.Unmap(), true, nil
	}
	i, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return a, true, fmt.Errorf("%v: %w", a, err)
	}
	return a.WithZone(strconv.Itoa(i.Index)), true, nil
}
