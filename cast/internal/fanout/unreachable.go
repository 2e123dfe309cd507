package fanout

import (
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
)

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
		r.row = min(r.row+1, sending.UnreachableFrames)
	}
	if r.observer != nil && !r.gone && sending.IsLost(uint32(r.row), r.failingSince, now) {
		f.sweeps.Lose(r, r.observer, err)
	}
	return first
}

// failing reports whether the reader could not be sent to in the sweep's frame of this count
// or in the one before.
func (r *Reader) failing(turn uint32) bool { return r.failed > 0 && turn-r.failed <= 1 }
