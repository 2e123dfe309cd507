// Package histogram counts durations, such as the ages of frames, to ask for quantiles of them.
package histogram

import (
	"math"
	"math/bits"
	"time"
)

// Histogram is a distribution of durations. The zero value is empty and ready to use. It
// tells durations below 8 us apart by the microsecond, and longer ones by an eighth of their
// length, up to 4 h; all longer ones are counted as one. It is of constant size, about 2 kB,
// and none of its methods allocates. A copy is a distribution of its own. It is not safe for
// use by several goroutines.
type Histogram struct {
	// Count is how many durations were recorded, Sum their sum, and Max the longest.
	Count  uint64
	Sum    time.Duration
	Max    time.Duration
	counts [buckets]uint64
}

const (
	octaves = 32
	steps   = 8 // within each doubling
	buckets = octaves * steps
)

// Record counts one duration. A negative one, as of a camera whose clock is ahead,
// counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.Count++
	h.Sum += d
	h.Max = max(h.Max, d)
	h.counts[bucket(d)]++
}

// Add counts all that another histogram has counted.
func (h *Histogram) Add(other *Histogram) {
	h.Count += other.Count
	h.Sum += other.Sum
	h.Max = max(h.Max, other.Max)
	for i, n := range other.counts {
		h.counts[i] += n
	}
}

// bucket is the index of the bucket of d: the octave of its microseconds, and the three bits
// after the leading one.
func bucket(d time.Duration) int {
	us := uint64(d / time.Microsecond)
	if us < steps {
		return int(us)
	}
	octave := bits.Len64(us) - 3 // 1 for 8..15
	return min(octave*steps+int(us>>(octave-1))-steps, buckets-1)
}

// upper is the longest duration of a bucket, but for the last, which has no limit.
func upper(index int) time.Duration {
	octave, step := index/steps, index%steps
	if octave == 0 {
		return time.Duration(step+1)*time.Microsecond - 1
	}
	// A Duration before it is shifted: an int may have 32 bits.
	return time.Duration(step+steps+1)<<(octave-1)*time.Microsecond - 1
}

// Below returns how many of the durations recorded were in buckets that end below d: all of them were shorter
// than d, and those left out at most 1/8 shorter (or 1 us).
func (h *Histogram) Below(d time.Duration) (n uint64) {
	for index, count := range h.counts[:buckets-1] {
		if upper(index) >= d {
			break
		}
		n += count
	}
	return n
}

// Quantile returns a duration that a share q (0 to 1) of those recorded did not
// exceed, at most 1/8 too long (or 1 us), and 0 if none were recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(math.Ceil(q*float64(h.Count))), 1)
	seen := uint64(0)
	for index, n := range h.counts[:buckets-1] {
		if seen += n; n > 0 && seen >= rank {
			return min(upper(index), h.Max)
		}
	}
	return h.Max
}
