package sim

import (
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

func (c *tcpConn) read(p []byte) (int, error) {
	switch {
	case c.received.len() > 0 && len(p) > 0:
		n := copy(p, c.received.waiting())
		c.take(n)
		return n, nil
	case c.err != nil && !c.otherEnd:
		return 0, c.takeError()
	case c.otherEnd, c.state == gone, len(p) == 0:
		return 0, nil
	}
	return 0, unix.EAGAIN
}

// counts reports whether the connection is a peer's that keeps nothing.
func (c *tcpConn) counts() bool {
	return c.peer != nil && c.peer.countOnly && c.peer.onData == nil && !c.orphan && c.state == established
}

// take removes what has been read, which lets the other end send more.
func (c *tcpConn) take(n int) {
	c.received.drop(n)
	if c.other != nil {
		c.other.pump()
	}
}

func (c *tcpConn) write(vectors []loop.Vector, most int) (total int, err error) {
	switch {
	case c.err != nil:
		return 0, c.takeError()
	case c.ended, c.state == gone:
		return 0, unix.EPIPE
	case c.state == connecting:
		return 0, unix.EAGAIN
	}
	if c.other.counts() && c.send.len() == 0 && c.k.lineTo(c.away.Addr()) == nil {
		c.other.peer.count += uint64(most) // nothing to keep, nothing to wait for
		return most, nil
	}
	wanted := 0
	for i := range vectors {
		wanted += vectors[i].Len()
		for b := vectors[i].Bytes(); len(b) > 0 && total < most && c.state == established; {
			n := min(len(b), c.sendLimit-c.send.len(), most-total)
			if n <= 0 {
				break
			}
			c.send.push(b[:n]...)
			b, total = b[n:], total+n
			c.pump()
		}
	}
	if total == 0 && wanted > 0 {
		return 0, unix.EAGAIN
	}
	return total, nil
}
