package main

import (
	"encoding/binary"
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
	clock   view.Clock
	frames  *loop.Timer // when the next picture is due

	ssrc, source uint32 // our own, and the one that sends
	cname        string
	interval     *rtcp.Interval // from the first packet on
	reports      *loop.Timer    // when the next report is due
	began        time.Duration  // when the first packet came
	octets       uint64
	visitor      rtcp.Visitor
	goodbye      bool // the source has said goodbye
	scratch      []byte
}

func newReception(l *loop.Loop, s session, delay time.Duration, cname string, picture func(view.Frame, time.Duration, bool)) *reception {
	r := &reception{
		loop: l, session: s, picture: picture, buffer: view.NewBuffer(delay),
		packets: rtcp.Reception{ClockHz: rtp.ClockHz}, ssrc: rand.Uint32(), cname: cname,
	}
	r.frames, r.reports = l.NewTimer(r.pump), l.NewTimer(r.reportDue)
	r.visitor = rtcp.Visitor{Sender: r.senderReport, Group: r.group, Bye: r.bye}
	return r
}

// rtp takes a packet, and reports false if it is none.
func (r *reception) rtp(packet []byte) bool {
	if len(packet) < rtp.HeaderBytes || packet[0]>>6 != 2 {
		return false
	}
	now, source := r.loop.Now(), binary.BigEndian.Uint32(packet[8:])
	if r.interval == nil {
		r.source, r.began = source, now
		r.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
			Bandwidth: firstBandwidth, PacketBytes: firstReportBytes + udpHeaderBytes, Random: rand.Float64,
		})
		r.interval.SetMembers(now, 2, 1) // the source and we
		r.reports.Set(r.interval.Next())
	}
	if source != r.source { // the server began anew: what was counted is of another source
		r.source, r.packets, r.clock = source, rtcp.Reception{ClockHz: rtp.ClockHz}, view.Clock{}
	}
	r.octets += uint64(len(packet) + udpHeaderBytes)
	r.packets.Packet(now, binary.BigEndian.Uint16(packet[2:]), binary.BigEndian.Uint32(packet[4:]))
	r.buffer.Push(now, packet)
	r.pump()
	return true
}

// pump hands on the pictures that are due.
func (r *reception) pump() {
	for {
		frame, ok := r.buffer.Pop(r.loop.Now())
		if !ok {
			break
		}
		taken, known := r.clock.At(frame.Timestamp)
		r.picture(frame, r.loop.Kernel().Wall().Sub(taken), known)
	}
	next, ok := r.buffer.Next()
	if due, set := r.frames.Due(); ok && (!set || due != next) {
		r.frames.Set(next)
	}
}

// rtcp takes a report of the server's. It reports false if that says goodbye.
func (r *reception) rtcp(packet []byte) bool {
	if rtcp.Parse(packet, r.visitor) == nil && r.interval != nil {
		r.interval.Heard(len(packet) + udpHeaderBytes)
	}
	return !r.goodbye
}

func (r *reception) senderReport(sr rtcp.SenderReport, ntp uint64) {
	if r.interval != nil && sr.SSRC == r.source {
		r.packets.SenderReport(r.loop.Now(), ntp)
		r.clock.Report(sr.Wall, sr.RTPTime)
	}
}

// group takes how many receivers there are (RFC 5760): they share what RTCP may have.
func (r *reception) group(ssrc uint32, receivers int) {
	if r.interval != nil && ssrc == r.source {
		r.interval.SetMembers(r.loop.Now(), receivers+1, 1)
		r.reports.Set(r.interval.Next())
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
	if elapsed := now - r.began; elapsed > time.Second {
		r.interval.SetBandwidth(rtcp.BandwidthShare * float64(r.octets) / elapsed.Seconds())
	}
	if r.interval.Expire(now) {
		r.scratch = rtcp.AppendReceiverReport(r.scratch[:0], r.packets.Report(now, r.ssrc, r.source), r.cname)
		r.session.report(r.scratch)
		r.interval.Sent(now, len(r.scratch)+udpHeaderBytes)
	}
	r.reports.Set(r.interval.Next())
}

// farewell is the goodbye to send, nil if there are so many readers that it would have to
// wait (RFC 3550, section 6.3.7).
func (r *reception) farewell() []byte {
	if r.interval == nil {
		return nil
	}
	now := r.loop.Now()
	goodbye := rtcp.AppendReceiverGoodbye(r.scratch[:0], r.packets.Report(now, r.ssrc, r.source), r.cname)
	if !r.interval.Leave(now, len(goodbye)+udpHeaderBytes) {
		return nil
	}
	return goodbye
}

// stop ends the timers. What has not come out yet is lost.
func (r *reception) stop() {
	r.frames.Stop()
	r.reports.Stop()
}

// figures are what has come so far.
func (r *reception) figures() figures {
	f := r.buffer.Figures()
	return figures{
		frames: f.Frames, framesLost: f.FramesLost(), packets: uint64(r.packets.Received()), packetsLost: r.packets.Lost(),
		jitter: r.packets.Jitter(),
	}
}
