package sim

import (
	"errors"
	"fmt"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"
)

// TCPPeer is the other end of a connection: a player, say. It has no fd and is not on
// the loop. What it receives waits in its receive buffer until Take, as with a peer
// that does not read, unless OnData or CountOnly say otherwise. What it writes is
// queued without limit.
type TCPPeer struct {
	conn      *tcpConn
	onData    func(p []byte)
	countOnly bool
	count     uint64
	pending   bool // a look at the connection is scheduled
	closed    bool
	err       error
}

// DialTCP has a peer at from, which may be any address (port 0: a free one), connect.
// How it ends is seen in Connected and Err. It fails at once if from is taken.
func (k *Kernel) DialTCP(from, to netip.AddrPort) (*TCPPeer, error) {
	from, to = canonical(from), canonical(to)
	switch {
	case !from.IsValid() || from.Addr().IsUnspecified():
		return nil, fmt.Errorf("sim: TCP peer at %v: needs the address of one host", from)
	case from.Addr().Is4() != to.Addr().Is4():
		return nil, fmt.Errorf("sim: TCP peer at %v: connect to %v: %w", from, to, unix.EAFNOSUPPORT)
	case k.network.streams[from] > 0:
		return nil, fmt.Errorf("sim: TCP peer at %v: %w", from, unix.EADDRINUSE)
	}
	c, err := k.newConn(from, to)
	if err != nil {
		return nil, fmt.Errorf("sim: TCP peer at %v: %w", from, err)
	}
	p := newTCPPeer(c)
	k.dial(c)
	return p, nil
}

func newTCPPeer(c *tcpConn) *TCPPeer {
	p := &TCPPeer{conn: c}
	c.peer, c.sendLimit = p, math.MaxInt
	return p
}

// Addr is where the peer is; Remote is whom it is connected to.
func (p *TCPPeer) Addr() netip.AddrPort { return p.conn.local }

// Remote is the address the peer is connected to.
func (p *TCPPeer) Remote() netip.AddrPort { return p.conn.away }

// Connected reports whether the connection has come about and has not been reset.
func (p *TCPPeer) Connected() bool { return p.conn.state == established }

// Err is how the connection failed: refused (ECONNREFUSED) or reset (ECONNRESET, or
// EPIPE if the other side had ended it before). nil if it has not.
func (p *TCPPeer) Err() error {
	if p.err == nil && p.conn.err != nil {
		p.err = p.conn.err
	}
	return p.err
}

// Ended reports whether the other side has ended its stream and all of it was taken.
func (p *TCPPeer) Ended() bool { return p.conn.otherEnd && p.conn.received.len() == 0 }

// Write sends b. It may be called before the connection has come about.
func (p *TCPPeer) Write(b []byte) (int, error) {
	c := p.conn
	switch {
	case p.closed || c.ended:
		return 0, fmt.Errorf("sim: TCP peer %v: write after close: %w", c.local, unix.EPIPE)
	case c.state == gone:
		return 0, fmt.Errorf("sim: TCP peer %v: write: %w", c.local, errors.Join(p.Err(), unix.EPIPE))
	}
	c.send.push(b...)
	c.pump()
	return len(b), nil
}

// Take returns all that has arrived and was not taken before.
func (p *TCPPeer) Take() []byte {
	b := append([]byte(nil), p.conn.received.waiting()...)
	p.conn.take(len(b))
	return b
}

// TakeBytes is Take of at most n bytes: a peer that reads slowly.
func (p *TCPPeer) TakeBytes(n int) []byte {
	waiting := p.conn.received.waiting()
	b := append([]byte(nil), waiting[:min(n, len(waiting))]...)
	p.conn.take(len(b))
	return b
}

// Pending is how many bytes have arrived and wait to be taken.
func (p *TCPPeer) Pending() int { return p.conn.received.len() }

// OnData has f called with what arrives, in the loop's next wait, instead of its being
// kept. b may be read until f returns. f may use peers; it must not turn the loop. nil
// lets it wait again.
func (p *TCPPeer) OnData(f func(b []byte)) {
	p.onData = f
	p.changed()
}

// CountOnly has the peer read all that arrives and keep only the count of it.
func (p *TCPPeer) CountOnly() {
	p.countOnly = true
	p.changed()
}

// Received is how many bytes have been read by OnData or CountOnly.
func (p *TCPPeer) Received() uint64 { return p.count }

// SetReceiveBuffer sets how many bytes are kept until they are taken; beyond it the
// other side's socket fills up. It is 212992 at first.
func (p *TCPPeer) SetReceiveBuffer(bytes int) {
	p.conn.receiveLimit = bytes
	p.conn.take(0)
}

// CloseWrite ends the peer's stream; it still receives.
func (p *TCPPeer) CloseWrite() {
	p.conn.ended = true
	p.conn.pump()
}

// Close ends the connection; as on Linux, what was received and not taken makes a
// reset of it.
func (p *TCPPeer) Close() {
	if !p.closed {
		p.closed = true
		p.conn.close()
	}
}

// Reset ends the connection with an RST.
func (p *TCPPeer) Reset() {
	if !p.closed {
		p.closed = true
		p.conn.orphan = true
		p.conn.abort()
	}
}

// changed schedules a look at what has arrived, if anybody wants to look.
func (p *TCPPeer) changed() {
	if p.pending || p.onData == nil && !p.countOnly || p.conn.received.len() == 0 {
		return
	}
	p.pending = true
	p.conn.k.schedule(p.conn.k.now, p)
}

// happen hands over what has arrived.
func (p *TCPPeer) happen(*Kernel) {
	p.pending = false
	if p.closed {
		return
	}
	b := p.conn.received.waiting()
	switch {
	case len(b) == 0:
		return
	case p.onData != nil:
		p.count += uint64(len(b))
		p.onData(b)
	case p.countOnly:
		p.count += uint64(len(b))
	default: // nobody looks any more
		return
	}
	if !p.closed {
		p.conn.take(len(b))
	}
}

// TCPListener is a peer that others connect to.
type TCPListener struct {
	listener tcpListener
	onAccept func(*TCPPeer)
}

// ListenTCPPeer has a peer listen at an address, which may be any (port 0: a free one).
func (k *Kernel) ListenTCPPeer(local netip.AddrPort) (*TCPListener, error) {
	local = canonical(local)
	if !local.IsValid() || local.Addr().IsUnspecified() {
		return nil, fmt.Errorf("sim: TCP peer listens at %v: needs the address of one host", local)
	}
	l := &TCPListener{}
	l.listener = tcpListener{k: k, peer: l}
	if err := k.bindTCP(&l.listener, local); err != nil {
		return nil, fmt.Errorf("sim: TCP peer listens at %v: %w", local, err)
	}
	return l, nil
}

// Addr is where the peer listens.
func (l *TCPListener) Addr() netip.AddrPort { return l.listener.local }

// Accept returns the next connection that has come about.
func (l *TCPListener) Accept() (p *TCPPeer, ok bool) {
	if l.listener.backlog.len() == 0 {
		return nil, false
	}
	c := l.listener.backlog.waiting()[0]
	l.listener.backlog.drop(1)
	p = newTCPPeer(c)
	p.changed()
	return p, true
}

// OnAccept has f called with each connection, instead of its waiting for Accept.
func (l *TCPListener) OnAccept(f func(*TCPPeer)) {
	l.onAccept = f
	l.changed()
}

func (l *TCPListener) changed() {
	if l.onAccept != nil {
		l.listener.k.schedule(l.listener.k.now, l)
	}
}

func (l *TCPListener) happen(*Kernel) {
	for l.onAccept != nil {
		p, ok := l.Accept()
		if !ok {
			return
		}
		l.onAccept(p)
	}
}

// Close stops listening and resets what nobody has accepted.
func (l *TCPListener) Close() { l.listener.close() }
