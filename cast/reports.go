package cast

import (
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/sealfan"
	"github.com/camcast/camcast/cast/internal/tcpfan"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtcp"
)

const (
	// reportStride is how much further round the readers each report begins: a prime, so
	// that every reader comes first in its turn.
	reportStride = 7919
	// reportLot is how many readers are sent a report in one turn of the loop: about a
	// millisecond of sending.
	reportLot = 256
)

// senderReports tells a stream's readers, every few seconds, what time of day its
// timestamps mean (RFC 3550, section 6.4.1).
type senderReports struct {
	stream *Stream
	timer  *loop.Timer
	// interval is when the next one is due (RFC 3550, section 6.3). early: it comes
	// before that, since many have joined.
	interval *rtcp.Interval
	early    bool
	sentAt   time.Duration // the last one, and octets what was made by then
	octets   uint64
	told     int // how many readers were said to be there
	turn     uint64
	// more goes on with the report in hand.
	more *loop.Timer
	// greeting sends newcomers a report of their own.
	greeting *loop.Timer
	lanes    []*laneReports
	private  privateReports
	packet   []byte // before it is sealed
	cname    string
}

// laneReports is what is kept of the reports to the readers of one lane.
type laneReports struct {
	*lane
	// round is how far the report in hand has come.
	round fanout.Round
	done  bool
	// udpNewcomers and tcpNewcomers have just come, and wait for a report.
	udpNewcomers []*fanout.Reader
	tcpNewcomers []*tcpfan.Reader
	packet       []byte // as it goes to the readers
}

func newSenderReports(s *Stream) *senderReports {
	now := s.broadcaster.loop.Now()
	t := &senderReports{stream: s, cname: s.broadcaster.config.randomName() + "@camcast", sentAt: now}
	t.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
		Bandwidth: firstBandwidth, Sender: true, PacketBytes: reportBytes,
		Random: func() float64 { return float64(s.broadcaster.config.random32()) / (1 << 32) },
	})
	for _, l := range s.rendition.lanes {
		t.lanes = append(t.lanes, &laneReports{lane: l})
	}
	t.timer = s.broadcaster.loop.NewTimer(t.due)
	t.more = s.broadcaster.loop.NewTimer(t.sendLot)
	t.greeting = s.broadcaster.loop.NewTimer(t.greet)
	return t
}

// start begins to send reports.
func (t *senderReports) start() { t.timer.Set(t.interval.Next()) }

const (
	// firstBandwidth is what RTCP may have until a stream's rate is known, in octets per
	// second: its share of 1 Mbit/s.
	firstBandwidth = rtcp.BandwidthShare * 1e6 / 8
	// reportBytes is about how long a report is, IP and UDP headers included.
	reportBytes = 120
	// largeGroup is from how many readers on they are told soon when there are twice as
	// many: else all that came meanwhile would report as if they were few.
	largeGroup = 50
	soon       = time.Second
)

// due is called when the interval is over.
func (t *senderReports) due() {
	now := t.stream.broadcaster.loop.Now()
	t.interval.SetMembers(now, t.stream.Readers()+1, 1)
	if t.interval.Expire(now) || t.early {
		t.early = false
		t.send()
	}
	t.timer.Set(t.interval.Next())
}

// joined is called when a reader of a lane has come, over UDP or TCP: the other one is nil. It is sent a
// report in the next turn, after the answer to what it has asked: it need not wait an interval to know the age of what it
// sees (RFC 3550, section 6.2, allows it), and how often to report itself.
func (t *senderReports) joined(in *lane, overUDP *fanout.Reader, overTCP *tcpfan.Reader) {
	l := t.of(in)
	if overUDP != nil {
		l.udpNewcomers = addNewcomer(l.udpNewcomers, overUDP)
	}
	if overTCP != nil {
		l.tcpNewcomers = addNewcomer(l.tcpNewcomers, overTCP)
	}
	t.someoneJoined()
}

// addNewcomer adds a newcomer, and drops those who have left before the list grows: before the first frame nobody else
// takes them out.
func addNewcomer[R interface{ Gone() bool }](newcomers []R, r R) []R {
	if len(newcomers) == cap(newcomers) {
		newcomers = slices.DeleteFunc(newcomers, R.Gone)
	}
	return append(newcomers, r)
}

// someoneJoined has newcomers be greeted, and all be told soon if they are many.
func (t *senderReports) someoneJoined() {
	t.greetSoon()
	readers := t.stream.Readers()
	if readers < largeGroup || readers < 2*t.told {
		return
	}
	if at := t.sentAt + soon; at < t.interval.Next() {
		t.told = readers
		t.timer.Set(at)
		t.early = true
	}
}

// greetSoon has newcomers be sent a report in the next turn. Before the first frame there is
// nothing to tell.
func (t *senderReports) greetSoon() {
	for _, l := range t.lanes {
		if l.newcomers() > 0 && t.stream.figures.Frames > 0 {
			t.greeting.Set(t.stream.broadcaster.loop.Now())
		}
	}
	if len(t.private.newcomers) > 0 && t.stream.figures.Frames > 0 {
		t.greeting.Set(t.stream.broadcaster.loop.Now())
	}
}

// of is what is kept of a lane.
func (t *senderReports) of(in *lane) *laneReports {
	for _, l := range t.lanes {
		if l.lane == in {
			return l
		}
	}
	panic("cast: a lane of another stream")
}

func (l *laneReports) newcomers() int { return len(l.udpNewcomers) + len(l.tcpNewcomers) }

// greet sends some of the newcomers a report, and leaves the rest to later turns.
func (t *senderReports) greet() {
	room := reportLot
	for _, l := range t.lanes {
		if l.newcomers() > 0 && room > 0 && t.writeReport(l, t.stream.Readers()) {
			l.udpNewcomers = greetSome(l.udpNewcomers, l.packet, &room)
			l.tcpNewcomers = greetSome(l.tcpNewcomers, l.packet, &room)
		}
	}
	t.greetPrivate(&room)
	t.greetSoon()
}

// greetSome sends a report to as many of the newcomers as there is room for, and returns the rest.
func greetSome[R interface {
	Gone() bool
	SendRTCP(packet []byte)
}](newcomers []R, packet []byte, room *int) []R {
	next := 0
	for ; next < len(newcomers) && *room > 0; next++ {
		if r := newcomers[next]; !r.Gone() {
			r.SendRTCP(packet)
			*room--
		}
	}
	kept := copy(newcomers, newcomers[next:])
	clear(newcomers[kept:])
	if kept == 0 && cap(newcomers) > reportLot { // a crowd has come, as it seldom does
		return nil
	}
	return newcomers[:kept]
}

// report is a lane's report of now. The counts are those of a reader that has received all.
func (t *senderReports) report(l *laneReports) rtcp.SenderReport {
	s := t.stream
	k := s.broadcaster.loop.Kernel()
	return rtcp.SenderReport{
		SSRC: l.packets.SSRC(), Wall: k.Wall(), RTPTime: s.rendition.rtp.clock.At(k.Monotonic()),
		Packets: uint32(l.form.Packets()), Octets: uint32(l.packets.Octets()),
	}
}

// send sends a report, which also says how many readers there are.
func (t *senderReports) send() {
	s := t.stream
	now := s.broadcaster.loop.Now()
	octets := s.rendition.rtp.octets
	if elapsed := (now - t.sentAt).Seconds(); elapsed > 0 && octets > t.octets {
		t.interval.SetBandwidth(rtcp.BandwidthShare * float64(octets-t.octets) / elapsed)
	}
	t.sentAt, t.octets, t.told = now, octets, s.Readers()
	if s.figures.Frames > 0 {
		t.turn += reportStride
		for _, l := range t.lanes {
			l.round, l.done = fanout.Round{}, false
			if l.tcp.Readers() > 0 && t.writeReport(l, t.told) {
				l.tcp.SendRTCP(l.packet)
			}
		}
		t.private.round, t.private.done = sealfan.Round{}, false
		t.sendLot()
	}
	t.interval.Sent(now, reportBytes)
}

// writeReport lays a lane's report out, with how many readers there are. It returns false if it cannot be
// sealed.
func (t *senderReports) writeReport(l *laneReports, readers int) bool {
	report := t.report(l)
	t.packet = rtcp.AppendSenderReport(t.packet[:0], report, t.cname)
	t.packet = rtcp.AppendGroupSize(t.packet, report.SSRC, report.Wall, readers, reportBytes)
	return t.seal(l)
}

// seal makes of the packet what goes to the readers of a lane, if that is possible.
func (t *senderReports) seal(l *laneReports) bool {
	l.packet = l.packets.AppendRTCP(l.packet[:0], t.packet)
	return len(l.packet) > 0
}

// sendLot sends the report to some of the UDP readers, and leaves the rest to later turns of
// the loop, with a time of their own: ten thousand reports at once would have the frames
// wait.
func (t *senderReports) sendLot() {
	for _, l := range t.lanes {
		if l.done || l.udp.Readers() == 0 || !t.writeReport(l, t.told) {
			continue
		}
		if l.done = l.udp.SendRTCP(l.packet, &l.round, t.turn, reportLot); !l.done {
			t.more.Set(t.stream.broadcaster.loop.Now())
			return
		}
	}
	t.sendPrivateLot()
}

// stop ends the reports.
func (t *senderReports) stop() {
	t.timer.Stop()
	t.more.Stop()
	t.greeting.Stop()
	for _, l := range t.lanes {
		l.udpNewcomers, l.tcpNewcomers = nil, nil // nobody is greeted any more
	}
	t.private.newcomers = nil
}

// goodbye tells all readers that the stream is over: players end in order then, while
// silence would leave them hanging. It is the last report.
func (t *senderReports) goodbye(reason string) {
	t.stop()
	t.turn += reportStride
	for _, l := range t.lanes {
		if l.udp.Readers()+l.tcp.Readers() == 0 || !t.writeGoodbye(l, reason) {
			continue
		}
		l.udp.EachSocket(t.turn, func(socket *udp.Socket, to []fanout.Target) {
			t.stream.broadcaster.bidFarewell(socket, l.packet, to)
		})
		l.tcp.SendRTCP(l.packet)
	}
	t.stream.rendition.private.fan.Each(func(r *sealfan.Reader) { t.goodbyePrivate(r, reason) })
}

func (t *senderReports) writeGoodbye(l *laneReports, reason string) bool {
	t.packet = rtcp.AppendGoodbye(t.packet[:0], t.report(l), t.cname, reason)
	return t.seal(l)
}

// endedReason is what a reader is told that alone is no longer served.
const endedReason = "the session was ended"

// goodbyeTo tells one reader of a lane that it is no longer served, over UDP or TCP, whichever is not nil.
func (t *senderReports) goodbyeTo(in *lane, overUDP *fanout.Reader, overTCP *tcpfan.Reader) {
	l := t.of(in)
	if !t.writeGoodbye(l, endedReason) {
		return
	}
	if overUDP != nil {
		socket, to := overUDP.RTCPTarget()
		t.stream.broadcaster.bidFarewell(socket, l.packet, []fanout.Target{to})
	}
	if overTCP != nil {
		overTCP.SendRTCP(l.packet)
	}
}
