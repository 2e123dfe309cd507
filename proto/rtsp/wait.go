package rtsp

import (
	"fmt"
	"time"
)

// Waiting reports whether Media has answered a request with [Later], and [Conn.Resume] is still to come. Receive only stores
// what comes meanwhile, so a caller that can stop reading from the client should do so.
func (c *Conn) Waiting() bool { return c.waiting > 0 }

// Pending reports whether Config.Yield has left some of what has come for later: [Conn.Resume] goes on with it.
func (c *Conn) Pending() bool { return c.pending }

// Resume asks Media again about the request that waits, and then goes on with what has come behind it, in order. It appends
// the responses to out, which it returns. The request is read anew: a session that has ended meanwhile is not found. Media
// may answer [Later] again, to this request or to one behind it. On a connection that is [Conn.Pending] it goes on likewise.
// On one that is neither, and from within a method of Media, Resume does nothing.
//
// Errors are those of [Conn.Receive].
func (c *Conn) Resume(now time.Duration, out []byte) ([]byte, error) {
	if c.closed {
		return out, ErrClosed
	}
	if c.waiting == 0 && !c.pending {
		return out, nil
	}
	waited := c.waiting > 0
	c.lastActive, c.begun, c.waiting, c.pending = now, now, 0, false
	return c.run(now, c.partial, out, waited)
}

// wait keeps the request until Resume.
func (c *Conn) wait(rq *request) {
	if !c.closed { // by Media, which was asked
		c.waiting = rq.size
	}
}

// checkBacklog returns an error if size bytes, the request that waits included, are more than may be kept.
func (c *Conn) checkBacklog(size int) error {
	limit := c.server.cfg.MaxRequestBytes
	if behind := size - c.waiting; c.waiting > 0 && behind > limit {
		return fmt.Errorf("%d bytes behind a request that waits for its answer, at most %d are kept", behind, limit)
	}
	return nil
}
