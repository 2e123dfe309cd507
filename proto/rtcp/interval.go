package rtcp

import (
	"math"
	"time"
)

// The constants of RFC 3550, section 6.2, 6.3.1 and appendix A.7.
const (
	minimumInterval  = 5 * time.Second
	senderFraction   = 0.25
	receiverFraction = 1 - senderFraction
	// manyMembers is from how many on a goodbye waits for its turn (section 6.3.7).
	manyMembers = 50
	// sizeWeight is the newest packet's part in the average size.
	sizeWeight = 1.0 / 16
)

// compensation makes up for timer reconsideration, which converges to a value below the
// intended average (section 6.3.1).
const compensation = math.E - 3.0/2

// BandwidthShare is the part of the session bandwidth that RTCP may have (section 6.2).
const BandwidthShare = 0.05

// Interval is the timing of one participant's reports (RFC 3550, sections 6.2 and 6.3,
// appendix A.7): the more members there are, the rarer each reports, so that all of them
// together stay within the bandwidth. It has no clock and no timer: the caller calls
// Expire at the time that Next returns, and sends if Expire returns true.
//
//	report due -> Expire: false, as more members are known now -> wait until Next
//	                      true -> send, Sent
//
// An Interval belongs to one goroutine.
type Interval struct {
	config IntervalConfig
	// The names in the RFC are members, pmembers, senders, avg_rtcp_size, tp and tn.
	members, membersBefore, senders int
	averageBytes                    float64
	last, next                      time.Duration
	initial, leaving                bool
}

// IntervalConfig is what an Interval is made with.
type IntervalConfig struct {
	// Bandwidth is what RTCP of all members together may have, in octets per second:
	// BandwidthShare of the session bandwidth.
	Bandwidth float64
	// Sender: this participant sends RTP, too.
	Sender bool
	// PacketBytes is how long its first report will be, IP and UDP headers included.
	PacketBytes int
	// Random returns a number from 0 to below 1, evenly distributed. Without it all
	// members would report at once.
	Random func() float64
}

// NewInterval makes the timing of a participant that knows no other member yet. The first
// report is due at Next.
func NewInterval(now time.Duration, c IntervalConfig) *Interval {
	i := &Interval{
		config: c, members: 1, membersBefore: 1, averageBytes: float64(c.PacketBytes),
		last: now, initial: true,
	}
	if c.Sender {
		i.senders = 1
	}
	i.next = now + i.draw()
	return i
}

// Next is when Expire is due.
func (i *Interval) Next() time.Duration { return i.next }

// Members is how many there are, as far as is known.
func (i *Interval) Members() int { return i.members }

// deterministic is the interval without its random part (section 6.3.1).
func (i *Interval) deterministic() time.Duration {
	least := minimumInterval
	if i.initial {
		least /= 2
	}
	bandwidth, n := i.config.Bandwidth, i.members
	if float64(i.senders) <= float64(i.members)*senderFraction {
		if i.config.Sender {
			bandwidth, n = bandwidth*senderFraction, i.senders
		} else {
			bandwidth, n = bandwidth*receiverFraction, n-i.senders
		}
	}
	seconds := i.averageBytes * float64(n) / bandwidth
	if seconds < least.Seconds() {
		return least
	}
	return time.Duration(min(seconds, maxSeconds) * float64(time.Second))
}

// maxSeconds keeps a bandwidth of nothing from overflowing: a year.
const maxSeconds = 365 * 24 * 3600

func (i *Interval) draw() time.Duration {
	return time.Duration(float64(i.deterministic()) * (i.config.Random() + 0.5) / compensation)
}

// Expire reports whether to send the report, or the goodbye, now. It is false if the group
// has grown since, so that now is too early (timer reconsideration, section 6.3.6): call it
// again when Next is due. If it is true, send and call Sent.
func (i *Interval) Expire(now time.Duration) bool {
	i.membersBefore = i.members
	i.next = i.last + i.draw()
	return i.next <= now
}

// Sent notes that this participant has sent a report of so many bytes, IP and UDP headers
// included. It sets the time of the next one.
func (i *Interval) Sent(now time.Duration, bytes int) {
	i.Received(bytes)
	i.last = now
	i.initial = false
	i.next = now + i.draw()
}

// Received notes that a report of another participant has arrived, of so many bytes, IP and
// UDP headers included: their average size counts.
func (i *Interval) Received(bytes int) {
	i.averageBytes += sizeWeight * (float64(bytes) - i.averageBytes)
}

// SetMembers notes how many members there are, this one included, and how many of them
// send RTP. When they have become fewer, the next report comes sooner (reverse
// reconsideration, section 6.3.4): else a group that shrinks would fall silent. After Leave
// it does nothing, as then only goodbyes count.
func (i *Interval) SetMembers(now time.Duration, members, senders int) {
	if i.leaving {
		return
	}
	i.members, i.senders = max(members, 1), senders
	if i.members >= i.membersBefore {
		return
	}
	share := float64(i.members) / float64(i.membersBefore)
	i.next = now + time.Duration(share*float64(i.next-now))
	i.last = now - time.Duration(share*float64(now-i.last))
	i.membersBefore = i.members
}

// SetBandwidth changes what RTCP of all members may have, in octets per second.
func (i *Interval) SetBandwidth(octetsPerSecond float64) { i.config.Bandwidth = octetsPerSecond }

// Leave begins a goodbye of so many bytes (section 6.3.7), and reports whether to send it at
// once. In a large group the goodbye waits, so that members who leave together do not all
// send at once: call Expire when Next is due.
func (i *Interval) Leave(now time.Duration, bytes int) bool {
	if i.members < manyMembers {
		return true
	}
	i.leaving, i.initial = true, true
	i.last = now
	i.members, i.membersBefore, i.senders = 1, 1, 0
	i.config.Sender = false
	i.averageBytes = float64(bytes)
	i.next = now + i.draw()
	return false
}

// ReceivedGoodbye notes that another member has left, with a packet of so many bytes, IP and
// UDP headers included.
func (i *Interval) ReceivedGoodbye(now time.Duration, bytes int) {
	if i.leaving {
		i.members++
		i.Received(bytes)
		return
	}
	i.SetMembers(now, i.members-1, i.senders)
}
