package http

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// serveImpatiently serves with room for one connection, and gives requests 50 ms to come.
func serveImpatiently(t *testing.T, o Options) *Server {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	b, err := cast.New(l, cast.Config{MaxConnections: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(b, o)
	s.http.ReadHeaderTimeout, s.http.ReadTimeout = 50*time.Millisecond, 50*time.Millisecond
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	b.Attach(s)
	go s.serve()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		if err := l.Do(ctx, func() { _ = b.Close() }); err != nil {
			t.Error(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// beginRequest sends the beginning of a request on a connection of its own.
func beginRequest(t *testing.T, s *Server, beginning string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, beginning); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSlowBodies has a viewer send candidates that do not end: it is told so.
func TestSlowBodies(t *testing.T) {
	s := serveImpatiently(t, Options{WHEP: struct{ WHEP }{}})
	c := beginRequest(t, s, "PATCH /film/whep/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+fragmentType+"\r\nContent-Length: 100\r\n\r\na=")
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); answer.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "has not come whole") {
		t.Errorf("%v %q, %v", answer.Status, text, err)
	}
}

// TestSlowHeaders has a client send a header that does not end: its connection is closed, and counted no
// more.
func TestSlowHeaders(t *testing.T) {
	s := serveImpatiently(t, Options{})
	for range 3 { // each needs the end of the one before
		c := beginRequest(t, s, "GET /cam.jpg HTTP/1.1\r\nX: ")
		if _, err := io.ReadAll(c); err != nil {
			if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
				t.Fatal("it is not closed")
			}
		}
		at := c.LocalAddr().(*net.TCPAddr).AddrPort()
		// The server has posted the end before it closed the socket.
		if err := s.loop.Do(t.Context(), func() {
			if err := s.broadcaster.Connected(cast.HTTP, at); err != nil {
				t.Error(err)
				return
			}
			s.broadcaster.Disconnected(at)
		}); err != nil {
			t.Fatal(err)
		}
	}
}
