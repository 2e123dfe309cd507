package tcp_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// carrier is an Outside that notes what it is asked.
type carrier struct{ calls []string }

func (o *carrier) Held() int { return 1000 }
func (o *carrier) Close()    { o.calls = append(o.calls, "close") }

func (o *carrier) LimitSendBuffer(int) error {
	o.calls = append(o.calls, "limit")
	return nil
}

func (o *carrier) ResetOnClose() error {
	o.calls = append(o.calls, "reset")
	return nil
}

// TestAdopt has a listener divert what it accepts, and adopts it later, with other addresses.
func TestAdopt(t *testing.T) { onBoth(t, testAdopt) }

func testAdopt(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	var server *end
	ln, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
		server = &end{conn: c}
		return server
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	diverted := -1
	ln.Divert(func(fd int, peer netip.AddrPort) { diverted = fd })
	client := &end{}
	if client.conn, err = tcp.Dial(l, ln.Local(), client); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return diverted >= 0 && client.writable > 0 })
	if server != nil {
		t.Error("what is diverted was accepted, too")
	}

	peer, local, o := netip.MustParseAddrPort("192.0.2.1:5"), netip.MustParseAddrPort("192.0.2.2:6"), &carrier{}
	if err := ln.Adopt(diverted, peer, local, o); err != nil {
		t.Fatal(err)
	}
	if server == nil || server.conn.Peer() != peer || server.conn.Local() != local {
		t.Fatalf("adopted: %+v", server)
	}
	for _, e := range []*end{client, server} {
		if err := e.conn.Write([]byte("hello")); err != nil {
			t.Error(err)
		}
	}
	turnUntil(t, l, func() bool { return string(client.got) == "hello" && string(server.got) == "hello" })
	if held := server.conn.Held(); held < 1000 || held > 1005 {
		t.Errorf("%d bytes are held, want those outside and in the socket", held)
	}
	if err := errors.Join(server.conn.LimitSendBuffer(1<<20), server.conn.ResetOnClose()); err != nil {
		t.Error(err)
	}
	server.conn.Close()
	server.conn.Close()
	if want := []string{"limit", "reset", "close"}; !slices.Equal(o.calls, want) {
		t.Errorf("outside was asked for %q, want %q", o.calls, want)
	}
	turnUntil(t, l, func() bool { return client.closed })
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
}

// TestAdoptThatFails has the loop refuse an adopted socket: it is closed, and what is outside, too.
func TestAdoptThatFails(t *testing.T) { onBoth(t, testAdoptThatFails) }

func testAdoptThatFails(t *testing.T, kernel loop.Kernel) {
	k := &crowded{Kernel: kernel}
	l := newLoop(t, k)
	fd, err := k.ConnectTCP(anyPeer(t, l))
	if err != nil {
		t.Fatal(err)
	}
	k.refuse = 1
	o := &carrier{}
	if _, err := tcp.Adopt(l, fd, netip.AddrPort{}, netip.AddrPort{}, o, &end{}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v, want ENOSPC", err)
	}
	if !slices.Equal(k.closed, []int{fd}) || !slices.Equal(o.calls, []string{"close"}) {
		t.Errorf("closed: %v, outside %q; want fd %d, and outside", k.closed, o.calls, fd)
	}
}

// anyPeer is the address of a listener, which is closed when the test ends.
func anyPeer(t *testing.T, l *loop.Loop) netip.AddrPort {
	t.Helper()
	ln, err := tcp.Listen(l, anyPort, func(*tcp.Conn) tcp.Handler { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ln.Close(); err != nil {
			t.Error(err)
		}
	})
	return ln.Local()
}
