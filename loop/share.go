package loop

import (
	"math"
	"time"
)

// share is a part of the time that may be used for something. What is not used is saved for later. The
// zero value is no bound.
type share struct {
	part  float64       // 0: no bound
	saved time.Duration // negative: more was used than there was
	at    time.Duration // when saved was computed
}

// shareWindow is the time whose part can be saved.
const shareWindow = 10 * time.Millisecond

func newShare(part float64, now time.Duration) share {
	return share{part: part, saved: of(part, shareWindow), at: now}
}

func of(part float64, d time.Duration) time.Duration { return time.Duration(part * float64(d)) }

// left is what may be used now.
func (s *share) left(now time.Duration) time.Duration {
	if s.part == 0 {
		return math.MaxInt64
	}
	s.saved = min(s.saved+of(s.part, now-s.at), of(s.part, shareWindow))
	s.at = now
	return s.saved
}

// spend takes what was used from what is saved. A debt is bounded, as the thread may have waited for a
// CPU meanwhile.
func (s *share) spend(d time.Duration) {
	s.saved = max(s.saved-d, -of(s.part, shareWindow))
}

// more is when wanted may be used, or as much as can be saved if that is less.
func (s *share) more(now, wanted time.Duration) time.Duration {
	missing := min(wanted, of(s.part, shareWindow)) - s.left(now)
	if missing <= 0 {
		return now
	}
	return now + time.Duration(math.Ceil(float64(missing)/s.part))
}
