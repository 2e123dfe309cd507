package rtsp

import (
	"fmt"
	"time"
)

// RequestTime is how long a request or an interleaved frame may take from its first byte to its last.
const RequestTime = 10 * time.Second

// Next is when [Conn.Expire] is due: RequestTime after the first byte of a message that is not whole. It is false when
// there is none, and while a request waits for its answer or the connection is [Conn.Pending]: what comes behind that is
// counted from [Conn.Resume] on.
func (c *Conn) Next() (time.Duration, bool) { return c.begun + RequestTime, c.unfinished() }

// Expire gives the connection up when Next has come: it appends the answer 408 to out, and returns an error as Receive does.
// Before that it does nothing.
func (c *Conn) Expire(now time.Duration, out []byte) ([]byte, error) {
	if due, unfinished := c.Next(); !unfinished || now < due {
		return out, nil
	}
	out = c.simple(out, &request{}, Answer{Status: StatusRequestTimeout}, "Connection", "close")
	return out, c.fail(fmt.Errorf("a message that is not whole %v after its first byte", RequestTime))
}

// unfinished reports whether a message has begun that is not whole yet.
func (c *Conn) unfinished() bool {
	return !c.closed && c.waiting == 0 && !c.pending && (len(c.partial) > 0 || c.frameLeft > 0 || c.skipLeft > 0)
}
