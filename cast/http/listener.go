package http

import (
	"errors"
	"net"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// listener gives net/http those connections that the limits allow.
type listener struct {
	net.Listener
	server *Server
	// ready are connections whose TLS handshake has succeeded, and failed is why there will be no more. Both are nil
	// without TLS.
	ready  chan *conn
	failed chan error
}

// errOver is Accept's error when the server is closed.
var errOver = errors.New("http: the server is closed")

// Accept waits for a connection that is allowed, and whose handshake has succeeded if there is TLS.
func (l *listener) Accept() (net.Conn, error) {
	if l.ready == nil {
		return l.accept()
	}
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.server.over:
		return nil, errOver
	}
}

// accept waits for a connection that is allowed. The others are closed before anything is read.
func (l *listener) accept() (*conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		one := &conn{Conn: c, server: l.server, peer: addressOf(c.RemoteAddr()), local: addressOf(c.LocalAddr())}
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

// allows counts a connection, and its handshake if there is to be one, or refuses it.
func (s *Server) allows(peer netip.AddrPort) (ok bool) {
	b := s.broadcaster
	answered := s.ask(nil, b.Accepting(), func(done func()) func() {
		defer done()
		err := b.Connected(cast.HTTP, peer)
		if err == nil && s.options.TLS != nil {
			if err = b.BeginHandshake(peer); err != nil {
				b.Disconnected(peer)
			}
		}
		if err != nil {
			b.LogRefusal(peer, cast.HTTP, "", err)
		}
		ok = err == nil
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
	// Conn is the peer's socket, or one to what carries TLS.
	net.Conn
	server      *Server
	peer, local netip.AddrPort
	// outside carries TLS, nil if there is none.
	outside tcp.Outside
	// ended: it is closed or taken. net/http closes connections more than once, on goroutines of which one
	// at a time has it.
	ended atomicFlag
}

// secure reports whether what is sent on it is encrypted. A request of no connection is not.
func (c *conn) secure() bool { return c != nil && c.outside != nil }

// RemoteAddr is the peer's address, and LocalAddr the one that it connected to.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.peer) }
func (c *conn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.local) }

// CloseWrite ends what is sent: net/http then reads for a moment, so that the peer is not reset.
func (c *conn) CloseWrite() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

// Close ends it. It is no longer counted when the peer learns of it.
func (c *conn) Close() error {
	if !c.ended.set() {
		return c.Conn.Close()
	}
	c.uncount()
	err := c.Conn.Close()
	if c.outside != nil {
		c.outside.Close()
	}
	return err
}

// uncount has the connection no longer counted.
func (c *conn) uncount() {
	// A loop that is closed counts nothing.
	_ = c.server.loop.Post(func() { c.server.broadcaster.Disconnected(c.peer) })
}

// take returns a duplicate of the connection's socket and closes the connection, which stays counted. What carries
// TLS goes on. On an error it is as it was.
func (c *conn) take() (fd int, err error) {
	if fd, err = c.duplicate(); err != nil {
		return -1, err
	}
	if !c.ended.set() { // by Server.Close
		return -1, errors.Join(errOver, unix.Close(fd))
	}
	_ = c.Conn.Close() // the socket lives on
	return fd, nil
}

// duplicate returns a duplicate of the connection's socket.
func (c *conn) duplicate() (fd int, err error) {
	if plain, ok := c.Conn.(*net.TCPConn); ok {
		raw, err := plain.SyscallConn()
		return duplicate(raw, err)
	}
	raw, err := c.Conn.(*net.UnixConn).SyscallConn()
	return duplicate(raw, err)
}

func duplicate(raw interface{ Control(func(fd uintptr)) error }, err error) (int, error) {
	if err != nil {
		return -1, err
	}
	fd := -1
	outer := raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) })
	if outer != nil {
		err = outer
	}
	return fd, err
}

// closeFD closes a socket that no loop will serve.
func closeFD(fd int) { _ = unix.Close(fd) }
