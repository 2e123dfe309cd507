package cast

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/proto/rtsp"
)

// controlConn is an RTSP connection: it carries bytes between the socket and the
// protocol, and frames to the readers that asked for them on it.
type controlConn struct {
	cast   *Broadcaster
	conn   *tcp.Conn
	rtsp   *rtsp.Conn
	opened time.Duration
	// interleaved are the readers that are sent their frames on this connection.
	interleaved []*tcpReader
}

// listen answers RTSP on address, on both families if it is the unspecified IPv6
// address.
func (b *Broadcaster) listen(address netip.AddrPort) error {
	b.server = rtsp.NewServer(rtsp.Config{
		Server: b.config.Server, Timeout: b.config.SessionTimeout, NewID: b.config.newID,
	}, (*media)(b))
	b.expiry = b.loop.NewTimer(b.expire)
	b.expiry.SetAfter(b.config.SessionTimeout / rtspExpiryShare)
	families := []netip.AddrPort{address}
	if address.Addr() == netip.IPv6Unspecified() {
		families = []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), address.Port()), address}
	}
	for i, local := range families {
		if i > 0 { // if any port would do, then the one that the first family got
			local = netip.AddrPortFrom(local.Addr(), b.control[0].Local().Port())
		}
		listener, err := tcp.Listen(b.loop, local, b.accept, b.acceptFailed)
		if err != nil {
			if i > 0 && familyMissing(err) {
				break
			}
			return err
		}
		b.control = append(b.control, listener)
	}
	return nil
}

func (b *Broadcaster) accept(conn *tcp.Conn) tcp.Handler {
	c := &controlConn{cast: b, conn: conn, rtsp: b.server.Accept(conn.Peer(), conn.Local()), opened: b.loop.Now()}
	b.conns[c] = struct{}{}
	return c
}

func (b *Broadcaster) acceptFailed(err error) {
	b.config.Log.Error("connections cannot be accepted; trying again", "error", err)
}

// Data is called with what the peer sent.
func (c *controlConn) Data(p []byte) {
	b := c.cast
	b.receiving = c
	out, err := c.rtsp.Receive(b.loop.Now(), p, b.scratch[:0])
	b.receiving = nil
	b.scratch = out
	if len(out) > 0 && !c.conn.Closed() {
		if c.conn.Write(out) != nil {
			c.close()
			return
		}
	}
	if err != nil {
		b.config.Log.Info("RTSP connection closed", "peer", c.conn.Peer(), "reason", err)
		c.close()
	}
}

// Writable is called when the socket takes more.
func (c *controlConn) Writable() {
	for _, r := range slices.Clone(c.interleaved) { // a reader may be lost by its send
		r.blocked = false
		r.newFrame()
	}
}

// Closed is called when the connection is gone.
func (c *controlConn) Closed(error) { c.close() }

// close ends the connection and the sessions that live by it.
func (c *controlConn) close() {
	delete(c.cast.conns, c)
	c.conn.Close()
	c.rtsp.Close()
	if b := c.cast; b.gone != nil && !b.closed && len(b.conns) == 0 {
		b.gone.SetAfter(0)
	}
}

func (c *controlConn) addInterleaved(r *tcpReader) { c.interleaved = append(c.interleaved, r) }

func (c *controlConn) removeInterleaved(r *tcpReader) {
	for i, other := range c.interleaved {
		if other == r {
			c.interleaved = append(c.interleaved[:i], c.interleaved[i+1:]...)
			return
		}
	}
}

// expire ends silent sessions, and connections that nobody has said anything on.
func (b *Broadcaster) expire() {
	now := b.loop.Now()
	most := b.config.SessionTimeout + b.patience()
	for session := range b.server.Sessions() {
		if r, ok := session.User.(*Reader); ok && now-r.lastAlive >= most {
			r.end("timeout")
		}
	}
	for c := range b.conns {
		if c.rtsp.Sessions() == 0 && now-max(c.rtsp.LastActive(), c.opened) >= b.config.SessionTimeout {
			c.close()
		}
	}
	b.expiry.SetAfter(b.config.SessionTimeout / rtspExpiryShare)
}

// rtspExpiryShare is how many times within their timeout silent sessions are looked for.
const rtspExpiryShare = 16

// closeControl ends all sessions and connections. Goodbyes must have been said.
func (b *Broadcaster) closeControl() error {
	if b.server == nil {
		return nil
	}
	b.expiry.Stop()
	for session := range b.server.Sessions() {
		if r, ok := session.User.(*Reader); ok {
			r.end("shutdown")
		}
	}
	var errs []error
	for _, listener := range b.control {
		errs = append(errs, listener.Close())
	}
	b.control = nil
	for c := range b.conns {
		c.close()
	}
	return errors.Join(errs...)
}
