package tlsbridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop/tcp"
)

// Dialled is a client's connection, for tcp.Adopt.
type Dialled struct {
	// FD is the socket that the loop is to serve, and Outside what carries its bytes.
	FD      int
	Outside tcp.Outside
	// Peer and Local are the addresses of the connection.
	Peer, Local netip.AddrPort
}

// answeredBytes is how much is read at once from servers: they send frames.
const answeredBytes = 16 << 10

// Dial connects to a server and shakes hands, for which the connection has HandshakeTime; it waits
// for both, so it is not for the loop's goroutine. The configuration has a ServerName, or says
// that nothing is verified. ctx ends it early. What is returned is the caller's, for tcp.Adopt.
func Dial(ctx context.Context, to netip.AddrPort, config *tls.Config) (Dialled, error) {
	ctx, cancel := context.WithTimeout(ctx, HandshakeTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", to.String())
	if err != nil {
		return Dialled{}, reason(err)
	}
	socket := conn.(*net.TCPConn) // as "tcp" says
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	inner, c, err := shakeWith(socket, netip.PrefixFrom(to.Addr(), to.Addr().BitLen()), config)
	if !stop() && err == nil { // the deadline has passed, and may have been set
		err = errors.Join(context.Cause(ctx), closeInner(inner, c))
	}
	if err != nil {
		return Dialled{}, errors.Join(fmt.Errorf("TLS handshake: %w", err), ignoreClosed(socket.Close()))
	}
	local := socket.LocalAddr().(*net.TCPAddr).AddrPort()
	c.start()
	return Dialled{FD: inner, Outside: c, Peer: to, Local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port())}, nil
}

// shakeWith shakes hands with a server.
func shakeWith(socket *net.TCPConn, host netip.Prefix, config *tls.Config) (inner int, c *carrier, err error) {
	w, err := newWire(socket, host)
	if err != nil {
		return -1, nil, err
	}
	return shake(tls.Client(w, prepare(config)), w, requestBytes, frameBytes, answeredBytes)
}
