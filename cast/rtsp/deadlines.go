package rtsp

import (
	"fmt"
	"time"
)

// This file ends connections that are of no use. Each has a timer, which is set for the first of
// its deadlines, and for a session timeout from now at most: what becomes a deadline meanwhile,
// such as a peer that stops reading, is found then.

// watch has the timer fire when the next deadline is due.
func (c *conn) watch() {
	if c.closed {
		return
	}
	next := c.server.broadcaster.Loop().Now() + c.wait()
	if due, set := c.deadline.Due(); !set || next < due {
		c.deadline.Set(next)
	}
}

// wait is how long from now the connection is to be looked at. All is measured by Loop.Awake, so
// that what came while the process was stopped is read before anybody is blamed for silence.
func (c *conn) wait() time.Duration {
	b := c.server.broadcaster
	now, timeout := b.Loop().Awake(), b.Config().SessionTimeout
	due := now + timeout
	if whole, unfinished := c.rtsp.Next(); unfinished {
		due = min(due, whole)
	}
	if since, idle := c.idle(); idle {
		due = min(due, since+timeout)
	}
	if since, blocked := c.tcp.Blocked(); blocked {
		due = min(due, since+timeout)
	}
	return due - now
}

// idle reports whether the connection has no session and no request that waits, and since when
// nothing was asked on it.
func (c *conn) idle() (since time.Duration, idle bool) {
	return max(c.rtsp.LastActive(), c.used), c.rtsp.Sessions() == 0 && !c.rtsp.Waiting()
}

// expired ends the connection, if a deadline is over.
func (c *conn) expired() {
	b := c.server.broadcaster
	now, timeout := b.Loop().Awake(), b.Config().SessionTimeout
	if since, blocked := c.tcp.Blocked(); blocked && now-since >= timeout {
		c.tcp.Retry()
		if since, blocked = c.tcp.Blocked(); blocked && now-since >= timeout {
			c.giveUp(fmt.Errorf("the peer has read nothing for %v", timeout))
		}
	}
	if since, idle := c.idle(); idle && now-since >= timeout {
		c.close()
	}
	if c.closed {
		return
	}
	out, err := c.rtsp.Expire(now, c.server.room())
	c.answer(out, err)
}
