package audience

import (
	"sync"
	"time"

	"github.com/camcast/camcast/bench/model"
)

// tally is what one reader has got.
type tally struct {
	progress chan<- struct{} // gets a token when there is something new

	mu             sync.Mutex
	first, newest  uint64
	whole          []received
	stale, damaged int
	packets        packets
}

// received is a frame that came whole.
type received struct {
	number uint64
	age    time.Duration
	bytes  int
}

// picture takes note of a picture that has come.
func (t *tally) picture(p []byte) {
	number, made, err := model.Check(p)
	t.frame(number, made, len(p), err)
}

// units takes note of a frame of H.264 that has come.
func (t *tally) units(p []byte) {
	number, made, err := model.CheckH264(p)
	t.frame(number, made, len(p), err)
}

// frame takes note of a frame of so many bytes, and of whether it is as it was sent.
func (t *tally) frame(number uint64, made time.Duration, bytes int, err error) {
	age := model.Now() - made
	t.mu.Lock()
	switch {
	case err != nil:
		t.damaged++
	case number <= t.newest:
		t.stale++
	default:
		t.newest = number
		t.whole = append(t.whole, received{number, age, bytes})
	}
	t.mu.Unlock()
	select {
	case t.progress <- struct{}{}:
	default:
	}
}

// begin forgets what was before a frame.
func (t *tally) begin(frame uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first, t.whole, t.stale, t.damaged = frame, nil, 0, 0
	t.packets.begin()
}

func (t *tally) has(frame uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest >= frame
}

// addTo adds what came from the first frame to the last one to a report.
func (t *tally) addTo(r *Report, ages []time.Duration, last uint64) []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.Frames = int(last - t.first + 1)
	whole := 0
	for _, w := range t.whole {
		if w.number >= t.first && w.number <= last {
			whole++
			r.Bytes += int64(w.bytes)
			ages = append(ages, w.age)
		}
	}
	r.Whole += whole
	r.Lost += r.Frames - whole
	r.Stale += t.stale
	r.Damaged += t.damaged
	t.packets.addTo(r)
	return ages
}
