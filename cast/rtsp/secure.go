package rtsp

import (
	"errors"
	"io"
	"net/netip"
	"sync/atomic"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	protocol "github.com/camcast/camcast/proto/rtsp"
)

// A Terminator ends TLS outside the loop: it carries the bytes of a connection, decrypted, to and
// from another socket. Package tlsbridge has one.
type Terminator interface {
	// Terminate takes over fd, a connected socket that does not block, and begins a TLS handshake
	// on it, with a host: those of one host must not delay those of others for long. plain, which any goroutine may call, answers a client that does not speak TLS, by
	// the first bytes that it has sent; nil: there is no answer.
	//
	// done is called once, from any goroutine, within Terminate too. If the handshake has
	// succeeded its fd is a socket for tcp.Listener.Adopt, and o what carries it; else err
	// says why not, and all is closed; it matches io.EOF if the peer has said nothing and hung
	// up, which is not logged. stop ends a handshake that is under way, and done is
	// called then, too.
	Terminate(fd int, host netip.Prefix, plain func(first []byte) []byte, done func(fd int, o tcp.Outside, err error)) (stop func())
}

// handshake is a TLS handshake that is under way. It is counted as a connection of the Broadcaster, too.
type handshake struct {
	server      *Server
	listener    *tcp.Listener
	peer, local netip.AddrPort
	stop        func()
	// made is what a handshake that has succeeded hands over: the one that takes it out serves or closes it.
	// over: the server is closed, and takes nothing more.
	made atomic.Pointer[terminated]
	over atomic.Bool
}

// terminated is what comes of a handshake: a socket, and what carries its bytes.
type terminated struct {
	fd      int
	outside tcp.Outside
}

// close closes both. Nil has nothing to close.
func (m *terminated) close(k loop.Kernel) (err error) {
	if m != nil {
		err = k.CloseFD(m.fd)
		m.outside.Close()
	}
	return err
}

// divert has accepted sockets go through TLS, if the server has that.
func (s *Server) divert(l *tcp.Listener) {
	if s.options.TLS != nil {
		l.Divert(func(fd int, peer netip.AddrPort) { s.handshake(l, fd, peer) })
	}
}

// handshake begins the handshake with a peer, or closes the socket.
func (s *Server) handshake(l *tcp.Listener, fd int, peer netip.AddrPort) {
	b := s.broadcaster
	k := b.Loop().Kernel()
	local, err := k.LocalAddr(fd)
	if err == nil {
		if err = b.BeginHandshake(peer); err == nil {
			if err = b.Connected(cast.RTSP, peer); err != nil {
				b.EndHandshake(peer)
			}
		}
	}
	if err != nil {
		b.LogRefusal(peer, cast.RTSP, "", err)
		_ = k.CloseFD(fd) // it is open
		return
	}
	h := &handshake{server: s, listener: l, peer: peer, local: local}
	s.handshakes[h] = struct{}{}
	h.stop = s.options.TLS.Terminate(fd, cast.CountedAs(peer.Addr()), protocol.AnswerPlainText, func(fd int, o tcp.Outside, err error) {
		if err == nil {
			h.made.Store(&terminated{fd, o})
		}
		if b.Loop().Post(func() { h.done(err) }) != nil || h.over.Load() { // a loop that is closed later drops what is posted
			_ = h.made.Swap(nil).close(k) // it is open
		}
	})
}

// end ends the handshake as the server closes. It may have succeeded, and the loop not know that yet.
func (h *handshake) end() error {
	h.over.Store(true)
	h.stop()
	return h.made.Swap(nil).close(h.server.broadcaster.Loop().Kernel())
}

// done is called on the loop when the handshake has ended.
func (h *handshake) done(err error) {
	s := h.server
	b := s.broadcaster
	delete(s.handshakes, h)
	b.EndHandshake(h.peer)
	if err == nil {
		err = errClosing
		if made := h.made.Swap(nil); made != nil {
			err = h.listener.Adopt(made.fd, h.peer, h.local, made.outside)
		}
		if err == nil {
			return
		}
	}
	b.Disconnected(h.peer)
	if !errors.Is(err, errClosing) && !errors.Is(err, io.EOF) {
		b.LogRefusal(h.peer, cast.RTSP, "", err)
	}
}

// errClosing is why a handshake comes to nothing when the server closes.
var errClosing = errors.New("the server closes")
