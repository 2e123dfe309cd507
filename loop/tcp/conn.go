package tcp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Handler is told what happens to a connection. Its methods are called by the loop
// and may call any of the connection's, Close included.
type Handler interface {
	// Data is what arrived. It may be read until Data returns.
	Data(p []byte)
	// Writable says that the connection takes more, after a Send or a Write that it
	// did not take whole, and that its queue is empty.
	Writable()
	// Closed says that the connection is gone, and closed: err is nil if the peer
	// ended it in order. It is not called after Close.
	Closed(err error)
}

// QueueLimitBytes bounds what Write may leave queued on one connection: room for
// many replies.
const QueueLimitBytes = 64 << 10

// ErrQueueFull says that a peer does not read what Write sends it.
var ErrQueueFull = errors.New("tcp: outgoing queue is full")

// ErrClosed is returned by what is called on a closed connection.
var ErrClosed = errors.New("tcp: connection is closed")

// Conn is a connection. Its methods belong to the loop's goroutine.
type Conn struct {
	loop         *loop.Loop
	registration *loop.Registration
	handler      Handler
	peer, local  netip.AddrPort
	room         *readRoom // shared by all connections of a listener
	queue        []byte    // what Write could not send, in order
	connecting   bool
	wantWritable bool
	paused       bool
	// sent is how many bytes the socket has taken. While wantWritable is set, stuck is when it
	// last took some, or when that was set.
	sent  uint64
	stuck time.Duration
	// reading is the task of reading within a budget, nil without. deferred: it waits. ended: the
	// connection has hung up or failed meanwhile, and the loop does not watch it any more.
	reading         *loop.Task
	deferred, ended bool
	closed          bool
	// outside carries what goes through the socket to the peer, nil: the socket is the peer's.
	outside Outside
	// again tries to change the interest once more; nil until that has failed.
	again *loop.Timer
}

func newConn(l *loop.Loop, fd int, peer netip.AddrPort, room *readRoom) (*Conn, error) {
	c := &Conn{loop: l, peer: peer, room: room}
	var err error
	if c.local, err = l.Kernel().LocalAddr(fd); err != nil {
		return nil, errors.Join(err, l.Kernel().CloseFD(fd))
	}
	return c, c.register(fd)
}

// Dial begins to connect to peer. The handler's Writable tells when it has come
// about, its Closed that it has failed. What is written before is queued.
func Dial(l *loop.Loop, peer netip.AddrPort, h Handler) (*Conn, error) {
	fd, err := l.Kernel().ConnectTCP(peer)
	if err != nil {
		return nil, fmt.Errorf("tcp: %w", err)
	}
	c, err := newConn(l, fd, peer, newReadRoom(readBufferBytes))
	if err != nil {
		return nil, fmt.Errorf("tcp %v: %w", peer, err)
	}
	c.handler, c.connecting = h, true
	c.expectWritable()
	return c, nil
}

// Peer is the other side's address.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// Local is this side's address: the one the peer asked, even if the listener is
// bound to all.
func (c *Conn) Local() netip.AddrPort { return c.local }

// Queued is how many bytes Write has left to be sent.
func (c *Conn) Queued() int { return len(c.queue) }

// Write sends p in order after all that was written before. What the socket does
// not take is copied. ErrQueueFull means that nothing of p was queued though some of
// it may have been sent, ErrClosed or another error that the connection has failed:
// close it, in either case.
func (c *Conn) Write(p []byte) error {
	if c.closed {
		return ErrClosed
	}
	if len(c.queue) == 0 && !c.connecting {
		var v [1]loop.Vector
		v[0].Set(p)
		n, err := c.loop.Kernel().Writev(c.registration.FD(), v[:])
		if err != nil && !isAgain(err) {
			return err
		}
		c.took(n)
		p = p[n:]
	}
	if len(p) == 0 {
		return nil
	}
	if len(c.queue)+len(p) > QueueLimitBytes {
		return ErrQueueFull
	}
	c.queue = append(c.queue, p...)
	c.expectWritable()
	return nil
}

// Send hands vectors to the socket and returns how many bytes it took. If that is
// not all of them, the Handler's Writable will tell when to go on. An error means
// that the connection has failed; a full socket is no error.
func (c *Conn) Send(vectors []loop.Vector) (int, error) {
	if c.closed {
		return 0, ErrClosed
	}
	if len(c.queue) > 0 || c.connecting {
		c.expectWritable()
		return 0, nil
	}
	n, err := c.loop.Kernel().Writev(c.registration.FD(), vectors)
	if err != nil && !isAgain(err) {
		return 0, err
	}
	c.took(n)
	total := 0
	for i := range vectors {
		total += vectors[i].Len()
	}
	if n < total {
		c.expectWritable()
	}
	return n, nil
}

func isAgain(err error) bool { return err == unix.EAGAIN || err == unix.EINTR }

// Close ends the connection; what is queued is lost. Its handler is not called any more.
func (c *Conn) Close() {
	if c.closed {
		return
	}
	c.closed = true
	if c.again != nil {
		c.again.Stop()
	}
	if c.reading != nil {
		c.reading.Stop()
	}
	c.discardInput()
	// Neither can fail on an fd that is open and registered, and then nothing
	// could be done about it.
	_ = c.registration.Unregister()
	_ = c.loop.Kernel().CloseFD(c.registration.FD())
	if c.outside != nil {
		c.outside.Close()
	}
}

// Closed reports whether the connection is closed.
func (c *Conn) Closed() bool { return c.closed }

func (c *Conn) fail(err error) {
	c.Close()
	c.handler.Closed(err)
}

func (c *Conn) ready(conditions loop.Interest) {
	if c.connecting && !c.connected(conditions) {
		return
	}
	gone := conditions&(loop.HungUp|loop.Failed) != 0
	switch {
	case c.paused && gone:
		c.endPaused()
	case c.paused:
	case c.deferred && gone:
		c.endDeferred()
	case gone || conditions&loop.Readable != 0:
		c.readWithin()
	}
	if !c.closed && c.wantWritable && conditions&loop.Writable != 0 {
		c.flush()
	}
	c.updateWant() // again if it has failed; else it does nothing
}

// connected sees how connecting ended, and reports whether it has succeeded.
func (c *Conn) connected(conditions loop.Interest) bool {
	if conditions&(loop.Writable|loop.HungUp|loop.Failed) == 0 {
		return false
	}
	k, fd := c.loop.Kernel(), c.registration.FD()
	err := k.SocketError(fd)
	if err == nil {
		c.local, err = k.LocalAddr(fd)
	}
	if err != nil {
		c.fail(fmt.Errorf("tcp %v: connect: %w", c.peer, err))
		return false
	}
	c.connecting = false
	return true
}

// flush sends what is queued and, when that is all gone, says so.
func (c *Conn) flush() {
	if len(c.queue) > 0 {
		var v [1]loop.Vector
		v[0].Set(c.queue)
		n, err := c.loop.Kernel().Writev(c.registration.FD(), v[:])
		if err != nil && !isAgain(err) {
			c.fail(err)
			return
		}
		c.took(n)
		if n < len(c.queue) {
			c.queue = c.queue[:copy(c.queue, c.queue[n:])]
			return
		}
		c.queue = nil // an idle connection holds no room
	}
	c.wantWritable = false
	c.updateWant()
	c.handler.Writable()
}
