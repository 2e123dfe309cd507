package sim

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

const (
	// backlogLimit is how many connections wait to be accepted (SOMAXCONN); those
	// that find no room try again after synRetry.
	backlogLimit = 4096
	synRetry     = time.Second
	// chunkBytes is how much of a stream goes onto a throttled line at once.
	chunkBytes = 4 << 10
)

// tcpState is how far a connection has come.
type tcpState uint8

const (
	connecting tcpState = iota
	established
	gone // reset, refused, or given up: nothing moves any more
)

// tcpConn is one end of a connection: an fd's, or a peer's.
type tcpConn struct {
	k           *Kernel
	descriptor  *descriptor // nil: a peer's, or closed
	peer        *TCPPeer    // nil: an fd's
	local, away netip.AddrPort
	other       *tcpConn
	state       tcpState
	err         error // pending (SO_ERROR)

	// send holds what the other end has not received; the first inFlight bytes of it
	// are on their way.
	send      queue[byte]
	inFlight  int
	sendLimit int
	received  queue[byte]
	// receiveLimit is the window: what is received and what is on its way are no more.
	receiveLimit int

	ended    bool // this end has been closed, or its writing side
	endSent  bool
	otherEnd bool // the other end's end has arrived
	orphan   bool // nobody holds this end any more
	stalled  bool // listed as waiting for a link to come up
	unbound  bool // the local address has been freed
	resets   bool // closing resets

	way  *line // to the other end
	last time.Duration
}

func (c *tcpConn) conditions() loop.Interest {
	if c.state == connecting {
		return c.failed()
	}
	if c.state == gone {
		return c.failed() | loop.Readable | loop.Writable | loop.HungUp
	}
	now := c.failed()
	if c.received.len() > 0 || c.otherEnd {
		now |= loop.Readable
	}
	// Linux calls a stream writable when a third of its buffer is free.
	if c.ended || c.sendLimit-c.send.len() >= c.sendLimit/3 {
		now |= loop.Writable
	}
	if c.ended && c.otherEnd {
		now |= loop.HungUp
	}
	return now
}

func (c *tcpConn) failed() loop.Interest {
	if c.err != nil {
		return loop.Failed
	}
	return 0
}

func (c *tcpConn) takeError() error {
	err := c.err
	c.err = nil
	return err
}

// changed tells whoever holds the connection to look at it.
func (c *tcpConn) changed() {
	switch {
	case c.peer != nil:
		c.peer.changed()
	case c.descriptor != nil:
		c.k.touch(c.descriptor)
	}
}

// tcpEvent is something on its way to the other end of a connection.
type tcpEvent struct {
	from  *tcpConn
	bytes int
	kind  tcpEventKind
}

type tcpEventKind uint8

const (
	synArrives tcpEventKind = iota
	connectedArrives
	refusalArrives
	dataArrives
	endArrives
	resetArrives
)

func (e *tcpEvent) happen(k *Kernel) {
	c, bytes, kind := e.from, e.bytes, e.kind
	k.arrivals.put(e)
	c.arrive(kind, bytes)
}

func (c *tcpConn) arrive(kind tcpEventKind, bytes int) {
	switch kind {
	case synArrives:
		c.k.synArrived(c)
	case connectedArrives:
		c.other.connected()
	case refusalArrives: // it comes from nowhere: c is the one refused
		c.fail(unix.ECONNREFUSED)
	case dataArrives:
		c.dataArrived(bytes)
	case endArrives:
		c.endArrived()
	case resetArrives:
		c.other.resetArrived()
	}
}

// toOther has something happen at the other end when it can have come there, in order
// with all that was sent before.
func (c *tcpConn) toOther(kind tcpEventKind, bytes int) {
	at := c.k.now
	if c.way != nil {
		at = c.way.transmit(at, bytes) + c.k.travel(c.way)
	}
	at = max(at, c.last)
	c.last = at
	if at <= c.k.now {
		c.arrive(kind, bytes)
		return
	}
	e := c.k.arrivals.get()
	e.from, e.bytes, e.kind = c, bytes, kind
	c.k.schedule(at, e)
}

// down reports whether the way to the other end is down, and sees to it that the
// connection goes on when it is up.
func (c *tcpConn) down() bool {
	c.way = c.k.lineTo(c.away.Addr())
	if c.way == nil || !c.way.link.Down {
		return false
	}
	if !c.stalled {
		c.stalled = true
		c.k.network.stalled = append(c.k.network.stalled, c)
	}
	return true
}

// resume has the streams that a link held up go on.
func (k *Kernel) resume() {
	stalled := k.network.stalled
	k.network.stalled = nil
	for _, c := range stalled {
		c.stalled = false
		if c.state == connecting {
			k.dial(c)
		} else {
			c.pump()
		}
	}
}

// pump sends what the other end has room for, and the end after it.
func (c *tcpConn) pump() {
	for c.state == established && c.other != nil {
		room := c.other.receiveLimit - c.other.received.len() - c.inFlight
		n := min(c.send.len()-c.inFlight, room)
		if n <= 0 {
			break
		}
		if c.down() {
			return
		}
		if c.way != nil && c.way.link.BytesPerSecond > 0 {
			n = min(n, chunkBytes)
		}
		c.inFlight += n
		c.toOther(dataArrives, n)
	}
	if c.state == established && c.ended && !c.endSent && c.send.len() == c.inFlight && !c.down() {
		c.endSent = true
		c.toOther(endArrives, 0)
	}
}

func (c *tcpConn) dataArrived(n int) {
	if c.state != established { // it was reset meanwhile
		return
	}
	o := c.other
	if o.orphan || o.state == gone { // nobody is there to read it
		o.abort()
		return
	}
	if o.counts() {
		o.peer.count += uint64(n)
	} else {
		o.received.push(c.send.waiting()[:n]...)
	}
	c.send.drop(n)
	c.inFlight -= n
	o.changed()
	c.changed()
}

func (c *tcpConn) endArrived() {
	o := c.other
	if o.state != established {
		return
	}
	o.otherEnd = true
	o.changed()
}

func (c *tcpConn) connected() {
	if c.state != connecting {
		return
	}
	c.state = established
	c.changed()
	c.pump()
}

// fail ends a connection that has not come about.
func (c *tcpConn) fail(err error) {
	if c.state == gone {
		return
	}
	c.state, c.err = gone, err
	c.send, c.inFlight = queue[byte]{}, 0
	c.changed()
}

// resetArrived ends a connection that the other end has given up. What was received
// can still be read.
func (c *tcpConn) resetArrived() {
	switch {
	case c == nil || c.state == gone:
	case c.otherEnd: // it was over already, as far as the other end is concerned
		c.fail(unix.EPIPE)
	default:
		c.fail(unix.ECONNRESET)
	}
}

// abort gives the connection up and resets the other end.
func (c *tcpConn) abort() {
	if c.state == gone {
		return
	}
	c.state = gone
	c.send, c.inFlight, c.received = queue[byte]{}, 0, queue[byte]{}
	if c.other != nil {
		c.way = c.k.lineTo(c.away.Addr())
		c.toOther(resetArrives, 0)
	}
	c.forget()
}

// close ends both directions. As on Linux, closing with unread input resets.
func (c *tcpConn) close() {
	c.orphan, c.descriptor = true, nil
	if c.received.len() > 0 || c.state == connecting || c.resets {
		c.abort()
		return
	}
	c.ended = true
	c.pump()
	c.forget()
}

// forget frees the local address.
func (c *tcpConn) forget() {
	if c.unbound {
		return
	}
	c.unbound = true
	streams := c.k.network.streams
	if streams[c.local]--; streams[c.local] == 0 {
		delete(streams, c.local)
	}
}
