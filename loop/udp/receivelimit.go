package udp

import (
	"time"

	"github.com/camcast/camcast/loop"
)

// receiveLimit has a socket rest when it has received as much as it may, until the window
// ends. Others get the time then, and what floods it is dropped by the kernel.
type receiveLimit struct {
	socket  *Socket
	most    int // in a window; 0: no limit
	taken   int
	ends    time.Duration
	resting bool
	timer   *loop.Timer
	// rested is when the socket last began to rest. late: what is received may have waited
	// meanwhile.
	rested time.Duration
	ever   bool
	late   bool
}

// limitWindow is short enough that a report is not read late, and long enough that resting
// costs nothing.
const limitWindow = 100 * time.Millisecond

func newReceiveLimit(s *Socket) receiveLimit {
	l := receiveLimit{socket: s}
	if per := s.options.ReceiveLimit; per > 0 {
		l.most = max(1, per/int(time.Second/limitWindow))
		l.timer = s.loop.NewTimer(s.wake)
	}
	return l
}

// took counts what was received.
func (l *receiveLimit) took(n int) {
	if l.most == 0 {
		return
	}
	now := l.socket.loop.Now()
	if now >= l.ends {
		l.taken, l.ends = 0, now+limitWindow
	}
	if l.taken += n; l.taken < l.most {
		return
	}
	l.resting, l.late = true, true
	l.rested, l.ever = now, true
	l.timer.Set(l.ends)
	_ = l.socket.registration.Want(l.socket.want()) // failing, it rests a little less
}

// Rested is when the socket last received as much as it may, and rested; false if it never
// did. From then on, until it has caught up, datagrams are Late, and some may be missing.
func (s *Socket) Rested() (time.Duration, bool) { return s.limit.rested, s.limit.ever }

// wake has the socket receive again, or tries to later when the kernel refuses.
func (s *Socket) wake() {
	s.limit.resting = false
	if s.registration.Want(s.want()) != nil {
		s.limit.resting = true
		s.limit.timer.SetAfter(limitWindow)
	}
}

func (l *receiveLimit) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
}
