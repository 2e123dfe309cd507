package tcp_test

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// TestOwner asks whose the other end of connections is: this process's, another user's where the test may become
// one, nobody's once it is closed.
func TestOwner(t *testing.T) {
	for _, c := range []struct{ listen, dial string }{{"127.0.0.1:0", ""}, {"[::1]:0", ""}, {"[::]:0", "127.0.0.1"}, {"[::]:0", "::ffff:127.0.0.1"}} {
		listener, err := net.Listen("tcp", c.listen)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		to := addressOf(listener.Addr())
		if c.dial != "" {
			to = netip.AddrPortFrom(netip.MustParseAddr(c.dial), to.Port())
		}
		users := []int{unix.Geteuid()}
		if users[0] == 0 {
			users = append(users, 4321)
		}
		for _, user := range users {
			fd := dialAs(t, user, to)
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			peer, local := addressOf(conn.RemoteAddr()), addressOf(conn.LocalAddr())
			if uid, err := tcp.Owner(peer, local); err != nil || int(uid) != user {
				t.Errorf("%v, opened by %d: %d, %v", to, user, uid, err)
			}
			if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
				t.Fatal(err)
			}
			if uid, err := tcp.Owner(peer, local); !errors.Is(err, tcp.ErrNoOwner) {
				t.Errorf("%v, half closed: %d, %v", to, uid, err)
			}
			if err := unix.Close(fd); err != nil {
				t.Fatal(err)
			}
			if uid, err := tcp.Owner(peer, local); !errors.Is(err, tcp.ErrNoOwner) {
				t.Errorf("%v, closed: %d, %v", to, uid, err)
			}
		}
		// What listens there is no end of a connection.
		if uid, err := tcp.Owner(addressOf(listener.Addr()), netip.MustParseAddrPort("127.0.0.1:9")); !errors.Is(err, tcp.ErrNoOwner) {
			t.Errorf("a listener: %d, %v", uid, err)
		}
	}
}

func addressOf(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// dialAs connects a socket that a user opens. An IPv4 address that is written as one of IPv6 has a socket of IPv6.
func dialAs(t *testing.T, user int, to netip.AddrPort) (fd int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := unix.SetfsuidRetUid(user)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setfsuid(before) }() // it was this a moment ago
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()})
	if to.Addr().Is4() {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Connect(fd, address); err != nil {
		t.Fatal(err)
	}
	return fd
}
