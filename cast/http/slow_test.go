package http

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// TestSlowHeaders has a client send a header that does not end: its connection is closed, and counted no
// more.
func TestSlowHeaders(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := cast.New(l, cast.Config{MaxConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(b, Options{})
	s.http.ReadHeaderTimeout, s.http.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	b.Attach(s)
	go s.serve()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	for range 3 { // each needs the end of the one before
		c, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, "GET /cam.jpg HTTP/1.1\r\nX: "); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Fatal("it is not closed")
			}
		}
		at := c.LocalAddr().(*net.TCPAddr).AddrPort()
		// The server has posted the end before it closed the socket.
		if err := l.Do(ctx, func() {
			if err := b.Connected(cast.HTTP, at); err != nil {
				t.Error(err)
				return
			}
			b.Disconnected(at)
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Do(ctx, func() { _ = b.Close() }); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}
