package view

import (
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// timeline maps a source's timestamps to when the quickest packets would arrive. The
// sender's clock and ours drift apart, so only packets of late count.
type timeline struct {
	begun  bool
	origin uint32        // a timestamp, and media the time of it
	media  time.Duration // since the first timestamp
	// quickest is the least of arrival less media time, in this window and the last.
	quickest [2]time.Duration
	window   time.Duration // when the present one began
}

// mostBackTicks is how far a timestamp may be behind the latest one: 2 s. A source whose timestamps go
// back further has set its clock, and begins anew.
const mostBackTicks = 2 * rtp.ClockHz

// windowLength is how long the quickest packet is remembered, at least.
const windowLength = 10 * time.Second

// mediaTime is how long after the first timestamp another one is. It may be before the
// last one, by less than half of the timestamps' range.
func (t *timeline) mediaTime(timestamp uint32) time.Duration {
	ticks := int64(int32(timestamp - t.origin))
	return t.media + time.Duration(ticks*int64(time.Second)/rtp.ClockHz)
}

// arrived notes that a packet of this timestamp arrived now.
func (t *timeline) arrived(now time.Duration, timestamp uint32) {
	if !t.begun || int32(timestamp-t.origin) < -mostBackTicks {
		*t = timeline{begun: true, origin: timestamp, quickest: [2]time.Duration{now, now}, window: now}
		return
	}
	media := t.mediaTime(timestamp)
	if int32(timestamp-t.origin) > 0 {
		t.origin, t.media = timestamp, media
	}
	transit := now - media
	if now-t.window >= windowLength {
		t.quickest[1], t.quickest[0], t.window = t.quickest[0], transit, now
	}
	t.quickest[0] = min(t.quickest[0], transit)
}

// at is when the quickest packets of this timestamp would arrive.
func (t *timeline) at(timestamp uint32) time.Duration {
	return t.mediaTime(timestamp) + min(t.quickest[0], t.quickest[1])
}
