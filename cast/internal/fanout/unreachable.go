package fanout

import "time"

// unreachable notes that a reader could not be sent to in the sweep's frame of this count. Its
// observer is to be told if that has lasted. It reports whether that is the reader's first
// failure in the frame.
func (f *Fanout) unreachable(r *Reader, turn uint32, err error) (first bool) {
	f.config.Figures.Unreachable++
	now := uint32(f.config.Loop.Awake() / time.Millisecond)
	if first = turn != r.failed; first {
		r.failed = turn
		r.refused++
		sent := uint8(uint32(r.group.sweep.frames-r.framesBefore) - r.refused)
		if r.row == 0 || sent != r.sentBefore {
			r.row, r.failingSince, r.sentBefore = 0, now, sent
		}
		r.row = min(r.row+1, unreachableFrames)
	}
	if r.observer != nil && !r.gone && r.row == unreachableFrames && now-r.failingSince >= unreachableLimit {
		f.lost = append(f.lost, lostReader{r, err})
	}
	return first
}

// lostReader is a reader that could not be sent to for too long.
type lostReader struct {
	reader *Reader
	err    error
}

// tellLost tells the observers of lost readers. They may do anything, such as ending the Fanout
// or closing a socket, so that no sweep is in the middle of a send.
func (f *Fanout) tellLost() {
	for last := len(f.lost) - 1; last >= 0; last = len(f.lost) - 1 {
		lost := f.lost[last]
		f.lost[last] = lostReader{}
		f.lost = f.lost[:last]
		if !lost.reader.gone {
			lost.reader.observer.Lost(lost.err)
		}
	}
}

// failing reports whether the reader could not be sent to in the sweep's frame of this count
// or in the one before.
func (r *Reader) failing(turn uint32) bool { return r.failed > 0 && turn-r.failed <= 1 }

const (
	// unreachableLimit is how long the kernel may refuse to send to a reader before it is lost: a
	// route may come back.
	unreachableLimit = uint32(5 * time.Second / time.Millisecond)
	// unreachableFrames is how many frames it must have refused in a row: where frames depend on each other the
	// reader is tried with key frames alone meanwhile, which may be far apart.
	unreachableFrames = 3
)
