package view

import (
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// Clock tells by the last sender report when a frame was taken (RFC 3550, section 6.4.1).
// It is the sender's time of day: an age by it is right if both clocks are, as on one
// machine or with NTP. Its zero value knows nothing yet.
type Clock struct {
	known     bool
	wall      time.Time
	timestamp uint32
}

// Report takes a sender report: the time of day, and the same moment as a timestamp.
func (c *Clock) Report(wall time.Time, timestamp uint32) { *c = Clock{true, wall, timestamp} }

// At is when a frame was taken. It is false if there was no report yet.
func (c *Clock) At(timestamp uint32) (time.Time, bool) {
	ticks := int64(int32(timestamp - c.timestamp))
	return c.wall.Add(time.Duration(ticks * int64(time.Second) / rtp.ClockHz)), c.known
}
