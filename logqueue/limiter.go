package logqueue

import "time"

const (
	// lineRate is how many lines a second there may be of one message about one host, and
	// lineBurst how many at once.
	lineRate  = 5
	lineBurst = 20
	// maxKeys is how many messages and hosts are remembered.
	maxKeys = 4096
)

// limiter bounds how often lines repeat themselves.
type limiter struct{ buckets map[key]*bucket }

// bucket is how many lines of a key may be logged now, as of a time, and how many were omitted.
type bucket struct {
	lines   float64
	at      time.Time
	omitted uint64
}

func newLimiter() limiter { return limiter{map[key]*bucket{}} }

// admit reports whether a line may be logged, and how many before it were not.
func (l *limiter) admit(k key, at time.Time) (omitted uint64, ok bool) {
	b := l.buckets[k]
	if b == nil {
		if len(l.buckets) == maxKeys {
			clear(l.buckets) // what was omitted and not said is forgotten, as memory is not for strangers to fill
		}
		b = &bucket{lines: lineBurst, at: at}
		l.buckets[k] = b
	}
	if passed := at.Sub(b.at); passed > 0 {
		b.lines = min(b.lines+passed.Seconds()*lineRate, lineBurst)
		b.at = at
	}
	if b.lines < 1 {
		b.omitted++
		return 0, false
	}
	b.lines--
	omitted, b.omitted = b.omitted, 0
	return omitted, true
}
