package sending

import "time"

const (
	// unreachableLimit is how long the kernel may refuse to send to a reader before it is lost: a route may come back.
	unreachableLimit = uint32(5 * time.Second / time.Millisecond)
	// UnreachableFrames is how many frames the kernel must have refused in a row: where frames depend on each other the
	// reader is tried with key frames alone meanwhile, which may be far apart.
	UnreachableFrames = 3
)

// IsLost reports whether a reader is lost, as the kernel has refused so many frames in a row, the first of them at a time. Times are
// milliseconds of Loop.Awake, and may wrap.
func IsLost(frames, since, now uint32) bool {
	return frames >= UnreachableFrames && now-since >= unreachableLimit
}

// Reader is what is asked of a reader that is lost.
type Reader interface {
	// Gone reports whether the reader has left.
	Gone() bool
}

// Observer is told about a reader.
type Observer interface {
	// Lost is called when the reader can no longer be sent to. It is still there: the observer has it leave.
	Lost(err error)
}

// lostReader is a reader whose observer is to be told.
type lostReader struct {
	reader   Reader
	observer Observer
	err      error
}

// Lose has the observer of a reader be told that it is lost, by the next TellLost.
func (s *Sweeps) Lose(r Reader, o Observer, err error) {
	s.lost = append(s.lost, lostReader{r, o, err})
}

// TellLost tells the observers of lost readers that have not left. They may do anything, such as ending all sweeps or closing
// a socket, so it is called while no sweep is in the middle of a send. Sweeps and Catching call it after they have sent.
func (s *Sweeps) TellLost() {
	for last := len(s.lost) - 1; last >= 0; last = len(s.lost) - 1 {
		lost := s.lost[last]
		s.lost[last] = lostReader{}
		s.lost = s.lost[:last]
		if !lost.reader.Gone() {
			lost.observer.Lost(lost.err)
		}
	}
}
