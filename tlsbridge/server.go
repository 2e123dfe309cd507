package tlsbridge

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// HandshakeTime is how long a handshake may take.
const HandshakeTime = 10 * time.Second

// Server ends TLS on sockets that were accepted. Any goroutine may call its methods.
type Server struct {
	config *tls.Config
	time   time.Duration // of a handshake
}

// NewServer makes a Server. The configuration has at least a certificate, or GetCertificate; unless
// it says otherwise, clients speak TLS 1.2 or 1.3. It is copied.
func NewServer(c *tls.Config) *Server { return &Server{prepare(c), HandshakeTime} }

// prepare copies a configuration. What is carried is frames: small records, which TLS would begin
// with, gain nothing.
func prepare(c *tls.Config) *tls.Config {
	c = c.Clone()
	c.DynamicRecordSizingDisabled = true
	return c
}

// ErrPlainText is in the error about a client that does not speak TLS.
var ErrPlainText = errors.New("plain text; this port speaks TLS")

// ErrHungUp is in the error about a peer that closes its connection within the handshake.
var ErrHungUp = errors.New("the peer has hung up")

// Terminate begins a TLS handshake on fd, a connected TCP socket that does not block and is the
// Server's from now on. It calls done once, from another goroutine, when the handshake has ended:
// with the socket that the loop is to serve (tcp.Listener.Adopt) and what carries its bytes to the
// peer, or with an error when all is closed. A handshake that is not done within HandshakeTime
// fails. That a client has said nothing and hung up is an error that matches io.EOF. stop ends one
// that is under way; afterwards it does nothing.
//
// plain, if it is not nil, is called with the first bytes of a client that does not speak TLS: their
// first line is whole, or they are 2 kB. The client is sent what it returns.
//
// host is the one that the handshake is counted for: while many are under way, that of another host is
// delayed by no more than one of each host.
//
// This way a Server is a Terminator of package cast/rtsp.
func (s *Server) Terminate(fd int, host netip.Prefix, plain func(first []byte) []byte, done func(fd int, o tcp.Outside, err error)) (stop func()) {
	h := &handshake{config: s.config, time: s.time, host: host, plain: plain}
	go func() {
		inner, c, err := h.runFD(fd)
		if err != nil {
			done(-1, nil, fmt.Errorf("TLS handshake: %w", err))
			return
		}
		done(inner, c, nil)
	}()
	return h.stop
}

// TerminateConn is Terminate for a program that serves the connection by a net.Conn at first: done is given that, which
// is a *net.UnixConn. It and o are the caller's to close; a duplicate of its socket may be handed to the loop with o. This
// way a Server is a Terminator of package cast/http.
func (s *Server) TerminateConn(socket *net.TCPConn, host netip.Prefix, plain func(first []byte) []byte, done func(c net.Conn, o tcp.Outside, err error)) (stop func()) {
	h := &handshake{config: s.config, time: s.time, host: host, plain: plain}
	go func() {
		fd, c, err := h.run(socket)
		var inner *net.UnixConn
		if err == nil {
			if inner, err = fromFD[*net.UnixConn](fd); err != nil {
				c.Close()
			}
		}
		if err != nil {
			done(nil, nil, fmt.Errorf("TLS handshake: %w", err))
			return
		}
		done(inner, c, nil)
	}()
	return h.stop
}

// handshake is one that is under way.
type handshake struct {
	config *tls.Config
	time   time.Duration
	host   netip.Prefix
	plain  func([]byte) []byte

	mutex   sync.Mutex
	socket  *net.TCPConn // nil: it is not there yet, or the handshake is over
	stopped bool
}

var errStopped = errors.New("stopped")

// runFD is run with a socket of which there is no net.Conn.
func (h *handshake) runFD(fd int) (inner int, c *carrier, err error) {
	socket, err := fromFD[*net.TCPConn](fd)
	if err != nil {
		return -1, nil, err
	}
	return h.run(socket)
}

// run returns the loop's socket, and what carries it.
func (h *handshake) run(socket *net.TCPConn) (inner int, c *carrier, err error) {
	if err = h.began(socket); err == nil {
		inner, c, err = h.handshake(socket)
	}
	if stopped := h.ended(); stopped && c != nil {
		err = errors.Join(errStopped, closeInner(inner, c))
	}
	if err != nil {
		return -1, nil, errors.Join(err, ignoreClosed(socket.Close()))
	}
	c.start()
	return inner, c, nil
}

// began notes the socket, for stop.
func (h *handshake) began(socket *net.TCPConn) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.stopped {
		return errStopped
	}
	h.socket = socket
	return socket.SetDeadline(time.Now().Add(h.time))
}

// ended reports whether stop was called before.
func (h *handshake) ended() (stopped bool) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.socket = nil
	return h.stopped
}

// stop is what Terminate returns.
func (h *handshake) stop() {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.stopped = true
	if h.socket != nil {
		_ = h.socket.Close()
	}
}

// handshake speaks with the client. Until its first byte has come there is nothing but the socket.
func (h *handshake) handshake(socket *net.TCPConn) (inner int, c *carrier, err error) {
	w, err := newWire(socket, h.host)
	if err != nil {
		return -1, nil, err
	}
	w.hasFirst = true
	if _, err := socket.Read(w.first[:]); err == io.EOF {
		return -1, nil, err
	} else if err != nil {
		return -1, nil, reason(err)
	}
	const handshakeRecord = 0x16 // RFC 8446, section 5.1
	if w.first[0] != handshakeRecord {
		h.answerPlain(socket, w.first[0])
		return -1, nil, ErrPlainText
	}
	return shake(tls.Server(w, h.config), w, frameBytes, requestBytes, acceptedBytes)
}

// acceptedBytes is how much is read at once from clients that were accepted: they send requests.
const acceptedBytes = 4 << 10

// shake shakes hands, and makes the sockets' pair.
func shake(t *tls.Conn, w *wire, fromLoop, toLoop, inwardBytes int) (inner int, c *carrier, err error) {
	w.enter()
	if err = ErrHungUp; !w.hungUp() { // in a flood many have, while they waited
		err = t.Handshake()
	}
	w.leave()
	if flushErr := w.flush(); err == nil { // a failed one has left an alert
		err = flushErr
	}
	if err != nil {
		sayGoodbye(w.TCPConn)
		return -1, nil, reason(err)
	}
	if err := w.TCPConn.SetDeadline(time.Time{}); err != nil {
		return -1, nil, err
	}
	w.turns = carrying
	c = &carrier{wire: w, tls: t, inwardBytes: inwardBytes}
	if c.inner, inner, err = pair(fromLoop, toLoop); err != nil {
		return -1, nil, err
	}
	return inner, c, nil
}

// mostPlainBytes is how much is read of what a client sends that does not speak TLS.
const mostPlainBytes = 2 << 10

// answerPlain answers a client that does not speak TLS, if what it says is a line of text.
func (h *handshake) answerPlain(socket *net.TCPConn, first byte) {
	if h.plain == nil || first < ' ' || first > '~' {
		return
	}
	said := append(make([]byte, 0, mostPlainBytes), first)
	for !bytes.Contains(said, []byte("\n")) && len(said) < mostPlainBytes {
		n, err := socket.Read(said[len(said):mostPlainBytes])
		if err != nil {
			return
		}
		said = said[:len(said)+n]
	}
	answer := h.plain(said)
	if len(answer) == 0 {
		return
	}
	if _, err := socket.Write(answer); err == nil {
		sayGoodbye(socket)
	}
}

// sayGoodbye ends what is sent to a peer, and gives it a second to hang up. Closing the socket with
// input unread would reset it, and what was last sent be lost.
func sayGoodbye(socket *net.TCPConn) {
	const mostBytes = 128 << 10
	if socket.CloseWrite() == nil && socket.SetDeadline(time.Now().Add(time.Second)) == nil {
		_, _ = io.CopyN(io.Discard, socket, mostBytes)
	}
}

// reason is an error without the addresses, which are logged beside it.
func reason(err error) error {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && op.Timeout():
		return errors.New("not done in time")
	case ok && op.Op == "remote error":
		return fmt.Errorf("the peer says: %w", op.Err)
	case ok:
		return op.Err
	case errors.Is(err, io.EOF):
		return ErrHungUp
	}
	return err
}

// closeInner closes what a handshake has made.
func closeInner(inner int, c *carrier) error { return errors.Join(unix.Close(inner), c.inner.Close()) }

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
