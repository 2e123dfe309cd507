package tcp_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// crowded is a kernel that refuses some registrations, as beyond fs.epoll.max_user_watches.
type crowded struct {
	loop.Kernel
	refuse          int
	refused, closed []int // fds
}

func (k *crowded) Watch(fd int, want loop.Interest, token uint64) error {
	if k.refuse > 0 {
		k.refuse--
		k.refused = append(k.refused, fd)
		return unix.ENOSPC
	}
	return k.Kernel.Watch(fd, want, token)
}

func (k *crowded) CloseFD(fd int) error {
	k.closed = append(k.closed, fd)
	return k.Kernel.CloseFD(fd)
}

// TestRegistrationThatFails has the loop refuse a listener, a connection that is dialled and
// one that is accepted: all three are closed, and the listener goes on.
func TestRegistrationThatFails(t *testing.T) { onBoth(t, testRegistrationThatFails) }

func testRegistrationThatFails(t *testing.T, kernel loop.Kernel) {
	k := &crowded{Kernel: kernel}
	l := newLoop(t, k)
	wantClosed := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s: error %v, want ENOSPC", what, err)
		}
		if k.refuse != 0 || !slices.Equal(k.refused, k.closed) {
			t.Errorf("%s: fds %v were refused, and %v closed", what, k.refused, k.closed)
		}
		k.refused, k.closed = nil, nil
	}
	var servers []*end
	var failure error
	accept := func(c *tcp.Conn) tcp.Handler {
		servers = append(servers, &end{conn: c})
		return servers[len(servers)-1]
	}
	failed := func(err error) { failure = err }

	k.refuse = 1
	_, err := tcp.Listen(l, anyPort, accept, failed)
	wantClosed("Listen", err)
	listener, err := tcp.Listen(l, anyPort, accept, failed)
	if err != nil {
		t.Fatal(err)
	}
	k.refuse = 1
	_, err = tcp.Dial(l, listener.Local(), &end{})
	wantClosed("Dial", err)
	turnUntil(t, l, func() bool { return len(servers) == 1 && servers[0].closed })

	client, err := kernel.ConnectTCP(listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	k.refuse, k.closed = 1, nil
	turnUntil(t, l, func() bool { return failure != nil })
	wantClosed("Accept", failure)
	if err := kernel.CloseFD(client); err != nil {
		t.Error(err)
	}
	if client, err = kernel.ConnectTCP(listener.Local()); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return len(servers) == 2 })
	servers[1].conn.Close()
	if err := errors.Join(kernel.CloseFD(client), listener.Close()); err != nil {
		t.Error(err)
	}
}

// fullOnce is a kernel on which a connection takes nothing at first.
type fullOnce struct {
	loop.Kernel
	full int
}

func (k *fullOnce) Writev(fd int, vectors []loop.Vector) (int, error) {
	if k.full > 0 {
		k.full--
		return 0, unix.EAGAIN
	}
	return k.Kernel.Writev(fd, vectors)
}

// TestSendThatTakesNothing has the first Send of all be refused whole: the handler is told
// when to go on, or it would wait for good.
func TestSendThatTakesNothing(t *testing.T) { onBoth(t, testSendThatTakesNothing) }

func testSendThatTakesNothing(t *testing.T, kernel loop.Kernel) {
	k := &fullOnce{Kernel: kernel}
	l := newLoop(t, k)
	client, server := connect(t, l)
	frame := []byte("a frame")
	k.full = 1
	if n, err := server.conn.Send(vectors(frame)); n != 0 || err != nil {
		t.Fatalf("sent %d, %v; want nothing, and no error", n, err)
	}
	if server.writable != 0 {
		t.Error("Writable was called within Send")
	}
	server.onWritable = func() {
		if n, err := server.conn.Send(vectors(frame)); n != len(frame) || err != nil {
			t.Errorf("then sent %d, %v", n, err)
		}
	}
	turnUntil(t, l, func() bool { return len(client.got) > 0 })
	if string(client.got) != string(frame) || server.writable != 1 {
		t.Errorf("got %q, told %d times to be writable; want the frame, and once", client.got, server.writable)
	}
	quiet(t, l)
	// The same of a Write: what it leaves is queued, and sent.
	k.full = 1
	if err := server.conn.Write([]byte("; a reply")); err != nil {
		t.Fatal(err)
	}
	server.onWritable = nil
	turnUntil(t, l, func() bool { return string(client.got) == "a frame; a reply" })
}
