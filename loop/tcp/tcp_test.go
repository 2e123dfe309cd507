package tcp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

var anyPort = netip.MustParseAddrPort("127.0.0.1:0")

// end is one side of a connection, which keeps what happens to it.
type end struct {
	conn       *tcp.Conn
	got        []byte
	writable   int
	closed     bool
	err        error
	onData     func()
	onWritable func()
}

func (e *end) Data(p []byte) {
	e.got = append(e.got, p...)
	if e.onData != nil {
		e.onData()
	}
}

func (e *end) Writable() {
	e.writable++
	if e.onWritable != nil {
		e.onWritable()
	}
}

func (e *end) Closed(err error) { e.closed, e.err = true, err }

// onBoth runs a test on Linux and on the simulated kernel, on which no fd may be left
// open.
func onBoth(t *testing.T, test func(t *testing.T, kernel loop.Kernel)) {
	t.Run("linux", func(t *testing.T) {
		kernel, err := loop.NewKernel()
		if err != nil {
			t.Fatal(err)
		}
		test(t, kernel)
	})
	t.Run("sim", func(t *testing.T) { test(t, newSim(t)) })
}

func newSim(t *testing.T) *sim.Kernel {
	k := sim.New(1)
	t.Cleanup(func() {
		if left := k.OpenFDs(); len(left) > 0 {
			t.Errorf("left open: %v", left)
		}
	})
	return k
}

func newLoop(t *testing.T, kernel loop.Kernel) *loop.Loop {
	l := loop.NewOn(kernel)
	t.Cleanup(func() { l.Close() })
	return l
}

func turnUntil(t *testing.T, l *loop.Loop, done func() bool) {
	t.Helper()
	for turns := 0; !done(); turns++ {
		ran, err := l.Turn(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if ran == 0 || turns == 1_000_000 {
			t.Fatalf("nothing happened for 5 s, or the loop turns without end: %d turns", turns)
		}
	}
}

// connect makes a connection and returns both ends.
func connect(t *testing.T, l *loop.Loop) (client, server *end) {
	t.Helper()
	client, server = &end{}, &end{}
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler { server.conn = c; return server }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client.conn, err = tcp.Dial(l, listener.Local(), client); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return server.conn != nil && client.writable > 0 })
	t.Cleanup(func() { client.conn.Close(); server.conn.Close() })
	if client.conn.Local() != server.conn.Peer() || client.conn.Peer() != server.conn.Local() {
		t.Fatalf("client %v-%v, server %v-%v", client.conn.Local(), client.conn.Peer(), server.conn.Local(), server.conn.Peer())
	}
	return client, server
}

func vectors(parts ...[]byte) (v []loop.Vector) {
	v = make([]loop.Vector, len(parts))
	for i := range parts {
		v[i].Set(parts[i])
	}
	return v
}

func TestWriteAndClose(t *testing.T) { onBoth(t, testWriteAndClose) }

func testWriteAndClose(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connect(t, l)
	for _, text := range []string{"one ", "two ", "three"} {
		if err := client.conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	turnUntil(t, l, func() bool { return string(server.got) == "one two three" })
	client.conn.Close()
	turnUntil(t, l, func() bool { return server.closed })
	if server.err != nil {
		t.Errorf("an orderly end is told as %v", server.err)
	}
	if err := server.conn.Write([]byte("x")); !errors.Is(err, tcp.ErrClosed) {
		t.Errorf("Write after the end: %v, want ErrClosed", err)
	}
	if _, err := client.conn.Send(vectors([]byte("x"))); !errors.Is(err, tcp.ErrClosed) {
		t.Errorf("Send after Close: %v, want ErrClosed", err)
	}
}

// TestSendStopsWhenFull sends more than any socket buffer takes to a peer that does
// not read, goes on when it does, and has a reply follow at its place.
func TestSendStopsWhenFull(t *testing.T) { onBoth(t, testSendStopsWhenFull) }

func testSendStopsWhenFull(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connect(t, l)
	// The client does not read before it has turned: its data waits in the kernel.
	frame := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	sent := 0
	for {
		n, err := server.conn.Send(vectors(frame[sent:]))
		if err != nil {
			t.Fatal(err)
		}
		if sent += n; n == 0 || sent == len(frame) {
			break
		}
	}
	if sent == 0 || sent == len(frame) {
		t.Fatalf("the socket took %d of %d bytes at once: the test shows nothing", sent, len(frame))
	}
	reply := []byte("RTSP/1.0 200 OK")
	if err := server.conn.Write(reply); err != nil {
		t.Fatal(err)
	}
	if n, err := server.conn.Send(vectors(frame)); n != 0 || err != nil {
		t.Errorf("Send before what Write queued: %d, %v; want 0, nil", n, err)
	}
	was := server.writable
	turnUntil(t, l, func() bool { return server.writable > was })
	rest := len(reply)
	for at := sent; at < len(frame); {
		n, err := server.conn.Send(vectors(frame[at:]))
		if err != nil {
			t.Fatal(err)
		}
		if at += n; at < len(frame) {
			was = server.writable
			turnUntil(t, l, func() bool { return server.writable > was })
		}
	}
	turnUntil(t, l, func() bool { return len(client.got) == len(frame)+rest })
	want := append(append(append([]byte{}, frame[:sent]...), reply...), frame[sent:]...)
	if !bytes.Equal(client.got, want) {
		t.Error("the bytes came in another order than they were sent")
	}
}

func TestQueueIsBounded(t *testing.T) { onBoth(t, testQueueIsBounded) }

func testQueueIsBounded(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	_, server := connect(t, l)
	filler := make([]byte, 1<<20)
	for {
		if n, err := server.conn.Send(vectors(filler)); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		}
	}
	var err error
	total := 0
	for total <= 2*tcp.QueueLimitBytes {
		if err = server.conn.Write(make([]byte, 1000)); err != nil {
			break
		}
		total += 1000
	}
	if !errors.Is(err, tcp.ErrQueueFull) || server.conn.Queued() > tcp.QueueLimitBytes {
		t.Errorf("after %d bytes, %d queued: %v, want ErrQueueFull", total, server.conn.Queued(), err)
	}
}

func TestConnectRefused(t *testing.T) { onBoth(t, testConnectRefused) }

func testConnectRefused(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	listener, err := tcp.Listen(l, anyPort, func(*tcp.Conn) tcp.Handler { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Local()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	client := &end{}
	if client.conn, err = tcp.Dial(l, nobody, client); err == nil {
		turnUntil(t, l, func() bool { return client.closed })
		err = client.err
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("error %v, want ECONNREFUSED", err)
	}
}

func TestPortInUse(t *testing.T) { onBoth(t, testPortInUse) }

func testPortInUse(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	listener, err := tcp.Listen(l, anyPort, func(*tcp.Conn) tcp.Handler { return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if _, err := tcp.Listen(l, listener.Local(), nil, nil); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("error %v, want EADDRINUSE", err)
	}
}

// starved is a kernel that is out of file descriptors for a while.
type starved struct {
	loop.Kernel
	accepts, refuse int
}

func (k *starved) Accept(fd int) (int, netip.AddrPort, error) {
	k.accepts++
	if k.refuse > 0 {
		k.refuse--
		return -1, netip.AddrPort{}, unix.EMFILE
	}
	return k.Kernel.Accept(fd)
}

func TestListenerRestsWhenOutOfFiles(t *testing.T) { onBoth(t, testListenerRestsWhenOutOfFiles) }

func testListenerRestsWhenOutOfFiles(t *testing.T, kernel loop.Kernel) {
	k := &starved{Kernel: kernel, refuse: 2}
	l := newLoop(t, k)
	var server, client end
	failures := 0
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler { server.conn = c; return &server },
		func(err error) {
			if !errors.Is(err, unix.EMFILE) {
				t.Errorf("failed with %v", err)
			}
			failures++
		})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client.conn, err = tcp.Dial(l, listener.Local(), &client); err != nil {
		t.Fatal(err)
	}
	defer client.conn.Close()
	turnUntil(t, l, func() bool { return server.conn != nil })
	defer server.conn.Close()
	if failures != 1 || k.accepts > 5 {
		t.Errorf("%d failures told, %d accepts tried; want 1 failure, and no spinning", failures, k.accepts)
	}
}

// TestCloseWithinHandler closes a connection from its own Data: no more is heard of it.
func TestCloseWithinHandler(t *testing.T) { onBoth(t, testCloseWithinHandler) }

func testCloseWithinHandler(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connect(t, l)
	server.onData = func() { server.conn.Close() }
	if err := client.conn.Write(make([]byte, 200<<10)); err != nil && !errors.Is(err, tcp.ErrQueueFull) {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return client.closed })
	if server.closed {
		t.Error("Closed was called after Close")
	}
}
