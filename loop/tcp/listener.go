package tcp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

const (
	// acceptsPerTurn bounds how many connections are taken in one turn, so that a
	// flood of them does not keep the frames waiting.
	acceptsPerTurn = 64
	// acceptPause is how long a listener rests when the process or the system is
	// out of file descriptors or memory: the waiting connection stays ready, so the
	// loop would spin.
	acceptPause = 100 * time.Millisecond
)

// Listener accepts connections. Its methods belong to the loop's goroutine.
type Listener struct {
	loop         *loop.Loop
	registration *loop.Registration
	local        netip.AddrPort
	accept       func(*Conn) Handler
	divert       func(fd int, peer netip.AddrPort) // nil: accept is called at once
	failed       func(error)
	rest         *loop.Timer
	room         *readRoom
	// budget is that of accepting, and reading that of the connections; nil without. accepting is the
	// task.
	budget, reading *loop.Budget
	accepting       *loop.Task
	// starved: the last connection could not be accepted, which was told.
	starved bool
	closed  bool
}

// Listen opens a listening socket bound to local (port 0: a free one). accept is
// called with each new connection and returns its handler, or nil to close it.
// failed, which may be nil, is told when connections cannot be accepted for want of
// file descriptors or memory, once until one is accepted again; the listener goes on by
// itself.
func Listen(l *loop.Loop, local netip.AddrPort, accept func(*Conn) Handler, failed func(error)) (*Listener, error) {
	k := l.Kernel()
	fd, err := k.ListenTCP(local)
	if err != nil {
		return nil, fmt.Errorf("tcp %v: %w", local, err)
	}
	ln := &Listener{loop: l, accept: accept, failed: failed, room: newReadRoom(acceptedReadBytes)}
	if ln.local, err = k.LocalAddr(fd); err == nil {
		ln.registration, err = l.Register(fd, loop.Readable, ln.ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tcp %v: %w", local, err), k.CloseFD(fd))
	}
	ln.rest = l.NewTimer(ln.resume)
	return ln, nil
}

// Limit has accepting connections be work of one budget, and reading from those that are accepted
// from now on that of another: all connections share a budget in turn, and behind thousands of busy
// ones a new one would wait for long. A handler that asks reading whether it is Spent keeps what it
// could not handle, calls Pause, and goes on in a task of its own.
func (ln *Listener) Limit(accepting, reading *loop.Budget) {
	ln.budget, ln.reading, ln.accepting = accepting, reading, accepting.NewTask(ln.acceptNow)
}

// Local is the address the listener is bound to.
func (ln *Listener) Local() netip.AddrPort { return ln.local }

// Close stops listening. Accepted connections stay open.
func (ln *Listener) Close() error {
	ln.closed = true
	ln.rest.Stop()
	if ln.accepting != nil {
		ln.accepting.Stop()
	}
	return errors.Join(ln.registration.Unregister(), ln.loop.Kernel().CloseFD(ln.registration.FD()))
}

func (ln *Listener) ready(loop.Interest) {
	switch {
	case ln.accepting == nil:
		ln.acceptNow()
	case !ln.accepting.Do() && !ln.closed:
		ln.waitForBudget()
	}
}

// waitForBudget has the loop not wait for connections until the task runs: they would have it turn
// all the time.
func (ln *Listener) waitForBudget() {
	_ = ln.registration.Want(0) // else the loop turns more often
}

// acceptNow accepts connections.
func (ln *Listener) acceptNow() {
	k := ln.loop.Kernel()
	if _, resting := ln.rest.Due(); !resting {
		ln.resume()
	}
	for range acceptsPerTurn {
		if ln.budget != nil && ln.budget.Spent(k.Monotonic()) {
			ln.accepting.Later()
			ln.waitForBudget()
			return
		}
		fd, peer, err := k.Accept(ln.registration.FD())
		switch err {
		case nil:
			ln.take(fd, peer)
		case unix.EAGAIN:
			return
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			ln.pause(err)
			return
		}
		// Anything else is the error of one connection, which is gone: the next.
		if ln.closed {
			return
		}
	}
}

func (ln *Listener) take(fd int, peer netip.AddrPort) {
	ln.starved = false
	if ln.divert != nil {
		ln.divert(fd, peer)
		return
	}
	c, err := newConn(ln.loop, fd, peer, ln.room)
	if err != nil {
		ln.report(err)
		return
	}
	ln.serve(c)
}

// serve hands a connection to accept.
func (ln *Listener) serve(c *Conn) {
	if ln.reading != nil {
		c.reading = ln.reading.NewTask(c.readNow)
	}
	c.handler = ln.accept(c)
	if c.handler == nil {
		c.Close()
	}
}

func (ln *Listener) report(err error) {
	if ln.failed != nil {
		ln.failed(fmt.Errorf("tcp %v: accept: %w", ln.local, err))
	}
}

func (ln *Listener) pause(err error) {
	if !ln.starved {
		ln.starved = true
		ln.report(err)
	}
	if ln.registration.Want(0) == nil {
		ln.rest.SetAfter(acceptPause)
	}
}

func (ln *Listener) resume() {
	if ln.registration.Want(loop.Readable) != nil {
		ln.rest.SetAfter(acceptPause)
	}
}
