package tcp_test

import (
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// refusing is a kernel that refuses to change what an fd is waited for, as a kernel may that
// is out of memory.
type refusing struct {
	loop.Kernel
	refuse, refused int
}

func (k *refusing) Rewatch(fd int, want loop.Interest, token uint64) error {
	if k.refuse > 0 {
		k.refuse--
		k.refused++
		return unix.ENOMEM
	}
	return k.Kernel.Rewatch(fd, want, token)
}

func newRefusing(t *testing.T, kernel loop.Kernel) (*loop.Loop, *refusing) {
	k := &refusing{Kernel: kernel}
	return newLoop(t, k), k
}

// fill sends until the socket takes no more.
func (e *end) fill(t *testing.T) (sent int) {
	t.Helper()
	frame := make([]byte, 16<<20)
	for {
		n, err := e.conn.Send(vectors(frame))
		if err != nil {
			t.Fatal(err)
		}
		if sent += n; n == 0 {
			return sent
		}
	}
}

// TestWritableIsToldThoughItWasRefused has the kernel refuse to tell when a connection is
// writable, which would keep its reader without frames for good.
func TestWritableIsToldThoughItWasRefused(t *testing.T) {
	onBoth(t, testWritableIsToldThoughItWasRefused)
}

func testWritableIsToldThoughItWasRefused(t *testing.T, kernel loop.Kernel) {
	l, k := newRefusing(t, kernel)
	for _, often := range []int{1, 1000} { // until the next Send, and until after the last
		client, server := connect(t, l)
		k.refuse, k.refused = often, 0
		sent := server.fill(t)
		if k.refused == 0 || often > 1 && k.refuse == 0 {
			t.Fatalf("refused %d times: the test shows nothing", k.refused)
		}
		k.refuse = 0
		turnUntil(t, l, func() bool { return len(client.got) == sent && server.writable > 0 })
		quiet(t, l)
		client.conn.Close()
		turnUntil(t, l, func() bool { return server.closed })
	}
}

// TestStopsWaitingThoughItWasRefused has the kernel refuse to stop telling: a connection is
// writable nearly always.
func TestStopsWaitingThoughItWasRefused(t *testing.T) { onBoth(t, testStopsWaitingThoughItWasRefused) }

func testStopsWaitingThoughItWasRefused(t *testing.T, kernel loop.Kernel) {
	l, k := newRefusing(t, kernel)
	client, server := connect(t, l)
	sent := server.fill(t)
	server.onWritable = func() {
		if k.refused != 1 {
			t.Errorf("refused %d times, want once before the handler is called", k.refused)
		}
	}
	k.refuse = 1
	turnUntil(t, l, func() bool { return server.writable > 0 && len(client.got) == sent })
	if _, err := l.Turn(0); err != nil { // it may be reported once more
		t.Fatal(err)
	}
	quiet(t, l)
	if server.writable != 1 {
		t.Errorf("told %d times to be writable, want once", server.writable)
	}
}

func TestPauseAndResumeThoughRefused(t *testing.T) { onBoth(t, testPauseAndResumeThoughRefused) }

func testPauseAndResumeThoughRefused(t *testing.T, kernel loop.Kernel) {
	l, k := newRefusing(t, kernel)
	client, server := connectRaw(t, l)
	k.refuse = 1
	server.conn.Pause()
	write(t, l, client, []byte("question"))
	if _, err := l.Turn(0); err != nil { // reported once
		t.Fatal(err)
	}
	quiet(t, l)
	if len(server.got) > 0 {
		t.Error("read while paused")
	}
	k.refuse = 2
	server.conn.Resume()
	turnUntil(t, l, func() bool { return string(server.got) == "question" })
	k.refuse = 1
	server.conn.Pause()
	server.conn.Close()
	if due, set := l.NextTimer(); set {
		t.Errorf("closed, and a timer is set for %v", due)
	}
	closeFD(t, l, client)
	if k.refused != 4 {
		t.Errorf("refused %d times, want 4", k.refused)
	}
}

// TestListenerRestsThoughRefused has a listener without file descriptors, and a kernel that
// refuses first to let it rest, and then to let it go on.
func TestListenerRestsThoughRefused(t *testing.T) { onBoth(t, testListenerRestsThoughRefused) }

func testListenerRestsThoughRefused(t *testing.T, kernel loop.Kernel) {
	k := &starved{Kernel: kernel, refuse: 3}
	r := &refusing{Kernel: k}
	l := newLoop(t, r)
	server := &end{}
	failures := 0
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler { server.conn = c; return server },
		func(error) { failures++ })
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := l.Kernel().ConnectTCP(listener.Local())
	if err != nil {
		t.Fatal(err)
	}
	r.refuse = 1
	turnUntil(t, l, func() bool { return k.accepts == 2 }) // it could not rest, and tries at once
	quiet(t, l)
	r.refuse = 2
	turnUntil(t, l, func() bool { return server.conn != nil })
	// The fourth takes the connection, and the fifth finds no other.
	if k.accepts != 5 || r.refused != 3 || failures != 1 {
		t.Errorf("%d accepts, refused %d times, %d failures told; want 5, 3 and 1", k.accepts, r.refused, failures)
	}
	server.conn.Close()
	closeFD(t, l, client)
}
