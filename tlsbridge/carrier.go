package tlsbridge

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// carrier carries a connection between the peer and the loop, from the end of its handshake on.
// It is a tcp.Outside.
type carrier struct {
	wire  *wire
	tls   *tls.Conn
	inner *net.UnixConn
	// inwardBytes is how much is read from the peer at once.
	inwardBytes int
	// reset: what is held is dropped when the loop closes its end.
	reset bool
	state atomic.Int32
	// left counts the goroutines that have not ended.
	left atomic.Int32
}

// The states of a carrier: the loop has not closed its end, it has, and both goroutines have ended.
const (
	isCarrying = iota
	isLeaving
	isOver
)

// closeTime is how long a peer has to take what is held, and to say goodbye, when the loop has
// closed its end.
const closeTime = 5 * time.Second

// mostLeaving is how many connections may take that time at once. Those above are cut off.
const mostLeaving = 256

// leaving is how many do.
var leaving atomic.Int32

// start begins to carry.
func (c *carrier) start() {
	c.left.Store(2)
	go c.inward()
	go c.outward()
}

// inward carries what the peer sends to the loop.
func (c *carrier) inward() {
	defer c.end()
	p := make([]byte, c.inwardBytes)
	for {
		c.wire.enter()
		n, err := c.tls.Read(p)
		c.wire.leave()
		if n > 0 {
			// What the loop does not take any more is dropped until the peer says goodbye: closing
			// the socket with input unread would reset it.
			_, _ = c.inner.Write(p[:n])
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // many players say no goodbye
			_ = c.inner.CloseWrite() // the loop is told, or gone
		default:
			c.fail()
		}
		return
	}
}

// outward carries what the loop writes to the peer, and then says goodbye.
func (c *carrier) outward() {
	defer c.end()
	raw, err := c.inner.SyscallConn()
	for err == nil {
		var readErr error
		if err = raw.Read(func(fd uintptr) (done bool) {
			done, readErr = c.seal(int(fd))
			return done
		}); err == nil {
			err = readErr
		}
		if flushErr := c.wire.flush(); flushErr != nil {
			c.abort()
			return
		}
	}
	if !errors.Is(err, io.EOF) {
		c.fail()
		return
	}
	began := carrying.enter(c.wire.host)
	err = c.tls.CloseWrite()
	carrying.leave(began)
	if errors.Join(err, c.wire.flush(), c.wire.CloseWrite()) != nil {
		c.abort()
	}
}

// seal encrypts what the loop has written. done is false if there is nothing.
func (c *carrier) seal(fd int) (done bool, err error) {
	defer carrying.leave(carrying.enter(c.wire.host))
	buffer := buffers.Get().(*[]byte)
	defer release(buffer)
	n, err := unix.Read(fd, (*buffer)[:carriedBytes])
	switch {
	case err == unix.EAGAIN:
		return false, nil
	case err == unix.EINTR:
		return true, nil
	case n == 0, err == unix.ECONNRESET: // the loop has closed its end; what the peer has sent was not read
		return true, io.EOF
	case err != nil:
		return true, err
	}
	_, err = c.tls.Write((*buffer)[:n])
	return true, err
}

// fail ends the connection; the peer is sent the alert that says why, if it takes that at once.
func (c *carrier) fail() {
	_ = c.wire.TCPConn.SetDeadline(time.Now().Add(time.Second))
	_ = c.wire.flush()
	c.abort()
}

// abort ends the connection at once.
func (c *carrier) abort() {
	_ = c.wire.Close()
	_ = c.inner.Close()
}

// end is called by each goroutine as it ends.
func (c *carrier) end() {
	if c.left.Add(-1) > 0 {
		return
	}
	c.abort()
	if c.state.Swap(isOver) == isLeaving {
		leaving.Add(-1)
	}
}

// Held is a tcp.Outside's.
func (c *carrier) Held() int { return int(c.wire.held.Load()) + unacknowledged(c.wire.TCPConn) }

// LimitSendBuffer is a tcp.Outside's.
func (c *carrier) LimitSendBuffer(bytes int) error { return limitSendBuffer(c.wire.TCPConn, bytes) }

// ResetOnClose is a tcp.Outside's.
func (c *carrier) ResetOnClose() error {
	c.reset = true
	return c.wire.SetLinger(0)
}

// Close is a tcp.Outside's.
func (c *carrier) Close() {
	if c.reset {
		c.abort()
	}
	if !c.state.CompareAndSwap(isCarrying, isLeaving) {
		return
	}
	if leaving.Add(1) > mostLeaving {
		c.abort()
		return
	}
	_ = c.wire.TCPConn.SetDeadline(time.Now().Add(closeTime))
}
