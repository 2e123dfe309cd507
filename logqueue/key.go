package logqueue

import (
	"log/slog"
	"net/netip"
)

// key is what makes lines the same: the message, and the host that it is about.
type key struct {
	message string
	host    netip.Prefix
}

// hostAttrs are the attributes that name a host.
var hostAttrs = map[string]bool{"peer": true, "rtcp": true}

// keyOf is a record's key. All of an IPv6 /64 is one host, as one host easily has it.
func keyOf(r *slog.Record) key {
	k := key{message: r.Message}
	r.Attrs(func(a slog.Attr) bool {
		if !hostAttrs[a.Key] {
			return true
		}
		if at, ok := a.Value.Any().(netip.AddrPort); ok {
			k.host = hostOf(at.Addr())
		}
		return false
	})
	return k
}

func hostOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	host, _ := a.Prefix(bits) // the zero Prefix for no address
	return host
}
