package file

import (
	"sync/atomic"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/beat"
)

// session is a source from Open to Close. Its player belongs to the job that runs, if one does,
// and the rest to the loop.
type session struct {
	host   capture.Host
	player *player
	phase  atomic.Int32
	result result // of the last job

	isClosed, isOver bool
	isLive           bool
	beat             *beat.Beat    // nil until it is live
	timer            capture.Timer // reads on

	// isReady: the result has the next picture. isEnded: there is none.
	isReady, isEnded bool
	// isOverdue: the picture that was due then was not ready.
	isOverdue bool
	due       time.Duration
	// wait is how long to wait before the next round, since there were some without any picture;
	// isWaiting: that is being done, until the timer fires.
	wait      time.Duration
	isWaiting bool
	waited    time.Duration // when the wait began

	changes changes
	watch   capture.Watch
	rescan  time.Duration // when to look for changes next if they are not told of
}

// The phases of a session.
const (
	idle int32 = iota
	running
	closed
)

const (
	// lead is how long before it is due a picture is read, at most: what a folder or file has
	// become meanwhile is seen.
	lead = 200 * time.Millisecond
	// rescanInterval is the pace at which changes are looked for that nobody tells of.
	rescanInterval = 2 * time.Second
	// minWait and maxWait are the waits before another round is tried when one had no picture.
	minWait, maxWait = 250 * time.Millisecond, 30 * time.Second
)

// work has a job read on. The result goes to done, on the loop.
func (s *Source) work(c *session) {
	changes, player := c.changes, c.player
	c.changes.names, c.changes.rescan, c.changes.unwatch = nil, false, false
	s.isBusy = true
	c.phase.Store(running)
	c.host.Work(func() func() {
		if c.phase.Load() == running { // and not closed before the job began
			c.result = player.run(changes)
		}
		if !c.phase.CompareAndSwap(running, idle) {
			player.close() // it was closed meanwhile
			return s.next
		}
		return func() { s.done(c) }
	})
}

// next follows the end of a job whose session was closed.
func (s *Source) next() {
	s.isBusy = false
	if s.session != nil {
		s.work(s.session)
	}
}

// stop ends all that a session does, and has a job close what is open: that can wait, too.
func (c *session) stop() {
	c.isClosed = true
	c.quiet()
	if c.phase.Swap(closed) == idle && c.player.isOpen() {
		player := c.player
		c.host.Work(func() func() {
			player.close()
			return nil
		})
	}
}

// quiet ends what would call the session.
func (c *session) quiet() {
	if c.beat != nil {
		c.beat.Stop()
	}
	c.timer.Stop()
	c.unwatch()
}

func (c *session) unwatch() {
	if c.watch != nil {
		_ = c.watch.Stop()
		c.watch = nil
	}
}

// follow watches for changes, if the player has made a watcher. The error is that of watching.
func (c *session) follow(ready func()) (err error) {
	w := &c.player.watcher
	if c.watch != nil || w.fd < 0 {
		return w.err
	}
	if c.watch, err = c.host.Watch(w.fd, ready); err != nil {
		c.watch, c.changes.unwatch = nil, true
	}
	return err
}
