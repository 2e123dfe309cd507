package main

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
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

// reception is what comes in one session: packets to be put in order, and reports to be
// sent about them.
type reception struct {
	loop    *loop.Loop
	session session
	// picture is called with each picture when it is due, and its age if that is known.
	picture func(frame view.Frame, age time.Duration, known bool)
	buffer  *view.Buffer
	packets rtcp.Reception
	earlier figures // packets, before the source began anew
	clock   view.Clock
	frames  *loop.Timer // when the next picture is due

	ssrc, source uint32 // our own, and the one that sends
	cname        string
	interval     *rtcp.Interval // from the first packet on
	reports      *loop.Timer    // when the next report is due
	members      int            // as far as is known: the source and we, at least
	silence      time.Duration  // how long we may say nothing
	began        time.Duration  // when the first packet came
	told         time.Duration  // when the last report was sent, or the first packet came
	octets       uint64
	asked        time.Duration // when a key frame was asked for last, 0: never
	visitor      rtcp.Visitor
	goodbye      bool // the source has said goodbye
	// sendGoodbye is set while our own waits for its turn.
	sendGoodbye func(goodbye []byte)
	scratch     []byte
}

func newReception(l *loop.Loop, s session, ssrc uint32, cname string, delay time.Duration, picture func(view.Frame, time.Duration, bool)) *reception {
	r := &reception{
		loop: l, session: s, picture: picture, buffer: view.NewBuffer(delay),
		packets: rtcp.Reception{}, ssrc: ssrc, cname: cname, members: 2, silence: maxSilence,
	}
	r.frames, r.reports = l.NewTimer(r.pump), l.NewTimer(r.reportDue)
	r.visitor = rtcp.Visitor{Sender: r.senderReport, Group: r.group, Bye: r.bye}
	return r
}

// started takes what the server said before it began to send, or what overtook that.
func (r *reception) started(s start) {
	if s.silence > 0 {
		r.silence = s.silence
	}
	if s.readers > 0 {
		r.setMembers(s.readers + 1)
	}
	if s.format != 0 {
		r.buffer.SetFormat(s.format, s.parameterSets)
	}
	if s.width > 0 {
		r.buffer.SetSize(s.width, s.height)
	}
	r.pump()
}

// setMembers sets how many share what RTCP may have: the readers and the source.
func (r *reception) setMembers(members int) {
	r.members = max(members, 2)
	if r.interval != nil {
		r.interval.SetMembers(r.loop.Now(), r.members, 1)
		r.awaitReport()
	}
}

// awaitReport sets the timer of the next report: to when it is due, or to when the server
// would take us for gone. The latter is sooner only among very many readers.
func (r *reception) awaitReport() {
	due := r.interval.Next()
	if r.sendGoodbye == nil {
		due = min(due, r.told+r.silence)
	}
	r.reports.Set(due)
}

// isRTP reports whether a packet may be RTP: its version is 2.
func isRTP(packet []byte) bool { return len(packet) >= rtp.HeaderBytes && packet[0]>>6 == 2 }

// rtp takes an RTP packet.
func (r *reception) rtp(packet []byte) {
	now, source := r.loop.Now(), binary.BigEndian.Uint32(packet[8:])
	if r.interval == nil {
		r.source, r.began, r.told = source, now, now
		r.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
			Bandwidth: firstBandwidth, PacketBytes: firstReportBytes + udpHeaderBytes, Random: rand.Float64,
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
		r.earlier.packets += uint64(received)
	}
	r.buffer.Push(now, packet)
	r.pump()
}

// pump hands on the pictures that are due.
func (r *reception) pump() {
	r.handOn(r.loop.Now())
	if r.buffer.NeedsKey() {
		r.askForKey()
	}
	next, ok := r.buffer.Next()
	if due, set := r.frames.Due(); ok && (!set || due != next) {
		r.frames.Set(next)
	}
}

// handOn hands on the pictures that are due at a time.
func (r *reception) handOn(due time.Duration) {
	for {
		frame, ok := r.buffer.Pop(due)
		if !ok {
			return
		}
		taken, known := r.clock.At(frame.Timestamp)
		r.picture(frame, r.loop.Kernel().Wall().Sub(taken), known)
	}
}

// askInterval is how long apart a reader asks for key frames.
const askInterval = time.Second

// askForKey asks the source for a key frame (RFC 4585), since no picture can be shown before one.
func (r *reception) askForKey() {
	now := r.loop.Now()
	if r.interval == nil || r.asked > 0 && now-r.asked < askInterval {
		return
	}
	r.asked = now
	r.scratch = rtcp.AppendPictureLoss(r.scratch[:0], r.packets.Report(now, r.ssrc, r.source), r.cname)
	r.session.report(r.scratch)
}

// flush hands on all pictures that the buffer holds: no packet comes any more, so there is nothing
// to wait for.
func (r *reception) flush() { r.handOn(math.MaxInt64) }

// rtcp takes a report of the server's. It is not ok if the packet is no RTCP. leaving: the
// source says goodbye.
func (r *reception) rtcp(packet []byte) (leaving, ok bool) {
	if rtcp.Parse(packet, r.visitor) != nil {
		return false, false
	}
	if r.interval != nil {
		r.interval.Received(len(packet) + udpHeaderBytes)
	}
	return r.goodbye, true
}

func (r *reception) senderReport(sr rtcp.SenderReport, ntp uint64) {
	if r.interval != nil && sr.SSRC == r.source {
		r.packets.SenderReport(r.loop.Now(), ntp)
		r.clock.Report(sr.Wall, sr.RTPTime)
	}
}

// group takes how many receivers there are (RFC 5760).
func (r *reception) group(ssrc uint32, receivers int) {
	if ssrc == r.source {
		r.setMembers(receivers + 1)
	}
}

func (r *reception) bye(ssrc uint32) {
	if r.interval != nil && ssrc == r.source {
		r.goodbye = true
	}
}

// reportDue sends a report, unless it has become too early for that.
func (r *reception) reportDue() {
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
		r.scratch = rtcp.AppendReceiverReport(r.scratch[:0], r.packets.Report(now, r.ssrc, r.source), r.cname)
		r.session.report(r.scratch)
		r.interval.Sent(now, len(r.scratch)+udpHeaderBytes)
		r.told = now
	}
	r.awaitReport()
}

// leave calls send with the goodbye, or with nil if no packet came. Among many readers it
// waits some seconds, so that readers that leave together do not all send at once (RFC 3550,
// section 6.3.7). ends says that the goodbye ends the session. If it does not, send gets nil
// rather than wait.
func (r *reception) leave(ends bool, send func(goodbye []byte)) {
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

// longestTurn is how long a goodbye waits for its turn: 2.5 s, at most half of it more, and
// less by the compensation of RFC 3550, section 6.3.1.
const longestTurn = 3100 * time.Millisecond

func (r *reception) farewell() []byte {
	return rtcp.AppendReceiverGoodbye(r.scratch[:0], r.packets.Report(r.loop.Now(), r.ssrc, r.source), r.cname)
}

// stop ends the timers. Pictures that the buffer still holds are lost: see flush.
func (r *reception) stop() {
	r.frames.Stop()
	r.reports.Stop()
}

// figures are what has come so far.
func (r *reception) figures() figures {
	f := r.buffer.Figures()
	return r.earlier.plus(figures{
		frames: f.Frames, framesLost: f.FramesLost(), framesSkipped: f.FramesSkipped,
		packets: uint64(r.packets.Received()), packetsLost: f.Lost, packetsSkipped: f.Skipped,
		jitter: r.packets.Jitter(),
	})
}
