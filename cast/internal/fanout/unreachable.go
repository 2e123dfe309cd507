package fanout

import "time"

// unreachable notes that a reader could not be sent to in the sweep's frame of this count,
// and tells its observer if that has lasted. It reports whether that is the reader's first
// failure in the frame.
func (f *Fanout) unreachable(r *Reader, turn uint32, err error) (first bool) {
	f.config.Figures.Unreachable++
	now := f.config.Loop.Now()
	if !r.failing(turn) {
		r.failingSince = now
	}
	if first = turn != r.failed; first {
		r.failed = turn
		r.refused++
	}
	if r.observer != nil && !r.gone && now-r.failingSince >= unreachableLimit {
		r.observer.Lost(err)
	}
	return first
}

// failing reports whether the reader could not be sent to in the sweep's frame of this count
// or in the one before.
func (r *Reader) failing(turn uint32) bool { return r.failed > 0 && turn-r.failed <= 1 }

// unreachableLimit is how long the kernel may refuse to send to a reader before it is lost: a
// route may come back.
const unreachableLimit = 5 * time.Second
