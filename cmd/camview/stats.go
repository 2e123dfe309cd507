package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/histogram"
)

// statsInterval is how often figures are told.
const statsInterval = time.Second

// stats tells, every second, what has happened in it.
type stats struct {
	viewer *viewer
	timer  *loop.Timer
	told   time.Duration // when figures were told last
	before summary       // what they were then
	ages   histogram.Histogram
}

func newStats(v *viewer) *stats {
	s := &stats{viewer: v, told: v.loop.Now()}
	s.timer = v.loop.NewTimer(s.tell)
	s.timer.SetAfter(statsInterval)
	return s
}

func (s *stats) tell() {
	now := s.viewer.summary()
	line := statsLine(s.before, now, &s.ages)
	s.before, s.ages = now, histogram.Histogram{}
	s.told += statsInterval
	s.timer.Set(s.told + statsInterval) // a late turn does not make the next one late
	s.viewer.presenter.figures(line)
	if s.viewer.settings.stats && !s.viewer.presenter.quiet {
		fmt.Fprintln(s.viewer.messages, line)
	}
}

// statsLine is what has happened between two summaries: frames per second and reader, the
// shares of packets lost and skipped, the jitter, the median of the pictures' ages, and the lags.
func statsLine(before, now summary, ages *histogram.Histogram) string {
	var b strings.Builder
	seconds := max(now.Seconds-before.Seconds, 1e-3)
	rate := float64(now.Frames-before.Frames) / seconds / float64(now.Readers)
	lost := float64(now.PacketsLost - before.PacketsLost)
	// A skipped packet that comes late counts as lost from then on.
	skipped := max(float64(now.PacketsSkipped)-float64(before.PacketsSkipped), 0)
	share := func(part float64) float64 {
		return 100 * part / max(float64(now.Packets-before.Packets)+lost+skipped, 1)
	}
	if now.Readers > 1 {
		fmt.Fprintf(&b, "readers %d  ", now.ReadersServed)
	}
	fmt.Fprintf(&b, "fps %.1f  lost %.1f%%  skipped %.1f%%  jitter %s  age ", rate, share(lost), share(skipped), ms(now.Jitter))
	if ages.Count > 0 {
		fmt.Fprintf(&b, "%.1f ms", milliseconds(ages.Quantile(0.5)))
	} else {
		b.WriteByte('?')
	}
	fmt.Fprintf(&b, "  rtt %s  lags %d", ms(now.RoundTrip), now.Lags-before.Lags)
	return b.String()
}

// ms is a duration in milliseconds, of which nothing may be known.
func ms(value *float64) string {
	if value == nil {
		return "?"
	}
	return fmt.Sprintf("%.1f ms", *value)
}
