package sim

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
)

// tcpListener is a listening socket: an fd's, or a peer's.
type tcpListener struct {
	k          *Kernel
	descriptor *descriptor  // nil: a peer's
	peer       *TCPListener // nil: an fd's
	local      netip.AddrPort
	backlog    queue[*tcpConn]
	closed     bool
}

func (l *tcpListener) conditions() loop.Interest {
	if l.backlog.len() > 0 {
		return loop.Readable
	}
	return 0
}

func (l *tcpListener) close() {
	l.closed = true
	if l.k.network.listeners[l.local] == l {
		delete(l.k.network.listeners, l.local)
	}
	for _, c := range l.backlog.waiting() {
		c.abort()
	}
	l.backlog = queue[*tcpConn]{}
}
