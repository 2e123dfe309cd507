package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/tcp"
)

// A Terminator ends TLS: it carries the bytes of a connection, decrypted, to and from another socket. Package tlsbridge
// has one.
type Terminator interface {
	// TerminateConn takes over a socket and begins a TLS handshake on it. plain, which any goroutine may call,
	// answers a client that does not speak TLS, by the first bytes that it has sent; nil: there is no answer.
	//
	// host is the one that the handshake is counted for: while many are under way, hosts have turns in rotation.
	//
	// done is called once, from any goroutine. If the handshake has succeeded its c is a *net.UnixConn, of which a
	// duplicate may be served by a loop (tcp.Adopter), and o what carries it; else err says why not, and all is closed;
	// it matches io.EOF if the peer has said nothing and hung up, which is not logged. stop ends a handshake that is
	// under way, and done is called then, too.
	TerminateConn(socket *net.TCPConn, host netip.Prefix, plain func(first []byte) []byte, done func(c net.Conn, o tcp.Outside, err error)) (stop func())
}

// handshake is a TLS handshake that is under way. It belongs to the loop.
type handshake struct{ over bool }

// acceptSecure begins handshakes until the listener is closed. Accept gives the connections to net/http.
func (l *listener) acceptSecure() {
	for {
		c, err := l.accept()
		if err != nil {
			select {
			case l.failed <- err:
			case <-l.server.over:
			}
			return
		}
		l.shake(c)
	}
}

// shake begins the handshake of a connection.
func (l *listener) shake(c *conn) {
	s := l.server
	h := &handshake{}
	stop := s.options.TLS.TerminateConn(c.Conn.(*net.TCPConn), cast.CountedAs(c.peer.Addr()), answerPlain, func(inner net.Conn, o tcp.Outside, err error) {
		_ = s.loop.Post(func() { s.shaken(h, c, err) }) // a loop that is closed counts nothing
		if err != nil {
			return
		}
		c.Conn, c.outside = inner, o
		select {
		case l.ready <- c:
		case <-s.over:
			_ = c.Close()
		}
	})
	if s.loop.Post(func() {
		switch {
		case h.over:
		case s.closed:
			stop()
		default:
			s.handshakes[h] = stop
		}
	}) != nil {
		stop()
	}
}

// shaken is called on the loop when a handshake has ended.
func (s *Server) shaken(h *handshake, c *conn, err error) {
	h.over = true
	delete(s.handshakes, h)
	s.broadcaster.EndHandshake(c.peer)
	if err == nil {
		return
	}
	s.broadcaster.Disconnected(c.peer)
	if !s.closed && !errors.Is(err, io.EOF) {
		s.broadcaster.LogRefusal(c.peer, cast.HTTP, "", err)
	}
}

// plainText is what a client is told that speaks plain text where TLS is spoken.
const plainText = "this port speaks TLS: use https://\n"

// answerPlain answers a request of HTTP in plain text, by its first line.
func answerPlain(first []byte) []byte {
	line, _, whole := bytes.Cut(first, []byte("\n"))
	fields := bytes.Fields(line)
	if !whole || len(fields) != 3 || !bytes.HasPrefix(fields[2], []byte("HTTP/")) {
		return nil
	}
	return fmt.Appendf(nil, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(plainText), plainText)
}
