// Package beat is a steady beat on a Host's timer, for the sources that have no device to
// wait for.
package beat

import (
	"time"

	"github.com/camcast/camcast/capture"
)

// Beat calls a function at a steady rate. It does not drift: each beat is due at a
// multiple of the interval after the first one. Its methods belong to the Host's goroutine.
type Beat struct {
	host  capture.Host
	timer capture.Timer
	rate  float64
	f     func(beats uint64, due time.Duration)
	start time.Duration // when the first beat was due
	beats uint64        // that were due so far
}

// Start starts a beat of rate per second, at most 1e9. The first beat is due in the next
// turn of the loop. f is told how many beats were due since its last call, which is more
// than one if the loop is late, and when the last of them was due. It may call Stop.
func Start(host capture.Host, rate float64, f func(beats uint64, due time.Duration)) *Beat {
	b := &Beat{host: host, rate: rate, f: f}
	b.timer = host.NewTimer(b.fire)
	b.timer.SetAfter(0)
	return b
}

// Stop ends the beat: f is not called any more.
func (b *Beat) Stop() { b.timer.Stop() }

func (b *Beat) fire() {
	now := b.host.Now()
	if b.beats == 0 {
		// Not the time of Start: a loop that does not run yet would be late at once.
		b.start = now
	}
	beats := b.dueBy(now)
	since, due := beats-b.beats, b.due(beats)
	b.beats = beats
	b.timer.Set(b.due(beats + 1))
	if since > 0 {
		b.f(since, due)
	}
}

// due is when the n-th beat is due, from 1. It is computed anew for each, as a sum of
// rounded intervals would drift.
func (b *Beat) due(n uint64) time.Duration {
	return b.start + time.Duration(float64(n-1)*float64(time.Second)/b.rate)
}

// dueBy is how many beats are due at a time.
func (b *Beat) dueBy(now time.Duration) uint64 {
	n := uint64((now-b.start).Seconds()*b.rate) + 1
	for b.due(n+1) <= now {
		n++
	}
	for n > 1 && b.due(n) > now {
		n--
	}
	return n
}
