package sending

import (
	"testing"
	"time"
)

// TestPace has bursts be due evenly over the spread, and share the time that is left after one that was late.
func TestPace(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name                string
		pace                pace
		step                uint64
		burst, runs         int
		began, before, want time.Duration
	}{
		{"the first", pace{40 * ms, 20 * ms}, 1, 0, 4, 100 * ms, 60 * ms, 100 * ms},
		{"in time", pace{40 * ms, 20 * ms}, 1, 1, 4, 100 * ms, 100 * ms, 105 * ms},
		{"the last", pace{40 * ms, 20 * ms}, 1, 3, 4, 100 * ms, 110 * ms, 115 * ms},
		{"every second frame", pace{40 * ms, 20 * ms}, 2, 1, 4, 100 * ms, 100 * ms, 110 * ms},
		{"a little late", pace{40 * ms, 20 * ms}, 1, 2, 4, 100 * ms, 110 * ms, 115 * ms},
		{"late", pace{40 * ms, 20 * ms}, 1, 2, 4, 100 * ms, 131 * ms, 134 * ms},
		{"after the next frame's time", pace{40 * ms, 20 * ms}, 1, 2, 4, 100 * ms, 150 * ms, 150 * ms},
		{"of no known interval", pace{}, 1, 2, 4, 100 * ms, 100 * ms, 100 * ms},
	} {
		if got := c.pace.times(c.step).due(c.burst, c.runs, c.began, c.before); got != c.want {
			t.Errorf("%s: due at %v, want %v", c.name, got, c.want)
		}
	}
}
