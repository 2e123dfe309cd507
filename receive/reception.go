package receive

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/view"
)

const (
	// udpHeaderBytes is what IPv4 and UDP put before a packet, which RTCP's bandwidth
	// includes (RFC 3550, section 6.2).
	udpHeaderBytes = 28
	// firstBandwidth is what RTCP may have until the stream's rate is known: its share of
	// 1 Mbit/s, in octets per second.
	firstBandwidth = rtcp.BandwidthShare * 1e6 / 8
	// firstReportBytes is how long the first report is expected to be.
	firstReportBytes = 100
	// maxSilence is how long a reader says nothing at most, if nothing else is known.
	maxSilence = time.Hour
)

// ReceptionConfig is what a Reception is made with.
type ReceptionConfig struct {
	// SSRC is the receiver's own, and CNAME its name (RFC 7022), in what it reports.
	SSRC  uint32
	CNAME string
	// Buffer puts the packets in order. It is the Reception's from now on.
	Buffer *view.Buffer
	// Picture is called with each picture when it is due, which may be read until Picture returns,
	// and with the sender's time of day when it was taken, if that is known.
	Picture func(frame view.Frame, taken time.Time, known bool)
	// Random returns a number from 0 to below 1, evenly distributed: reports of many receivers are
	// not sent all at once.
	Random func() float64
}

// Reception is what comes in one session: packets to be put in order, and reports to be
// sent about them.
type Reception struct {
	loop    *loop.Loop
	config  ReceptionConfig
	session Session
	buffer  *view.Buffer
	packets rtcp.Reception
	earlier Figures // its Packets, before the source began anew
	clock   view.Clock
	frames  *loop.Timer // when the next picture is due

	source   uint32         // the SSRC that sends
	interval *rtcp.Interval // from the first packet on
	reports  *loop.Timer    // when the next report is due
	members  int            // as far as is known: the source and we, at least
	silence  time.Duration  // how long we may say nothing
	began    time.Duration  // when the first packet came
	told     time.Duration  // when the last report was sent, or the first packet came
	octets   uint64
	asked    time.Duration // when a key frame was asked for last, 0: never
	visitor  rtcp.Visitor
	goodbye  bool // the source has said goodbye
	// sendGoodbye is set while our own waits for its turn.
	sendGoodbye func(goodbye []byte)
	stopped     bool
	scratch     []byte
}

// NewReception makes one that reports by a session.
func NewReception(l *loop.Loop, s Session, c ReceptionConfig) *Reception {
	r := &Reception{loop: l, config: c, session: s, buffer: c.Buffer, packets: rtcp.Reception{}, members: 2, silence: maxSilence}
	r.frames, r.reports = l.NewTimer(r.pump), l.NewTimer(r.reportDue)
	r.visitor = rtcp.Visitor{Sender: r.senderReport, Group: r.group, Bye: r.bye}
	return r
}

// Buffer is what puts the packets in order.
func (r *Reception) Buffer() *view.Buffer { return r.buffer }

// Started takes what the server said before it began to send, or what overtook that.
func (r *Reception) Started(s Start) {
	if s.Silence > 0 {
		r.silence = s.Silence
	}
	if s.Readers > 0 {
		r.setMembers(s.Readers + 1)
	}
	if s.Format != 0 {
		r.buffer.SetFormat(s.Format, s.ParameterSets)
	}
	if s.Width > 0 {
		r.buffer.SetSize(s.Width, s.Height)
	}
	r.pump()
}

// setMembers sets how many share what RTCP may have: the readers and the source.
func (r *Reception) setMembers(members int) {
	r.members = max(members, 2)
	if r.interval != nil {
		r.interval.SetMembers(r.loop.Now(), r.members, 1)
		r.awaitReport()
	}
}

// awaitReport sets the timer of the next report: to when it is due, or to when the server
// would take us for gone. The latter is sooner only among very many readers.
func (r *Reception) awaitReport() {
	due := r.interval.Next()
	if r.sendGoodbye == nil {
		due = min(due, r.told+r.silence)
	}
	r.reports.Set(due)
}

// IsRTP reports whether a packet may be RTP: its version is 2.
func IsRTP(packet []byte) bool { return len(packet) >= rtp.HeaderBytes && packet[0]>>6 == 2 }

// RTP takes an RTP packet, for which IsRTP is true, and copies it.
func (r *Reception) RTP(packet []byte) {
	now, source := r.loop.Now(), binary.BigEndian.Uint32(packet[8:])
	if r.interval == nil {
		r.source, r.began, r.told = source, now, now
		r.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
			Bandwidth: firstBandwidth, PacketBytes: firstReportBytes + udpHeaderBytes, Random: r.config.Random,
		})
		r.interval.SetMembers(now, r.members, 1)
		r.awaitReport()
	}
	received := r.packets.Received()
	if source != r.source { // the server began anew: what was counted is of another source
		r.source, r.packets, r.clock = source, rtcp.Reception{}, view.Clock{}
	}
	r.octets += uint64(len(packet) + udpHeaderBytes)
	r.packets.Packet(now, binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:]))
	if r.packets.Received() < received { // it counts anew
		r.earlier.Packets += uint64(received)
	}
	r.buffer.Push(now, packet)
	r.pump()
}

// pump hands on the pictures that are due.
func (r *Reception) pump() {
	r.handOn(r.loop.Now())
	if r.stopped { // by a picture
		return
	}
	if r.buffer.NeedsKey() {
		r.AskForKey()
	}
	next, ok := r.buffer.Next()
	if due, set := r.frames.Due(); ok && (!set || due != next) {
		r.frames.Set(next)
	}
}

// handOn hands on the pictures that are due at a time.
func (r *Reception) handOn(due time.Duration) {
	for !r.stopped {
		frame, ok := r.buffer.Pop(due)
		if !ok {
			return
		}
		taken, known := r.clock.At(frame.Timestamp)
		r.config.Picture(frame, taken, known)
	}
}

// askInterval is how long apart a reader asks for key frames.
const askInterval = time.Second

// AskForKey asks the source for a key frame (RFC 4585), at most once a second. It does nothing before
// the first packet.
func (r *Reception) AskForKey() {
	now := r.loop.Now()
	if r.interval == nil || r.asked > 0 && now-r.asked < askInterval {
		return
	}
	r.asked = now
	r.scratch = rtcp.AppendPictureLoss(r.scratch[:0], r.packets.Report(now, r.config.SSRC, r.source), r.config.CNAME)
	r.session.Report(r.scratch)
}

// Flush hands on all pictures that the buffer holds: no packet comes any more, so there is nothing
// to wait for.
func (r *Reception) Flush() { r.handOn(math.MaxInt64) }

// RTCP takes a report of the server's. It is not ok if the packet is no RTCP. leaving: the
// source says goodbye.
func (r *Reception) RTCP(packet []byte) (leaving, ok bool) {
	if rtcp.Parse(packet, r.visitor) != nil {
		return false, false
	}
	if r.interval != nil {
		r.interval.Received(len(packet) + udpHeaderBytes)
	}
	return r.goodbye, true
}

func (r *Reception) senderReport(sr rtcp.SenderReport, ntp uint64) {
	if r.interval != nil && sr.SSRC == r.source {
		r.packets.SenderReport(r.loop.Now(), ntp)
		r.clock.Report(sr.Wall, sr.RTPTime)
	}
}

// group takes how many receivers there are (RFC 5760).
func (r *Reception) group(ssrc uint32, receivers int) {
	if ssrc == r.source {
		r.setMembers(receivers + 1)
	}
}

func (r *Reception) bye(ssrc uint32) {
	if r.interval != nil && ssrc == r.source {
		r.goodbye = true
	}
}

// reportDue sends a report, unless it has become too early for that.
func (r *Reception) reportDue() {
	now := r.loop.Now()
	if send := r.sendGoodbye; send != nil {
		if r.interval.Expire(now) {
			r.sendGoodbye = nil
			send(r.farewell())
		} else {
			r.awaitReport()
		}
		return
	}
	if elapsed := now - r.began; elapsed > time.Second {
		r.interval.SetBandwidth(rtcp.BandwidthShare * float64(r.octets) / elapsed.Seconds())
	}
	if r.interval.Expire(now) || now-r.told >= r.silence {
		r.scratch = rtcp.AppendReceiverReport(r.scratch[:0], r.packets.Report(now, r.config.SSRC, r.source), r.config.CNAME)
		r.session.Report(r.scratch)
		r.interval.Sent(now, len(r.scratch)+udpHeaderBytes)
		r.told = now
	}
	r.awaitReport()
}

// Leave calls send with the goodbye, or with nil if no packet came. Among many readers it
// waits some seconds, so that readers that leave together do not all send at once (RFC 3550,
// section 6.3.7). ends says that the goodbye ends the session. If it does not, send gets nil
// rather than wait.
func (r *Reception) Leave(ends bool, send func(goodbye []byte)) {
	if r.interval == nil {
		send(nil)
		return
	}
	goodbye := r.farewell()
	switch {
	case r.interval.Leave(r.loop.Now(), len(goodbye)+udpHeaderBytes):
		send(goodbye)
	case !ends:
		send(nil)
	default:
		r.sendGoodbye = send
		r.awaitReport()
	}
}

// LongestTurn is how long a goodbye waits for its turn: 2.5 s, at most half of it more, and
// less by the compensation of RFC 3550, section 6.3.1.
const LongestTurn = 3100 * time.Millisecond

func (r *Reception) farewell() []byte {
	return rtcp.AppendReceiverGoodbye(r.scratch[:0], r.packets.Report(r.loop.Now(), r.config.SSRC, r.source), r.config.CNAME)
}

// Stop ends the timers: nothing more is handed on or reported. Pictures that the buffer still holds
// are lost: see Flush. A picture may lead to Stop before it returns.
func (r *Reception) Stop() {
	r.stopped = true
	r.frames.Stop()
	r.reports.Stop()
}
