package tcp

import (
	"time"

	"github.com/camcast/camcast/loop"
)

// retryInterval is the time after which a change of what a connection waits for is tried
// again, when the kernel has refused it.
const retryInterval = 100 * time.Millisecond

// Pause stops reading: the handler's Data is not called until Resume. What the peer sends
// waits in the kernel, which holds the peer up when its buffer is full. Writing goes on.
//
// When the peer ends its side in order, that is told after Resume, behind what it has sent.
// But a connection that fails meanwhile, or that the peer resets, is closed at once, and the
// handler's Closed is called; what waits in the kernel is lost. A peer that just falls silent
// is not noticed: a program that pauses should set a limit of time.
//
// Pausing twice, or a connection that is closed, does nothing.
func (c *Conn) Pause() {
	c.paused = true
	c.updateWant()
}

// Resume reads again after Pause. Without Pause it does nothing.
func (c *Conn) Resume() {
	c.paused = false
	c.updateWant()
}

// endPaused ends a paused connection that has failed or hung up. Both conditions are reported
// until the fd is closed, so the loop would spin if it were left until Resume.
func (c *Conn) endPaused() {
	c.fail(c.loop.Kernel().SocketError(c.registration.FD()))
}

// Blocked reports whether something waits to be sent that the socket does not take, and since
// when, by Loop.Awake, the socket has taken nothing: a peer that does not read keeps it so for ever.
func (c *Conn) Blocked() (since time.Duration, blocked bool) {
	return c.stuck, c.wantWritable && !c.connecting && !c.closed
}

// Retry tries to send again what is blocked. The kernel says that a connection is writable only
// when a good part of its buffer is free, which a slow peer may not achieve for minutes. The
// handler's Writable may be called, and Closed.
func (c *Conn) Retry() {
	since, blocked := c.Blocked()
	if !blocked {
		return
	}
	sent := c.sent
	c.flush()
	if c.sent == sent {
		c.stuck = since
	}
}

// took counts bytes that the socket has taken.
func (c *Conn) took(n int) {
	if n > 0 {
		c.sent += uint64(n)
		c.stuck = c.loop.Awake()
	}
}

func (c *Conn) expectWritable() {
	if !c.wantWritable {
		c.stuck = c.loop.Awake()
	}
	c.wantWritable = true
	c.updateWant()
}

// updateWant has the loop wait for what the connection waits for. A change that the kernel
// refuses, as it may when it is out of memory, is tried again.
func (c *Conn) updateWant() {
	want := loop.Interest(0)
	if !c.paused && !c.deferred {
		want |= loop.Readable
	}
	if c.wantWritable {
		want |= loop.Writable
	}
	if c.closed || c.registration.Want(want) == nil {
		return
	}
	if c.again == nil {
		c.again = c.loop.NewTimer(c.updateWant)
	}
	c.again.SetAfter(retryInterval)
}
