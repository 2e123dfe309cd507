package tcp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// reader is a handler that looks at what it was given once it has closed a connection.
type reader struct {
	end
	shut     *tcp.Conn
	changed  bool
	received int
}

func (r *reader) Data(p []byte) {
	before := bytes.Clone(p)
	r.shut.Close()
	r.changed = r.changed || !bytes.Equal(p, before)
	r.received += len(p)
}

// TestCloseLeavesTheData has a handler close its own connection, or another of the same
// listener, while it reads what it was given: that stays as it is, though more has come.
func TestCloseLeavesTheData(t *testing.T) { onBoth(t, testCloseLeavesTheData) }

func testCloseLeavesTheData(t *testing.T, kernel loop.Kernel) {
	for _, own := range []bool{true, false} {
		l := newLoop(t, kernel)
		var server []*reader
		listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
			server = append(server, &reader{end: end{conn: c}})
			return server[len(server)-1]
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		var clients [2]end
		for i := range clients {
			if clients[i].conn, err = tcp.Dial(l, listener.Local(), &clients[i]); err != nil {
				t.Fatal(err)
			}
			turnUntil(t, l, func() bool { return len(server) == i+1 && clients[i].writable == 1 })
		}
		server[0].shut, server[1].shut = server[1].conn, server[0].conn
		if own {
			server[0].shut, server[1].shut = server[0].conn, server[1].conn
		}
		// More than one read takes, and of each byte the next is another.
		text := bytes.Repeat([]byte("0123456789abcdefg"), 60<<10/17)
		for i := range clients {
			if n, err := clients[i].conn.Send(vectors(text)); n != len(text) || err != nil {
				t.Fatal(n, err)
			}
		}
		turnUntil(t, l, func() bool { return server[0].conn.Closed() || server[1].conn.Closed() })
		if received := server[0].received + server[1].received; received == 0 || received >= len(text) {
			t.Errorf("own %v: %d bytes were read before the end: the test shows nothing", own, received)
		}
		for i, r := range server {
			if r.changed {
				t.Errorf("own %v: handler %d saw its data change", own, i)
			}
			r.conn.Close()
			clients[i].conn.Close()
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCloseWithInputUnread closes a connection that has not read what came: the peer gets the last words, and an
// end in order.
func TestCloseWithInputUnread(t *testing.T) { onBoth(t, testCloseWithInputUnread) }

func testCloseWithInputUnread(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	client, server := connectRaw(t, l)
	server.conn.Pause()
	write(t, l, client, make([]byte, 60<<10)) // more than one read takes
	pass(t, l, time.Millisecond)
	if err := server.conn.Write([]byte("last words")); err != nil {
		t.Fatal(err)
	}
	server.conn.Close()
	var got []byte
	for p := make([]byte, 100); ; {
		n, err := kernel.Read(client, p)
		got = append(got, p[:n]...)
		if err == unix.EAGAIN {
			pass(t, l, time.Millisecond)
			continue
		}
		if n == 0 {
			if string(got) != "last words" || err != nil {
				t.Errorf("%q came, then %v", got, err)
			}
			break
		}
	}
	closeFD(t, l, client)
}
