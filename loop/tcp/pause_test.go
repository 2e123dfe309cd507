package tcp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// connectRaw makes a connection whose other end is a bare fd, which the loop does not know.
func connectRaw(t *testing.T, l *loop.Loop) (client int, server *end) {
	t.Helper()
	server = &end{}
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler { server.conn = c; return server }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = l.Kernel().ConnectTCP(listener.Local()); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return server.conn != nil })
	t.Cleanup(func() { server.conn.Close() })
	return client, server
}

func write(t *testing.T, l *loop.Loop, fd int, p []byte) {
	t.Helper()
	if n, err := l.Kernel().Writev(fd, vectors(p)); n != len(p) || err != nil {
		t.Fatalf("wrote %d of %d bytes, %v", n, len(p), err)
	}
}

func closeFD(t *testing.T, l *loop.Loop, fd int) {
	t.Helper()
	if err := l.Kernel().CloseFD(fd); err != nil {
		t.Fatal(err)
	}
}

// quiet checks that nothing is ready: the loop would spin.
func quiet(t *testing.T, l *loop.Loop) {
	t.Helper()
	if ran, err := l.Turn(0); ran != 0 || err != nil {
		t.Fatalf("a turn ran %d, %v; want nothing to do", ran, err)
	}
}

func TestPause(t *testing.T) { onBoth(t, testPause) }

func testPause(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connectRaw(t, l)
	server.conn.Pause()
	server.conn.Pause()
	write(t, l, client, []byte("one "))
	quiet(t, l)
	write(t, l, client, []byte("two"))
	quiet(t, l)
	// What is written goes out meanwhile.
	if err := server.conn.Write([]byte("reply")); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 100)
	if n, err := kernel.Read(client, p); string(p[:n]) != "reply" || err != nil {
		t.Errorf("read %q, %v", p[:n], err)
	}
	server.conn.Resume()
	turnUntil(t, l, func() bool { return string(server.got) == "one two" })
	quiet(t, l)
	closeFD(t, l, client)
	turnUntil(t, l, func() bool { return server.closed })
	server.conn.Pause() // nothing, on a closed connection
	server.conn.Resume()
}

// A paused connection that is full becomes writable all the same.
func TestPausedAndFull(t *testing.T) { onBoth(t, testPausedAndFull) }

func testPausedAndFull(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connect(t, l)
	server.conn.Pause()
	frame := make([]byte, 16<<20)
	sent, err := server.conn.Send(vectors(frame))
	if err != nil || sent == len(frame) {
		t.Fatalf("sent %d, %v: the test shows nothing", sent, err)
	}
	if err := client.conn.Write([]byte("question")); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return server.writable == 1 && len(client.got) == sent })
	if len(server.got) > 0 {
		t.Errorf("got %q while paused", server.got)
	}
	quiet(t, l)
}

// The end of the stream is told behind the data, after Resume.
func TestPausedAndEnded(t *testing.T) { onBoth(t, testPausedAndEnded) }

func testPausedAndEnded(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connectRaw(t, l)
	server.conn.Pause()
	write(t, l, client, []byte("last words"))
	closeFD(t, l, client)
	quiet(t, l)
	if server.closed {
		t.Error("told of the end while paused")
	}
	server.conn.Resume()
	turnUntil(t, l, func() bool { return server.closed })
	if string(server.got) != "last words" || server.err != nil {
		t.Errorf("got %q, then the end with %v", server.got, server.err)
	}
}

// Failed and HungUp are always reported: a paused connection ends with them.
func TestPausedAndFailed(t *testing.T) { onBoth(t, testPausedAndFailed) }

func testPausedAndFailed(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	for name, c := range map[string]struct {
		fail func(t *testing.T, l *loop.Loop, client int, server *end)
		want error
	}{
		"reset": {func(t *testing.T, l *loop.Loop, client int, server *end) {
			// Closing with unread input resets.
			if err := server.conn.Write([]byte("unread")); err != nil {
				t.Fatal(err)
			}
			closeFD(t, l, client)
		}, unix.ECONNRESET},
		"written to after the end": {func(t *testing.T, l *loop.Loop, client int, server *end) {
			closeFD(t, l, client)
			quiet(t, l)
			if err := server.conn.Write([]byte("is anybody there?")); err != nil {
				t.Fatal(err)
			}
		}, unix.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := connectRaw(t, l)
			server.conn.Pause()
			write(t, l, client, []byte("a question"))
			quiet(t, l)
			c.fail(t, l, client, server)
			turnUntil(t, l, func() bool { return server.closed })
			if !errors.Is(server.err, c.want) || len(server.got) > 0 || !server.conn.Closed() {
				t.Errorf("ended with %v after %q, want %v and no data", server.err, server.got, c.want)
			}
			quiet(t, l)
		})
	}
}

// A handler that pauses within Data gets no more, though there is more.
func TestPauseWithinData(t *testing.T) { onBoth(t, testPauseWithinData) }

func testPauseWithinData(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connectRaw(t, l)
	calls := 0
	server.onData = func() { calls++; server.conn.Pause() }
	text := bytes.Repeat([]byte("0123456789abcdef"), 60<<10/16)
	write(t, l, client, text)
	for len(server.got) < len(text) {
		before := len(server.got)
		turnUntil(t, l, func() bool { return len(server.got) > before })
		quiet(t, l)
		server.conn.Resume()
	}
	if !bytes.Equal(server.got, text) || calls < 2 {
		t.Errorf("%d bytes in %d calls, want the %d that were sent, in some", len(server.got), calls, len(text))
	}
	closeFD(t, l, client)
}

// A connection that is found readable and paused in the same turn, by another's handler, is
// not read.
func TestPauseOfAnother(t *testing.T) { onBoth(t, testPauseOfAnother) }

func testPauseOfAnother(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	var clients [2]int
	var servers [2]*end
	for i := range servers {
		clients[i], servers[i] = connectRaw(t, l)
		servers[i].onData = func() { servers[1-i].conn.Pause() }
	}
	for _, fd := range clients {
		write(t, l, fd, []byte("x"))
	}
	turnUntil(t, l, func() bool { return len(servers[0].got)+len(servers[1].got) > 0 })
	quiet(t, l)
	if n := len(servers[0].got) + len(servers[1].got); n != 1 {
		t.Errorf("%d connections were read, want the first to pause the other", n)
	}
	for i := range servers {
		servers[i].conn.Resume()
		turnUntil(t, l, func() bool { return len(servers[i].got) == 1 })
		closeFD(t, l, clients[i])
	}
}

// A connection may be paused before it has come about.
func TestPauseBeforeConnected(t *testing.T) { onBoth(t, testPauseBeforeConnected) }

func testPauseBeforeConnected(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	var server, client end
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler { server.conn = c; return &server }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client.conn, err = tcp.Dial(l, listener.Local(), &client); err != nil {
		t.Fatal(err)
	}
	defer client.conn.Close()
	client.conn.Pause()
	turnUntil(t, l, func() bool { return server.conn != nil && client.writable == 1 })
	defer server.conn.Close()
	if err := server.conn.Write([]byte("welcome")); err != nil {
		t.Fatal(err)
	}
	quiet(t, l)
	client.conn.Resume()
	turnUntil(t, l, func() bool { return string(client.got) == "welcome" })
}
