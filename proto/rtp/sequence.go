package rtp

import "time"

// Sequence extends the 16-bit sequence numbers of one source's packets, and says which
// packets to use (RFC 3550, appendix A.1). A receiver that has asked for a source knows it,
// so unlike appendix A.1 there is no probation: the first packet counts.
//
// A packet whose number is far off is not used. If the next one follows it, then either the
// source has restarted, or nothing has come through for a while. It is the second if the
// number is ahead and the timestamp has advanced with the time.
//
// The zero value is ready for a source. A Sequence belongs to one goroutine and allocates
// nothing.
type Sequence struct {
	begun   bool
	highest int64
	// successor is the number after that of the last strange packet, if that was the last
	// packet.
	successor    uint16
	afterStrange bool
	transit      uint32 // of the last packet that was used: arrival less timestamp
}

// Verdict is what Sequence decides about a packet.
type Verdict uint8

const (
	// Strange packets are not to be used: their number is too far off.
	Strange Verdict = iota
	// Started means that the packet is the first one, or the first one that is used after
	// the source has restarted: extended numbers begin anew with it.
	Started
	// Continued packets belong to the same row of numbers as those before.
	Continued
)

const (
	// maxDropout and maxMisorder are how far a sequence number may be ahead of the highest
	// one, and how far behind it (RFC 3550, appendix A.1). Both are exclusive.
	maxDropout  = 3000
	maxMisorder = 100
	// sameClockTicks is how far the timestamps of a source may be off that has not
	// restarted: 5 s.
	sameClockTicks = 5 * ClockHz
)

// Take takes a packet that arrived at now, on any monotonic clock. It returns the packet's
// extended sequence number unless the verdict is Strange. Extended numbers begin with the
// first packet's number and count through: 65536 follows 65535. Those of packets that the
// first one has overtaken can be negative.
func (s *Sequence) Take(now time.Duration, sequence uint16, timestamp uint32) (extended int64, verdict Verdict) {
	ahead := int64(int16(sequence - uint16(s.highest)))
	transit := NewClock(0).At(now) - timestamp
	switch {
	case !s.begun:
		return s.start(sequence, transit), Started
	case ahead < maxDropout && ahead > -maxMisorder:
	case !s.afterStrange || sequence != s.successor:
		s.afterStrange, s.successor = true, sequence+1
		return 0, Strange
	case ahead < 0 || !s.sameClock(transit):
		return s.start(sequence, transit), Started
	}
	extended = s.highest + ahead
	s.highest = max(s.highest, extended)
	s.afterStrange, s.transit = false, transit
	return extended, Continued
}

func (s *Sequence) start(sequence uint16, transit uint32) int64 {
	*s = Sequence{begun: true, highest: int64(sequence), transit: transit}
	return s.highest
}

// sameClock reports whether a packet's timestamp has advanced with the time since the last
// packet.
func (s *Sequence) sameClock(transit uint32) bool {
	d := int32(transit - s.transit)
	return -sameClockTicks < d && d < sameClockTicks
}

// Highest returns the highest extended number so far, 0 before the first packet.
func (s *Sequence) Highest() int64 { return s.highest }
