package rtsp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/proto/credentials"
)

// ErrClosed is what Receive and Resume return once the connection is closed or either has failed.
var ErrClosed = errors.New("rtsp: the connection is closed: accept a new one")

// Conn is the server's side of one TCP connection.
type Conn struct {
	// User is the caller's own, typically the socket's handler. The package does not touch it.
	User any

	// Secure says that the connection is encrypted, as with rtsps://. The caller sets it, if it does, before Receive is called.
	Secure bool
	// AllowBasic has passwords taken in clear text (RFC 7617) on a connection that is not Secure. The caller sets it likewise.
	AllowBasic bool

	server      *Server
	peer, local netip.AddrPort
	lastActive  time.Duration

	// sessions are those set up on this connection, few. For the interleaved ones it is the table of channels.
	sessions []*Session

	// over is the id of the last of them that its owner has ended.
	over string

	// described is the path that was described last: what rtsp://host/trackID=0 means.
	described string

	// partial is the beginning of a message whose rest has not come yet, or a request that waits for its answer and what has
	// come behind it. It is nil when there is neither, so that an idle connection holds no buffer.
	partial []byte

	// need is how much of an incomplete message is useful to look at again. waiting is the length of the request that waits.
	need    int
	waiting int

	// pending: partial begins with what Config.Yield has left for later. steps counts what is not asked about.
	pending bool
	steps   uint8

	// An interleaved frame's header is taken by itself, so that a payload in a segment of its own needs no buffer.
	// frameLeft is the length of the payload that comes next; skipLeft is what remains of one too large to keep.
	frameLeft    int
	skipLeft     int
	frameChannel uint8

	// begun is when the first byte came of the message that is not whole yet.
	begun time.Duration

	// number counts the requests. credentials are those of the one that Media is asked about. challenge is nil until the
	// client is asked for its password, and failures how often what it said was wrong.
	number      uint64
	credentials *credentials.Credentials
	challenge   *challenge
	failures    uint8

	closed bool
}

// Peer is the address of the client; IPv4 is never mapped into IPv6.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// Local is the address that the client has connected to.
func (c *Conn) Local() netip.AddrPort { return c.local }

// Sessions is how many sessions set up on this connection are alive.
func (c *Conn) Sessions() int { return len(c.sessions) }

// LastActive is when the client's last request was whole, or its last RTCP for one of its sessions, or when [Conn.Resume] last asked about its request. The caller closes
// connections that have been idle for too long: those without Sessions that are not Waiting.
func (c *Conn) LastActive() time.Duration { return c.lastActive }

// Receive takes what was read from the connection at now and appends the responses to out, which it returns. All of data
// is consumed; it is not referred to afterwards. An incomplete message is kept, up to Config.MaxRequestBytes, and as much
// behind a request that waits for its answer ([Conn.Waiting]). A connection that is [Conn.Pending] keeps all: do not read on.
//
// An error means that the client's messages cannot be told apart any more, or that it sends too much while a request waits:
// write what was returned, then close. So it is with HTTP, whose request is answered in its words, and with TLS ([ErrTLS]),
// which is not answered. A request that is merely wrong gets its error status, and the connection lives on.
func (c *Conn) Receive(now time.Duration, data, out []byte) ([]byte, error) {
	if c.closed {
		return out, ErrClosed
	}
	if !c.unfinished() {
		c.begun = now
	}
	if c.pending {
		c.partial = append(c.partial, data...)
		return out, nil
	}
	if c.waiting > 0 {
		if err := c.checkBacklog(len(c.partial) + len(data)); err != nil {
			return out, c.fail(err)
		}
		c.partial = append(c.partial, data...)
		return out, nil
	}
	rest := data
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		rest = c.partial
	}
	return c.run(now, rest, out, false)
}

// run handles the messages at the beginning of in, up to one that is incomplete or has to wait. resumed says that the first
// one has waited before.
func (c *Conn) run(now time.Duration, in, out []byte, resumed bool) ([]byte, error) {
	for len(in) > 0 && !c.closed {
		var n int
		var err error
		light := c.skipLeft > 0 || c.frameLeft > 0 || in[0] == '$' || in[0] == '\r' || in[0] == '\n'
		if n, out, err = c.step(now, in, out, resumed); err != nil {
			return out, c.fail(err)
		}
		if n == 0 {
			break
		}
		in, c.need, resumed = in[n:], 0, false
		if c.frameLeft == 0 && c.skipLeft == 0 {
			c.begun = now // what comes next, comes now
		}
		if c.pending = len(in) > 0 && c.yields(light); c.pending {
			break
		}
	}
	if err := c.checkBacklog(len(in)); err != nil {
		return out, c.fail(err)
	}
	c.keep(in)
	return out, nil
}

// yields asks whether the rest is for later. What costs little is asked about in lots.
func (c *Conn) yields(light bool) bool {
	const lot = 64
	if c.steps++; light && c.steps%lot != 0 || c.server.cfg.Yield == nil {
		return false
	}
	return c.server.cfg.Yield()
}

// fail gives the connection up: nothing that comes is of use any more.
func (c *Conn) fail(err error) error {
	c.closed, c.partial, c.waiting, c.pending = true, nil, 0, false
	return fmt.Errorf("rtsp: from %v: %w", c.peer, err)
}

// Close says that the connection is gone: its interleaved sessions end with EndConnClosed, the others live on. A request that
// waits is never answered.
func (c *Conn) Close() {
	c.closed, c.partial, c.waiting, c.pending = true, nil, 0, false
	for len(c.sessions) > 0 {
		s := c.sessions[len(c.sessions)-1]
		if s.transport.Protocol == TCP {
			s.endBy(EndConnClosed)
			continue
		}
		c.drop(s)
		s.conn = nil
	}
}

// keep stores what could not be handled yet, and frees the buffer when there is none.
func (c *Conn) keep(rest []byte) {
	switch {
	case len(rest) == 0 || c.closed:
		c.partial = nil
	case cap(c.partial) > 2*c.server.cfg.MaxRequestBytes:
		c.partial = slices.Clone(rest)
	default:
		c.partial = append(c.partial[:0], rest...) // rest may lie behind in the same buffer: append moves it down
	}
}

// step handles one message at the beginning of in and returns its length; 0 means that more is needed, or an answer.
func (c *Conn) step(now time.Duration, in, out []byte, resumed bool) (int, []byte, error) {
	switch {
	case c.skipLeft > 0:
		n := min(len(in), c.skipLeft)
		c.skipLeft -= n
		return n, out, nil
	case c.frameLeft > 0:
		return c.payload(now, in), out, nil
	case len(in) < c.need:
		return 0, out, nil
	case in[0] == '$':
		return c.frame(in), out, nil
	case in[0] == '\r' || in[0] == '\n':
		return 1, out, nil // empty lines between messages are ignored, as HTTP servers do (RFC 2068 section 4.1)
	}
	return c.message(now, in, out, resumed)
}

// frame takes the header of an interleaved frame: $, channel, 16 bits of length (RFC 2326 section 10.12).
func (c *Conn) frame(in []byte) int {
	if len(in) < 4 {
		return 0
	}
	size := int(in[2])<<8 | int(in[3])
	if size > c.server.cfg.MaxRequestBytes {
		c.skipLeft = size
	} else {
		c.frameChannel, c.frameLeft = in[1], size
	}
	return 4
}

// payload hands over an interleaved frame's payload once it is complete. On a channel that is nobody's it is dropped:
// clients send their last reports after TEARDOWN.
func (c *Conn) payload(now time.Duration, in []byte) int {
	n := c.frameLeft
	if len(in) < n {
		return 0
	}
	c.frameLeft = 0
	for _, s := range c.sessions {
		if s.transport.Protocol == TCP && s.transport.RTCPChannel == c.frameChannel {
			c.lastActive = now
			c.server.media.Alive(s)
			if !s.ended {
				c.server.media.Interleaved(s, c.frameChannel, in[:n:n])
			}
			break
		}
	}
	return n
}

// drop takes the session out of the connection's list. A nil connection has none.
func (c *Conn) drop(s *Session) {
	if c == nil {
		return
	}
	if i := slices.Index(c.sessions, s); i >= 0 {
		c.sessions = slices.Delete(c.sessions, i, i+1)
	}
}

// channels returns a free pair of channels for the session: the proposed one, if there is a proposal and it is free.
func (c *Conn) channels(s *Session, o offer) (uint8, bool) {
	if o.proposed && c.freePair(s, int(o.channel)) {
		return o.channel, true
	}
	for channel := 0; channel <= 254; channel += 2 {
		if c.freePair(s, channel) {
			return uint8(channel), true
		}
	}
	return 0, false
}

// freePair reports whether no other session of the connection uses channel or channel+1.
func (c *Conn) freePair(except *Session, channel int) bool {
	for _, s := range c.sessions {
		if s == except || s.transport.Protocol != TCP {
			continue
		}
		if channel <= int(s.transport.RTCPChannel) && int(s.transport.RTPChannel) <= channel+1 {
			return false
		}
	}
	return true
}
