package rtcp

import "time"

// ntpEpoch is 1900-01-01 in Unix time (RFC 3550, section 4).
const ntpEpoch = -2208988800

// NTP is t as a 64-bit NTP timestamp: seconds since 1900 and their fraction. The
// seconds wrap in 2036.
func NTP(t time.Time) uint64 {
	seconds := uint64(t.Unix() - ntpEpoch)
	fraction := (uint64(t.Nanosecond()) << 32) / uint64(time.Second)
	return seconds<<32 | fraction
}

// middle is the middle 32 bits of an NTP timestamp, in units of 1/65536 s.
func middle(ntp uint64) uint32 { return uint32(ntp >> 16) }

// RoundTrip is how long a packet takes to a reader and back, by a reception report that
// arrived at a time of day (RFC 3550, section 6.4.1, figure 2). It is false if the
// reader had no sender report yet, or if the report makes no sense.
func (r ReceptionReport) RoundTrip(arrival time.Time) (time.Duration, bool) {
	if r.LastSR == 0 {
		return 0, false
	}
	units := int32(middle(NTP(arrival)) - r.LastSR - r.DelaySinceLastSR)
	if units < 0 {
		// A clock that was set, or a reader that rounds: a few units are nothing.
		if units < -roundingUnits {
			return 0, false
		}
		units = 0
	}
	return time.Duration(units) * time.Second >> 16, true
}

// roundingUnits is how far, in 1/65536 s, a reader's rounding may make a round trip
// negative: 1 ms.
const roundingUnits = 65

// fromNTP is the time of a 64-bit NTP timestamp. Those that begin with a zero bit are
// taken for times after 2036.
func fromNTP(ntp uint64) time.Time {
	seconds := int64(ntp >> 32)
	if ntp>>63 == 0 {
		seconds += 1 << 32
	}
	fraction := (ntp & (1<<32 - 1)) * uint64(time.Second) >> 32
	return time.Unix(seconds+ntpEpoch, int64(fraction))
}
