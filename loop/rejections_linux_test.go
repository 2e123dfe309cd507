package loop

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// TestPortClosed has each message of ICMP that says that a port is closed, and those beside it.
func TestPortClosed(t *testing.T) {
	type icmp struct{ origin, kind, code byte }
	closed := map[icmp]bool{
		{unix.SO_EE_ORIGIN_ICMP, 3, 2}:  true, // no UDP there
		{unix.SO_EE_ORIGIN_ICMP, 3, 3}:  true,
		{unix.SO_EE_ORIGIN_ICMP6, 1, 4}: true,
		{unix.SO_EE_ORIGIN_ICMP6, 4, 1}: true, // no UDP there
	}
	for origin := range byte(8) {
		for kind := range byte(8) {
			for code := range byte(8) {
				if got, want := portClosed(origin, kind, code), closed[icmp{origin, kind, code}]; got != want {
					t.Errorf("origin %d, type %d, code %d: %v, want %v", origin, kind, code, got, want)
				}
			}
		}
	}
}

// TestRejectionOfAMessage reads a sock_extended_err in its cmsg: one of each family with nothing behind it, and
// what is not one.
func TestRejectionOfAMessage(t *testing.T) {
	for _, c := range []struct {
		level, kind int32
		bytes       int
		want        bool
	}{
		{unix.IPPROTO_IP, unix.IP_RECVERR, extendedErrorBytes, true},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, extendedErrorBytes, true},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVERR, extendedErrorBytes + unix.SizeofSockaddrInet6, true},
		{unix.IPPROTO_IP, unix.IP_RECVERR, extendedErrorBytes - 1, false},
		{unix.IPPROTO_IP, unix.IP_PKTINFO, extendedErrorBytes, false},
		{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, extendedErrorBytes, false},
		{unix.IPPROTO_IP, unix.IPV6_RECVERR, extendedErrorBytes, false},
		{unix.IPPROTO_IPV6, unix.IP_RECVERR, extendedErrorBytes, false},
		{unix.SOL_SOCKET, unix.IP_RECVERR, extendedErrorBytes, false},
		{unix.SOL_SOCKET, unix.IPV6_RECVERR, extendedErrorBytes, false},
	} {
		var m Message
		var peer Address
		var payload Vector
		var cmsg Cmsg
		payload.Set(make([]byte, QuotedBytes))
		m.Receive(&peer, &payload, &cmsg)
		data := cmsg.add(c.level, c.kind, c.bytes)
		binary.NativeEndian.PutUint32(data, uint32(unix.ECONNREFUSED))
		data[4], data[5], data[6] = unix.SO_EE_ORIGIN_ICMP, 3, 3
		m.header.SetControllen(cmsg.length)
		if r := m.rejection(); r.PortClosed != c.want || (r.Errno == unix.ECONNREFUSED) != c.want {
			t.Errorf("level %d, type %d, %d bytes: %+v, want a rejection: %v", c.level, c.kind, c.bytes, r, c.want)
		}
	}
}
