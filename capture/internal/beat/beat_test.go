package beat

import (
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
)

type beats struct {
	count []uint64
	due   []time.Duration
	late  time.Duration // the longest time after due
}

func record(h *capturetest.Host, rate float64) (*Beat, *beats) {
	got := &beats{}
	return Start(h, rate, func(n uint64, due time.Duration) {
		got.count, got.due = append(got.count, n), append(got.due, due)
		got.late = max(got.late, h.Now()-due)
	}), got
}

// TestNoDrift runs a beat whose interval is no whole number of nanoseconds for an hour.
func TestNoDrift(t *testing.T) {
	h := capturetest.NewHost(t)
	_, got := record(h, 30)
	h.RunFor(time.Hour)
	if n := len(got.due); n != 3600*30+1 {
		t.Fatalf("%d beats in an hour, want %d", n, 3600*30+1)
	}
	for i, due := range got.due {
		exact := float64(capturetest.Start) + float64(i)*1e9/30
		if got.count[i] != 1 || float64(due) > exact || float64(due) < exact-2 {
			t.Fatalf("beat %d: %d at once, due at %v, want %.0f ns", i, got.count[i], due, exact)
		}
	}
	if got.late != 0 {
		t.Errorf("a beat comes %v late", got.late)
	}
}

// TestLateLoop has the loop be busy for 10.5 intervals.
func TestLateLoop(t *testing.T) {
	h := capturetest.NewHost(t)
	_, got := record(h, 500)
	h.Turn()
	h.Stall(21 * time.Millisecond)
	h.RunFor(2 * time.Millisecond)
	if want := []uint64{1, 10, 1}; !slices.Equal(got.count, want) {
		t.Errorf("beats %v, want %v", got.count, want)
	}
	if due, want := got.due[1], capturetest.Start+20*time.Millisecond; due != want {
		t.Errorf("the last of ten beats was due at %v, want %v", due, want)
	}
}

// TestLoopThatDoesNotRunYet starts a beat long before the loop turns.
func TestLoopThatDoesNotRunYet(t *testing.T) {
	h := capturetest.NewHost(t)
	_, got := record(h, 500)
	h.Stall(time.Second)
	h.Turn()
	if want := []uint64{1}; !slices.Equal(got.count, want) {
		t.Errorf("beats %v, want %v", got.count, want)
	}
}

func TestStop(t *testing.T) {
	h := capturetest.NewHost(t)
	n := 0
	var b *Beat
	b = Start(h, 500, func(uint64, time.Duration) {
		if n++; n == 3 {
			b.Stop()
		}
	})
	h.RunFor(time.Second)
	if n != 3 || h.Timers() != 0 {
		t.Errorf("%d beats, want 3; %d timers are set", n, h.Timers())
	}
}
