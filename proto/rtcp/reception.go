package rtcp

import "time"

// Reception is what a receiver knows of a source's RTP packets (RFC 3550, appendices A.1,
// A.3 and A.8). A receiver that has asked for a source knows it, so unlike appendix A.1 it
// needs no probation: every packet counts from the first one. Its zero value is ready
// once ClockHz is set; it belongs to one goroutine, and allocates nothing.
type Reception struct {
	// ClockHz is the rate of the source's timestamps.
	ClockHz int64

	begun           bool
	first, highest  uint16
	cycles          uint32 // wraps of the sequence number, times 65536
	received        uint32
	bad             uint16 // the next sequence number, were the source to have restarted
	restarting      bool
	transit, jitter float64 // in timestamp units

	expectedBefore, receivedBefore uint32
	lastSR                         uint32
	lastSRArrival                  time.Duration
}

// The limits of appendix A.1: how far sequence numbers may jump ahead, and lag behind.
const (
	maxDropout  = 3000
	maxMisorder = 100
)

// Packet takes a packet that arrived now. It reports false if its sequence number is so
// far off that the packet should not be used: if the next one follows it, then the source
// has restarted, and all counts anew. But if that is ahead, and its timestamp has gone on with
// the time, then nothing has come through for a while, and what is missing is lost.
func (r *Reception) Packet(now time.Duration, sequence uint16, timestamp uint32) bool {
	ahead := sequence - r.highest
	switch {
	case !r.begun:
		r.restart(sequence)
	case ahead < maxDropout:
		r.advance(sequence)
	case ahead <= 1<<16-maxMisorder:
		if !r.restarting || sequence != r.bad {
			r.restarting, r.bad = true, sequence+1
			return false
		}
		if ahead < 1<<15 && r.goesOn(now, timestamp) {
			r.advance(sequence)
		} else {
			r.restart(sequence)
		}
	}
	r.received++
	r.transited(now, timestamp)
	return true
}

// advance takes the highest sequence number so far.
func (r *Reception) advance(sequence uint16) {
	if sequence < r.highest {
		r.cycles += 1 << 16
	}
	r.highest, r.restarting = sequence, false
}

// sameClock is how far a source's timestamps may be off that has not restarted.
const sameClock = 5 * time.Second

// goesOn reports whether a timestamp is one of the same row as those so far.
func (r *Reception) goesOn(now time.Duration, timestamp uint32) bool {
	limit := int32(int64(sameClock/time.Second) * r.ClockHz)
	d := r.relativeTransit(now, timestamp) - int32(r.transit)
	return -limit < d && d < limit
}

// relativeTransit is a packet's arrival less its timestamp (appendix A.8).
func (r *Reception) relativeTransit(now time.Duration, timestamp uint32) int32 {
	arrival := uint32(int64(now/time.Second)*r.ClockHz + int64(now%time.Second)*r.ClockHz/int64(time.Second))
	return int32(arrival - timestamp)
}

func (r *Reception) restart(sequence uint16) {
	*r = Reception{ClockHz: r.ClockHz, begun: true, first: sequence, highest: sequence, lastSR: r.lastSR, lastSRArrival: r.lastSRArrival}
}

// transited takes a packet's way into the jitter (appendix A.8).
func (r *Reception) transited(now time.Duration, timestamp uint32) {
	transit := float64(r.relativeTransit(now, timestamp))
	if r.received > 1 {
		d := transit - r.transit
		if d < 0 {
			d = -d
		}
		if d < float64(uint32(1)<<31) { // else the difference has wrapped
			r.jitter += (d - r.jitter) / 16
		}
	}
	r.transit = transit
}

// SenderReport notes that a sender report arrived now.
func (r *Reception) SenderReport(now time.Duration, ntp uint64) {
	r.lastSR, r.lastSRArrival = middle(ntp), now
}

// Expected is how many packets there have been, by their numbers.
func (r *Reception) Expected() uint32 {
	if !r.begun {
		return 0
	}
	return r.cycles + uint32(r.highest) - uint32(r.first) + 1
}

// Received is how many packets came, duplicates included.
func (r *Reception) Received() uint32 { return r.received }

// Lost is how many packets did not come. Duplicates make it less, and even negative.
func (r *Reception) Lost() int64 { return int64(r.Expected()) - int64(r.received) }

// Jitter is how much the packets' way varies (section 6.4.1).
func (r *Reception) Jitter() time.Duration {
	if r.ClockHz == 0 {
		return 0
	}
	return time.Duration(r.jitter / float64(r.ClockHz) * float64(time.Second))
}

// Report makes the reception report of a source, and begins a new interval for the
// fraction lost (appendix A.3).
func (r *Reception) Report(now time.Duration, reporter, ssrc uint32) ReceptionReport {
	const most = 1<<23 - 1
	report := ReceptionReport{
		Reporter: reporter, SSRC: ssrc,
		CumulativeLost:  int32(max(-most-1, min(r.Lost(), most))),
		HighestSequence: r.cycles + uint32(r.highest),
		Jitter:          uint32(r.jitter),
	}
	expected := r.Expected() - r.expectedBefore
	lost := int64(expected) - int64(r.received-r.receivedBefore)
	if expected > 0 && lost > 0 {
		report.FractionLost = uint8(min(lost<<8/int64(expected), 255))
	}
	r.expectedBefore, r.receivedBefore = r.Expected(), r.received
	if r.lastSR != 0 {
		report.LastSR = r.lastSR
		report.DelaySinceLastSR = uint32((now - r.lastSRArrival) * 65536 / time.Second)
	}
	return report
}
