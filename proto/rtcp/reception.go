package rtcp

import (
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// Reception counts the RTP packets that a receiver gets from a source, and makes reception
// reports of the counts (RFC 3550, appendices A.1, A.3 and A.8). The source's timestamps
// count at rtp.ClockHz. The zero value is ready. A Reception belongs to one goroutine and
// allocates nothing.
type Reception struct {
	numbers         rtp.Sequence
	begun           bool
	first           int64
	received        uint32
	transit, jitter float64 // in timestamp units

	expectedBefore, receivedBefore uint32
	lastSR                         uint32
	lastSRArrival                  time.Duration
}

// Packet takes a packet that arrived now. It reports false if the packet should not be used,
// since its sequence number is too far off: rtp.Sequence decides that. When the source has
// restarted, all counts begin anew.
func (r *Reception) Packet(now time.Duration, sequence uint16, timestamp uint32) bool {
	number, verdict := r.numbers.Take(now, sequence, timestamp)
	switch verdict {
	case rtp.Strange:
		return false
	case rtp.Started:
		*r = Reception{numbers: r.numbers, begun: true, first: number, lastSR: r.lastSR, lastSRArrival: r.lastSRArrival}
	}
	r.received++
	r.transited(now, timestamp)
	return true
}

// transited takes a packet's way into the jitter (appendix A.8).
func (r *Reception) transited(now time.Duration, timestamp uint32) {
	transit := float64(int32(rtp.NewClock(0).At(now) - timestamp))
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
	return uint32(r.numbers.Highest()-r.first) + 1
}

// Received is how many packets came, duplicates included.
func (r *Reception) Received() uint32 { return r.received }

// Lost is how many packets did not come. Duplicates make it less, and even negative.
func (r *Reception) Lost() int64 { return int64(r.Expected()) - int64(r.received) }

// Jitter is how much the packets' way varies (section 6.4.1).
func (r *Reception) Jitter() time.Duration {
	return time.Duration(r.jitter / rtp.ClockHz * float64(time.Second))
}

// maxDelay is more than a report can say of how old the last sender report is: 18 hours.
const maxDelay = 65536 * time.Second

// Report makes the reception report of a source, and begins a new interval for the
// fraction lost (appendix A.3).
func (r *Reception) Report(now time.Duration, reporter, ssrc uint32) ReceptionReport {
	const most = 1<<23 - 1
	report := ReceptionReport{
		Reporter: reporter, SSRC: ssrc,
		CumulativeLost:  int32(max(-most-1, min(r.Lost(), most))),
		HighestSequence: uint32(r.numbers.Highest()),
		Jitter:          uint32(r.jitter),
	}
	expected := r.Expected() - r.expectedBefore
	lost := int64(expected) - int64(r.received-r.receivedBefore)
	if expected > 0 && lost > 0 {
		report.FractionLost = uint8(min(lost<<8/int64(expected), 255))
	}
	r.expectedBefore, r.receivedBefore = r.Expected(), r.received
	if delay := now - r.lastSRArrival; r.lastSR != 0 && delay < maxDelay {
		report.LastSR = r.lastSR
		report.DelaySinceLastSR = uint32(delay * 65536 / time.Second)
	}
	return report
}
