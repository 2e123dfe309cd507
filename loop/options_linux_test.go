package loop

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// option asks the kernel for one of a socket's options.
func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	value, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Fatalf("option %d of level %d: %v", name, level, err)
	}
	return value
}

func openUDP(t *testing.T, local netip.Addr, o UDPOptions) (fd int) {
	t.Helper()
	fd, err := linuxSockets{}.OpenUDP(netip.AddrPortFrom(local, 0), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// TestMulticastOptions asks the kernel what it was told: the hops of each family, and the interface. Without
// a word of them they stay the kernel's own.
func TestMulticastOptions(t *testing.T) {
	lo, err := interfaceIndex(openUDP(t, netip.IPv6Unspecified(), UDPOptions{}), "lo")
	if err != nil || lo == 0 {
		t.Fatalf("lo is interface %d, %v", lo, err)
	}
	group := listen(t, lo)
	for _, c := range []struct {
		o           UDPOptions
		hops, index int
	}{
		{UDPOptions{}, 1, 0},
		{UDPOptions{MulticastTTL: 255}, 255, 0},
		{UDPOptions{MulticastInterface: "lo"}, 1, lo},
		{UDPOptions{MulticastInterface: "lo", MulticastTTL: 3}, 3, lo},
	} {
		c.o.SendBufferBytes, c.o.ReceiveBufferBytes, c.o.PacketInfo, c.o.Rejections = 10_000, 10_000, true, true // which come before
		four := openUDP(t, netip.IPv4Unspecified(), c.o)
		if got := option(t, four, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL); got != c.hops {
			t.Errorf("%+v: %d hops by IPv4, want %d", c.o, got, c.hops)
		}
		if got, want := group.receives(t, four), c.index == lo; got != want {
			t.Errorf("%+v: it leaves by the interface lo: %v, want %v", c.o, got, want)
		}
		six := openUDP(t, netip.IPv6Unspecified(), c.o)
		if got := option(t, six, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS); got != c.hops {
			t.Errorf("%+v: %d hops by IPv6, want %d", c.o, got, c.hops)
		}
		if got := option(t, six, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF); got != c.index {
			t.Errorf("%+v: interface %d by IPv6, want %d", c.o, got, c.index)
		}
	}
}

// multicastGroup is a member of an IPv4 group at one interface alone. The kernel does not tell which
// interface an IPv4 socket was given.
type multicastGroup struct {
	fd int
	at unix.SockaddrInet4
}

func listen(t *testing.T, index int) (g multicastGroup) {
	t.Helper()
	g.fd, g.at.Addr = openUDP(t, netip.IPv4Unspecified(), UDPOptions{}), [4]byte{239, 255, 77, 1}
	member := &unix.IPMreqn{Multiaddr: g.at.Addr, Ifindex: int32(index)}
	if err := unix.SetsockoptIPMreqn(g.fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, member); err != nil {
		t.Fatal(err)
	}
	if err := setInt(g.fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0); err != nil { // nor what others have joined
		t.Fatal(err)
	}
	local, err := unix.Getsockname(g.fd)
	if err != nil {
		t.Fatal(err)
	}
	g.at.Port = local.(*unix.SockaddrInet4).Port
	return g
}

// receives reports whether the member gets what a socket sends to the group. Where there is no route to it,
// sending fails.
func (g *multicastGroup) receives(t *testing.T, from int) bool {
	t.Helper()
	if err := unix.Sendto(from, []byte("x"), 0, &g.at); err != nil && err != unix.ENETUNREACH {
		t.Fatal(err)
	}
	var p [1]byte
	n, _ := unix.Read(g.fd, p[:])
	return n == 1
}

// TestBufferOptions compares the buffers with those of a socket that was asked for the same by hand: more
// than net.core.[rw]mem_max where the process may, else as much as that allows. Without a size they are the kernel's.
func TestBufferOptions(t *testing.T) {
	const large = 64 << 20
	for _, bytes := range []int{0, 5000, large} {
		fd := openUDP(t, netip.IPv4Unspecified(), UDPOptions{SendBufferBytes: bytes, ReceiveBufferBytes: bytes, ReuseAddress: true})
		other := openUDP(t, netip.IPv4Unspecified(), UDPOptions{})
		for _, names := range [][2]int{{unix.SO_SNDBUF, unix.SO_SNDBUFFORCE}, {unix.SO_RCVBUF, unix.SO_RCVBUFFORCE}} {
			for _, name := range names {
				if bytes > 0 {
					_ = setInt(other, unix.SOL_SOCKET, name, bytes) // the second may be forbidden
				}
			}
			if got, want := option(t, fd, unix.SOL_SOCKET, names[0]), option(t, other, unix.SOL_SOCKET, names[0]); got != want {
				t.Errorf("asked for %d bytes, option %d is %d, want %d", bytes, names[0], got, want)
			}
		}
	}
}

// TestNeighbourGroup: the socket is told of neighbours and of nothing else.
func TestNeighbourGroup(t *testing.T) {
	fd, err := new(linuxNeighbours).OpenNeighbours()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	local, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	if got := local.(*unix.SockaddrNetlink).Groups; got != unix.RTMGRP_NEIGH {
		t.Errorf("groups %#x, want %#x", got, unix.RTMGRP_NEIGH)
	}
}

// TestNoFDWithAnError: whichever call fails, what it returns is no fd.
func TestNoFDWithAnError(t *testing.T) {
	var k linuxSockets
	foreign, none := netip.MustParseAddrPort("203.0.113.9:0"), netip.MustParseAddrPort("255.255.255.255:1")
	udp := openUDP(t, netip.IPv4Unspecified(), UDPOptions{})
	for name, open := range map[string]func() (int, error){
		"OpenUDP":        func() (int, error) { return k.OpenUDP(foreign, UDPOptions{}) },
		"OpenUDP beside": func() (int, error) { return k.OpenUDP(foreign, UDPOptions{Beside: udp}) },
		"beside no fd":   func() (int, error) { return k.OpenUDP(foreign, UDPOptions{Beside: 1 << 20}) },
		"ListenTCP":      func() (int, error) { return k.ListenTCP(foreign) },
		"ConnectTCP":     func() (int, error) { return k.ConnectTCP(none) },
		"Accept":         func() (int, error) { fd, _, err := k.Accept(udp); return fd, err },
	} {
		if fd, err := open(); err == nil || fd != -1 {
			t.Errorf("%s: fd %d, %v; want -1 and an error", name, fd, err)
		}
	}
}
