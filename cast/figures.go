package cast

import (
	"math"
	"math/bits"
	"time"
)

// Figures counts what a stream has done since it was added.
type Figures struct {
	// Frames were taken from the source and laid out.
	Frames uint64
	// Delivered is how many frames were handed to the kernel whole, summed over all
	// readers; Packets and Bytes are what they held (for TCP readers too).
	Delivered, Packets, Bytes uint64
	// Lags is how many frames readers have missed because they were too far behind,
	// summed over all readers.
	Lags uint64
	// Unreachable is how many sends to single readers the kernel refused.
	Unreachable uint64
	// CutShort is how many frames a TCP reader was in the middle of when they had to
	// be given up, because too many readers stood still in too many frames.
	CutShort uint64
	// Unusable is how many frames the source delivered that were no pictures that
	// can be sent; Transcoded how many had to be coded anew to be sent.
	Unusable, Transcoded uint64
	// Thinned is how many readers are at present sent fewer frames because they report
	// loss. ThinnedMore and ThinnedLess count the halvings and doublings so far.
	Thinned, ThinnedMore, ThinnedLess uint64
	// Resting is how many readers are at present sent no frames, as their machine on the
	// local network does not answer.
	Resting uint64
	// Quality is that of the source's JPEG coding, 1 to 100, if AdaptQuality governs it,
	// else 0.
	Quality int
	// Restarts is how often the source was opened anew after it had failed or
	// fallen silent; Revived how often it only had to be watched anew.
	Restarts, Revived uint64
	// FirstAge and LastAge are the ages of frames, from their capture to their being
	// handed to the kernel, for UDP readers who are sent every frame: for the first of
	// all, and for the last one behind each socket.
	FirstAge, LastAge Histogram
}

// Histogram is a distribution of durations, from 1 us to over an hour with a
// resolution of 1/8. It does not allocate.
type Histogram struct {
	Count  uint64
	Sum    time.Duration
	Max    time.Duration
	counts [histogramOctaves * histogramSteps]uint64
}

const (
	histogramOctaves = 32
	histogramSteps   = 8 // within each doubling
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

// bucket is the place of d: the octave of its microseconds, and the three bits after
// the leading one.
func bucket(d time.Duration) int {
	us := uint64(d / time.Microsecond)
	if us < histogramSteps {
		return int(us)
	}
	octave := bits.Len64(us) - 3 // 1 for 8..15
	place := octave*histogramSteps + int(us>>(octave-1)) - histogramSteps
	return min(place, histogramOctaves*histogramSteps-1)
}

// upper is the largest duration that falls into a bucket.
func upper(place int) time.Duration {
	octave, step := place/histogramSteps, place%histogramSteps
	if octave == 0 {
		return time.Duration(step+1)*time.Microsecond - 1
	}
	return time.Duration((step+histogramSteps+1)<<(octave-1))*time.Microsecond - 1
}

// Quantile returns a duration that a share q (0 to 1) of those recorded did not
// exceed, at most 1/8 too high, and 0 if none were recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(math.Ceil(q*float64(h.Count))), 1)
	seen := uint64(0)
	for place, n := range h.counts {
		if seen += n; n > 0 && seen >= rank {
			return min(upper(place), h.Max)
		}
	}
	return h.Max
}
