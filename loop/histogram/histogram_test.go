package histogram_test

import (
	"testing"
	"time"

	"github.com/camcast/camcast/loop/histogram"
)

func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		short, long int // how many of 1 ms and of 1 s
		q           float64
		want        time.Duration
	}{
		{0, 0, 0.5, 0},
		{1, 0, 0.99, time.Millisecond},
		{1, 1, 0.5, time.Millisecond},
		{1, 1, 0.99, time.Second},
		{49, 1, 0.99, time.Second},
		{99, 1, 0.99, time.Millisecond},
		{99, 1, 1, time.Second},
		{2, 1, 0, time.Millisecond},
	} {
		var h histogram.Histogram
		for range c.short {
			h.Record(time.Millisecond)
		}
		for range c.long {
			h.Record(time.Second)
		}
		if got := h.Quantile(c.q); got < c.want || got > c.want+c.want/8 {
			t.Errorf("%d of 1 ms, %d of 1 s: quantile %v is %v, want %v", c.short, c.long, c.q, got, c.want)
		}
	}
}

// Durations of all lengths, on machines of 32 bits, too. The second, longer one has Max not
// help to find the first.
func TestResolution(t *testing.T) {
	longest := 4*time.Hour + 30*time.Minute
	for d := time.Duration(0); d < longest; d += 1 + d/50 {
		var h histogram.Histogram
		h.Record(d)
		h.Record(100 * time.Hour)
		if got := h.Quantile(0.5); got < d || got > d+max(d/8, time.Microsecond) {
			t.Fatalf("%v is told as %v", d, got)
		}
		if got := h.Quantile(1); got != 100*time.Hour {
			t.Fatalf("the longest is %v, want 100h", got)
		}
	}
}

func TestFigures(t *testing.T) {
	var h histogram.Histogram
	h.Record(2 * time.Second)
	h.Record(-time.Second)
	h.Record(time.Second)
	if h.Count != 3 || h.Sum != 3*time.Second || h.Max != 2*time.Second || h.Quantile(0.3) >= time.Microsecond {
		t.Errorf("%d, %v in all, %v at most, %v at least", h.Count, h.Sum, h.Max, h.Quantile(0.3))
	}
}

func TestAllocatesNothing(t *testing.T) {
	var h histogram.Histogram
	if n := testing.AllocsPerRun(100, func() { h.Record(time.Hour); h.Quantile(0.5) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestBelow(t *testing.T) {
	var h histogram.Histogram
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Millisecond)
	}
	h.Record(1000 * time.Hour)
	for d, most := range map[time.Duration]uint64{0: 0, 1: 0, time.Millisecond: 1, 100 * time.Millisecond: 100, 2 * time.Second: 1000, 10_000 * time.Hour: 1000} {
		if n := h.Below(d); n > most || n < most*7/8 {
			t.Errorf("below %v: %d, want %d or little less", d, n, most)
		}
	}
}
