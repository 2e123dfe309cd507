package cast

import (
	"testing"
	"time"
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
		var h Histogram
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
