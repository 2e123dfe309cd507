package sending

import (
	"errors"
	"time"

	"github.com/camcast/camcast/loop/udp"
)

const (
	// congestionPause is the wait after ENOBUFS: the queue that is full is behind the socket, and no
	// readiness tells when it has room.
	congestionPause = time.Millisecond
	// congestionLimit is how long readers may hold up the others by it, in one frame.
	congestionLimit = 30 * time.Millisecond
)

var errCongested = errors.New("a queue on the way to it is always full")

// stuck is since when a queue behind the socket has been full for a reader; 0: it is not.
type stuck struct{ since time.Duration }

// tooLong notes that the queue is full now, and reports whether it has been for as long as a reader may hold up others.
func (s *stuck) tooLong(now time.Duration) bool {
	if s.since == 0 {
		s.since = now
	}
	return now-s.since >= congestionLimit
}

// GoOn decides what is done when a send has stopped early, and reports whether the next may follow at once.
func (s *Sweep) GoOn(outcome udp.Outcome) bool {
	switch outcome {
	case udp.Full:
		s.waitUntilWritable()
	case udp.Congested:
		return s.congested()
	case udp.Broken:
		s.breakOff()
	}
	return false
}

// waitUntilWritable goes on when the socket takes more. If the kernel cannot be asked to tell when that is, it is
// tried again after a pause.
func (s *Sweep) waitUntilWritable() {
	if s.Waiting = s.socket.WhenWritable(s.resume) == nil; !s.Waiting {
		s.timer.Set(s.Now + congestionPause)
	}
}

// congested waits a moment, since no readiness will tell when the queue behind the socket has room. A reader whose
// queue stays full is skipped. So are, at once, readers that were skipped in the frame before, and all others after
// one wait has not helped: a frame waits once.
func (s *Sweep) congested() (skipped bool) {
	if s.impatient || s.sender.WasSkipped() || s.stuck.tooLong(s.Now) {
		s.impatient = s.impatient || s.stuck.since > 0
		s.stuck = stuck{}
		s.sender.Skip(errCongested)
		return true
	}
	s.timer.Set(s.Now + congestionPause)
	return false
}

// breakOff gives up the frame in hand, as the socket no longer works. It is logged once.
func (s *Sweep) breakOff() {
	if !s.broken {
		s.broken = true
		s.of.Log.Error("an RTP socket no longer works; frames for its readers are only counted, as lags")
	}
	s.sender.GiveUp()
}
