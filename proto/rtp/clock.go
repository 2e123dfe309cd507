package rtp

import "time"

// ClockHz is the rate of video timestamps (RFC 3551, section 5).
const ClockHz = 90000

// Clock turns times on CLOCK_MONOTONIC into a stream's RTP timestamps, which count
// from a random offset (RFC 3550, section 5.1). It does not drift.
type Clock struct {
	offset uint32
}

// NewClock makes a clock with the given offset.
func NewClock(offset uint32) Clock { return Clock{offset} }

// At is the timestamp at t. It wraps every 13 hours.
func (c Clock) At(t time.Duration) uint32 {
	// In two parts, since t in nanoseconds times the rate would overflow within a day.
	seconds, rest := t/time.Second, t%time.Second
	return c.offset + uint32(int64(seconds)*ClockHz) + uint32(int64(rest)*ClockHz/int64(time.Second))
}
