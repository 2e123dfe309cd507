package http

import (
	"errors"
	"net"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"golang.org/x/sys/unix"
)

// listener gives net/http those connections that the limits allow.
type listener struct {
	net.Listener
	server *Server
}

// errOver is Accept's error when the server is closed.
var errOver = errors.New("http: the server is closed")

// Accept waits for a connection that is allowed. The others are closed before anything is read.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		one := &conn{TCPConn: c.(*net.TCPConn), server: l.server, peer: addressOf(c.RemoteAddr()), local: addressOf(c.LocalAddr())}
		if l.server.allows(one.peer) {
			return one, nil
		}
		_ = c.Close()
		select {
		case <-l.server.over:
			return nil, errOver
		default:
		}
	}
}

// allows counts a connection, or refuses it.
func (s *Server) allows(peer netip.AddrPort) (ok bool) {
	b := s.broadcaster
	answered := s.ask(nil, b.Accepting(), func(done func()) func() {
		defer done()
		if err := b.Connected(cast.HTTP, peer); err != nil {
			b.LogRefusal(peer, cast.HTTP, "", err)
			return nil
		}
		ok = true
		return nil
	})
	return answered && ok
}

// addressOf is an address as the gate knows it: one of IPv4 as such.
func addressOf(a net.Addr) netip.AddrPort {
	at := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// conn is a connection that net/http reads requests from. It is counted until it is closed, or until
// its socket is taken from it.
type conn struct {
	*net.TCPConn
	server      *Server
	peer, local netip.AddrPort
	encrypted   bool
	// ended: it is closed or taken. net/http closes connections more than once, on goroutines of which one
	// at a time has it.
	ended atomicFlag
}

// secure reports whether what is sent on it is encrypted. A request of no connection is not.
func (c *conn) secure() bool { return c != nil && c.encrypted }

// Close ends it.
func (c *conn) Close() error {
	if c.ended.set() {
		c.uncount()
	}
	return c.TCPConn.Close()
}

// uncount has the connection no longer counted.
func (c *conn) uncount() {
	// A loop that is closed counts nothing.
	_ = c.server.loop.Post(func() { c.server.broadcaster.Disconnected(c.peer) })
}

// take returns a duplicate of the connection's socket and closes the connection, which stays counted. On an
// error it is as it was.
func (c *conn) take() (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd = -1
	if outer := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); outer != nil {
		return -1, outer
	}
	if err != nil {
		return -1, err
	}
	if !c.ended.set() { // by Server.Close
		return -1, errors.Join(errOver, unix.Close(fd))
	}
	_ = c.TCPConn.Close() // the socket lives on
	return fd, nil
}

// closeFD closes a socket that no loop will serve.
func closeFD(fd int) { _ = unix.Close(fd) }
