package rtsp

import (
	"testing"
	"time"
)

const frameTicks = 3600

// TestTimesFollowTheClock slowly, while both drift apart, and at once when the camera's was set.
func TestTimesFollowTheClock(t *testing.T) {
	const interval = 40 * time.Millisecond
	var tm timing
	now := 100 * time.Second
	stamp := uint32(1<<32 - 5*frameTicks)
	at, _ := tm.next(stamp, now)
	for n := range 500 { // a clock that is 0.1 % fast
		stamp += frameTicks
		now += interval + interval/1000
		next, decode := tm.next(stamp, now)
		if d := next - at; decode != 0 || d < interval-interval/slewShare || d > interval+interval/slewShare {
			t.Fatalf("frame %d comes %v after the one before, decoded at %v", n, d, decode)
		}
		if off := now - next; off.Abs() > time.Millisecond {
			t.Fatalf("frame %d is off by %v", n, off)
		}
		at = next
	}
	for _, step := range []int32{-3600 * 90000, 3600 * 90000} {
		stamp, now = stamp+uint32(step), now+interval
		if at, _ = tm.next(stamp, now); at != now {
			t.Errorf("a clock that is set by %d ticks: off by %v", step, now-at)
		}
	}
	tm.restart()
	if early, _ := tm.next(5, now-time.Second); early < at {
		t.Errorf("a frame of another session comes %v before the last one of the one before", at-early)
	}
}

// TestPace is measured from frames without a gap, and then stays.
func TestPace(t *testing.T) {
	for ticks, want := range map[uint32]float64{3000: 30, 3003: 30, 6006: 15, 3600: 25, 180000: 0.5, 0: 0, 1: 0, 1 << 31: 0} {
		var p pace
		got := 0.0
		for n := range uint32(3 * paceFrames) {
			lost := uint64(0)
			if n >= 20 {
				lost = 1
			}
			stamp := n * ticks
			if n >= 20 {
				stamp += 77 * ticks
			}
			got = p.frame(stamp, lost)
		}
		if got != want {
			t.Errorf("%d ticks a frame: %v frames/s, want %v", ticks, got, want)
		}
	}
}
