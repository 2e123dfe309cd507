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
)

// controlArrived is called with what came to an RTCP port. Readers are known by their
// address: players choose SSRCs that clash.
func (b *Broadcaster) controlArrived(d udp.Datagram) {
	if r := b.byControl.find(d.From); r != nil && r.observer != nil {
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
	packet   []byte
	framed   []byte // packet for the interleaved transport
	cname    string
}

func newSenderReports(s *Stream) *senderReports {
	now := s.cast.loop.Now()
	t := &senderReports{stream: s, cname: s.cast.config.newID() + "@camcast", sentAt: now}
	t.interval = rtcp.NewInterval(now, rtcp.IntervalConfig{
		Bandwidth: firstBandwidth, Sender: true, PacketBytes: reportBytes,
		Random: func() float64 { return float64(s.cast.config.random32()) / (1 << 32) },
	})
	t.timer = s.cast.loop.NewTimer(t.due)
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

// joined is called when a reader has come.
func (t *senderReports) joined() {
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
		report := t.report()
		t.packet = rtcp.AppendSenderReport(t.packet[:0], report, t.cname)
		t.packet = rtcp.AppendGroupSize(t.packet, s.ssrc, report.Wall, t.told, reportBytes)
		t.toAll()
	}
	t.interval.Sent(now, reportBytes)
}

// goodbye tells everybody that the stream is over: players end in order then, while
// silence would leave them hanging.
func (t *senderReports) goodbye(reason string) {
	t.timer.Stop()
	t.packet = rtcp.AppendGoodbye(t.packet[:0], t.report(), t.cname, reason)
	t.toAll()
}

// toAll sends the packet to all readers, the first one a different one each time: those
// whom a full socket leaves out get the next one.
func (t *senderReports) toAll() {
	s := t.stream
	t.turn += reportStride
	for _, g := range s.audience.groups {
		first := int(t.turn % uint64(max(len(g.readers), 1)))
		_, _ = g.control.SendEach(t.packet, len(g.readers), func(i int) (netip.AddrPort, netip.Addr) {
			i = (first + i) % len(g.readers)
			return g.readers[i].controlAddress(), g.fan.Source(i)
		})
	}
	for _, r := range s.tcp {
		header := interleavedHeader(r.owner.route.transport.RTCPChannel, len(t.packet))
		t.framed = append(append(t.framed[:0], header[:]...), t.packet...)
		// In one piece: half of it in a full queue would end the framing. That the
		// connection has failed is found by the next frame.
		_ = r.conn.Write(t.framed)
	}
}
