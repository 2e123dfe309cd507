package tcp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
)

// TestQueueHasItsLimit fills a connection whose peer does not read: the queue takes as many bytes as
// it may hold, and not one more. What was taken comes whole when the peer reads.
func TestQueueHasItsLimit(t *testing.T) { onBoth(t, testQueueHasItsLimit) }

func testQueueHasItsLimit(t *testing.T, kernel loop.Kernel) {
	l := newLoop(t, kernel)
	server, client := &end{}, &end{}
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
		server.conn = c
		c.Pause()
		return server
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client.conn, err = tcp.Dial(l, listener.Local(), client); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return server.conn != nil && client.writable == 1 })
	sent := 0
	chunk := bytes.Repeat([]byte("x"), 1<<16)
	for full := false; !full; {
		n, err := client.conn.Send(vectors(chunk))
		if err != nil {
			t.Fatal(err)
		}
		sent += n
		full = n < len(chunk)
	}
	half := bytes.Repeat([]byte("y"), tcp.QueueLimitBytes/2)
	rest := bytes.Repeat([]byte("z"), tcp.QueueLimitBytes-len(half))
	for _, p := range [][]byte{half, rest} {
		if err := client.conn.Write(p); err != nil {
			t.Fatalf("%d bytes within the limit: %v", len(p), err)
		}
	}
	if err := client.conn.Write([]byte("!")); !errors.Is(err, tcp.ErrQueueFull) {
		t.Errorf("a byte beyond the limit: %v", err)
	}
	was := client.writable
	server.conn.Resume()
	want := sent + tcp.QueueLimitBytes
	turnUntil(t, l, func() bool { return len(server.got) >= want && client.writable > was })
	if len(server.got) != want || !bytes.HasSuffix(server.got, append(half, rest...)) || client.writable != was+1 {
		t.Errorf("%d bytes came, and it was told %d times that the socket is writable; want %d and once", len(server.got), client.writable-was, want)
	}
	client.conn.Close()
	server.conn.Close()
}
