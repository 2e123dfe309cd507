package cast

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtcp"
)

const (
	// controlLimit is how many datagrams of RTCP are read in a second: what ten thousand
	// readers send who keep to the interval, several times over.
	controlLimit = 5000
	// reportStride is how much further round the readers each report begins: a prime, so
	// that every place comes first in its turn.
	reportStride = 7919
	// reportLot is how many readers are sent a report in one turn of the loop: about a
	// millisecond of sending.
	reportLot = 256
)

// controlArrived is called with what came to an RTCP port. Readers are known by their
// address: players choose SSRCs that clash.
func (b *Broadcaster) controlArrived(d udp.Datagram) {
	if r := b.byControl.find(d.From); r != nil && r.observer != nil {
		r.rest(false)
		b.lateControl = d.Late
		r.observer.Control(d.Payload)
		b.lateControl = false
	}
}

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
	// more goes on with the report in hand, which is at a place in a group.
	more         *loop.Timer
	group, place int
	// newcomers are to be sent a report of their own, by greeting.
	newcomers []newcomer
	greeting  *loop.Timer
	packet    []byte
	framed    []byte // packet for the interleaved transport
	cname     string
}

// newcomer is a reader who has just come, over UDP or TCP.
type newcomer struct {
	udp *UDPReader
	tcp *tcpReader
}

func newSenderReports(s *Stream) *senderReports {
	now := s.cast.loop.Now()
	t := &senderReports{stream: s, cname: s.cast.config.newID() + "@camcast", sentAt: now}
	t.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
		Bandwidth: firstBandwidth, Sender: true, PacketBytes: reportBytes,
		Random: func() float64 { return float64(s.cast.config.random32()) / (1 << 32) },
	})
	t.timer = s.cast.loop.NewTimer(t.due)
	t.more = s.cast.loop.NewTimer(t.sendLot)
	t.greeting = s.cast.loop.NewTimer(t.greet)
	t.timer.Set(t.interval.Next())
	return t
}

const (
	// firstBandwidth is what RTCP may have until a stream's rate is known, in octets per
	// second: its share of 1 Mbit/s.
	firstBandwidth = rtcp.BandwidthShare * 1e6 / 8
	// reportBytes is about how long a report is, IP and UDP headers included.
	reportBytes = 120
	// largeGroup is from how many readers on they are told soon when there are twice as
	// many: else all who came meanwhile would report as if they were few.
	largeGroup = 50
	soon       = time.Second
)

// due is called when the interval is over.
func (t *senderReports) due() {
	now := t.stream.cast.loop.Now()
	t.interval.SetMembers(now, t.stream.Readers()+1, 1)
	if t.interval.Expire(now) || t.early {
		t.early = false
		t.send()
	}
	t.timer.Set(t.interval.Next())
}

// joined is called when a reader has come. It is sent a report in the next turn, after the
// answer to what it has asked: it need not wait an interval to know the age of what it
// sees (RFC 3550, section 6.2, allows it), and how often to report itself.
func (t *senderReports) joined(n newcomer) {
	t.newcomers = append(t.newcomers, n)
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
	if len(t.newcomers) > 0 && t.stream.figures.Frames > 0 {
		t.greeting.Set(t.stream.cast.loop.Now())
	}
}

// greet sends some of the newcomers a report, and leaves the rest to later turns.
func (t *senderReports) greet() {
	t.writeReport(t.stream.Readers())
	next := 0
	for room := reportLot; next < len(t.newcomers) && room > 0; next++ {
		switch n := t.newcomers[next]; {
		case n.udp != nil && !n.udp.gone:
			n.udp.sendControl(t.packet)
			room--
		case n.tcp != nil && !n.tcp.gone:
			t.toConnection(n.tcp)
			room--
		}
	}
	kept := copy(t.newcomers, t.newcomers[next:])
	clear(t.newcomers[kept:])
	t.newcomers = t.newcomers[:kept]
	if kept == 0 && cap(t.newcomers) > reportLot { // a crowd has come, as it seldom does
		t.newcomers = nil
	}
	t.greetSoon()
}

// sendControl sends RTCP to the reader. Like any, it may be lost.
func (r *UDPReader) sendControl(packet []byte) {
	_, _ = r.group.control.SendEach(packet, 1, func(int) (netip.AddrPort, netip.Addr) {
		return r.controlAddress(), r.group.fan.Source(int(r.place))
	})
}

// report is what is said now. The counts are those of one reader who has heard all.
func (t *senderReports) report() rtcp.SenderReport {
	s := t.stream
	k := s.cast.loop.Kernel()
	return rtcp.SenderReport{
		SSRC: s.ssrc, Wall: k.Wall(), RTPTime: s.clock.At(k.Monotonic()),
		Packets: uint32(s.packetsMade), Octets: uint32(s.octetsMade),
	}
}

// send sends a report, which also says how many readers there are.
func (t *senderReports) send() {
	s := t.stream
	now := s.cast.loop.Now()
	if elapsed := (now - t.sentAt).Seconds(); elapsed > 0 && s.octetsMade > t.octets {
		t.interval.SetBandwidth(rtcp.BandwidthShare * float64(s.octetsMade-t.octets) / elapsed)
	}
	t.sentAt, t.octets, t.told = now, s.octetsMade, s.Readers()
	if s.figures.Frames > 0 {
		t.turn += reportStride
		t.group, t.place = 0, 0
		t.writeReport(t.told)
		t.toTCP()
		t.sendLot()
	}
	t.interval.Sent(now, reportBytes)
}

// writeReport lays the report out, with how many readers there are.
func (t *senderReports) writeReport(readers int) {
	report := t.report()
	t.packet = rtcp.AppendSenderReport(t.packet[:0], report, t.cname)
	t.packet = rtcp.AppendGroupSize(t.packet, t.stream.ssrc, report.Wall, readers, reportBytes)
}

// sendLot sends the report to some of the UDP readers, and leaves the rest to later turns of
// the loop, with a time of their own: ten thousand reports at once would have the frames
// wait. Who comes or goes meanwhile may get two, or none but the next.
func (t *senderReports) sendLot() {
	groups := t.stream.groups
	t.writeReport(t.told)
	for room := reportLot; t.group < len(groups); t.group, t.place = t.group+1, 0 {
		count := max(min(room, len(groups[t.group].readers)-t.place), 0)
		t.toGroup(groups[t.group], t.place, count)
		room -= count
		if t.place += count; t.place < len(groups[t.group].readers) {
			t.more.Set(t.stream.cast.loop.Now())
			return
		}
	}
}

// goodbye tells everybody that the stream is over: players end in order then, while
// silence would leave them hanging.
func (t *senderReports) goodbye(reason string) {
	t.timer.Stop()
	t.more.Stop()
	t.greeting.Stop()
	t.packet = rtcp.AppendGoodbye(t.packet[:0], t.report(), t.cname, reason)
	t.turn += reportStride
	for _, g := range t.stream.groups {
		t.toGroup(g, 0, len(g.readers))
	}
	t.toTCP()
}

// toGroup sends the packet to count of a group's readers, the first one a different one each
// time: those whom a full socket leaves out get the next one.
func (t *senderReports) toGroup(g *group, from, count int) {
	from += int(t.turn % uint64(max(len(g.readers), 1)))
	_, _ = g.control.SendEach(t.packet, count, func(i int) (netip.AddrPort, netip.Addr) {
		i = (from + i) % len(g.readers)
		return g.readers[i].controlAddress(), g.fan.Source(i)
	})
}

// toTCP sends the packet to the readers on RTSP connections.
func (t *senderReports) toTCP() {
	for _, r := range t.stream.tcp {
		t.toConnection(r)
	}
}

// toConnection sends the packet to one of them.
func (t *senderReports) toConnection(r *tcpReader) {
	header := interleavedHeader(r.owner.route.transport.RTCPChannel, len(t.packet))
	t.framed = append(append(t.framed[:0], header[:]...), t.packet...)
	// In one piece: half of it in a full queue would end the framing. That the
	// connection has failed is found by the next frame.
	_ = r.conn.Write(t.framed)
}
