package cast

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtcp"
)

const (
	// senderReportInterval is RFC 3550's minimum (section 6.2).
	senderReportInterval = 5 * time.Second
	// feedbackInterval is how often a reader's reports are read. Players that ignore
	// the interval send several a second; each is a sign of life, few are news.
	feedbackInterval = 500 * time.Millisecond
	// reportStride is how much further round the readers each report begins: a prime, so
	// that every place comes first in its turn.
	reportStride = 7919
)

// controlArrived is called with what came to an RTCP port. Readers are known by their
// address: players choose SSRCs that clash.
func (b *Broadcaster) controlArrived(d udp.Datagram) {
	if r := b.byControl.find(d.From); r != nil && r.observer != nil {
		r.observer.Control(d.Payload)
	}
}

// feedback takes RTCP from a reader. What is not RTCP is dropped without a word:
// players punch holes with junk.
func (r *Reader) feedback(packet []byte) {
	now := r.stream.cast.loop.Now()
	if now < r.nextReport {
		return
	}
	r.nextReport = now + feedbackInterval
	// Parsing stops at the first thing that is not RTCP; what came before it counts.
	_ = rtcp.Parse(packet, rtcp.Visitor{
		Report: func(report rtcp.ReceptionReport) {
			if report.SSRC == r.stream.ssrc {
				r.report = report
				r.reports++
				if r.udp != nil {
					r.udp.reported(report)
				}
			}
		},
	})
}

// senderReports tells a stream's readers, every few seconds, what time of day its
// timestamps mean (RFC 3550, section 6.4.1).
type senderReports struct {
	stream *Stream
	timer  *loop.Timer
	turn   uint64
	packet []byte
	framed []byte // packet for the interleaved transport
	cname  string
}

func newSenderReports(s *Stream) *senderReports {
	t := &senderReports{stream: s, cname: s.cast.config.newID() + "@camcast"}
	t.timer = s.cast.loop.NewTimer(t.send)
	t.timer.SetAfter(senderReportInterval / 2) // the first one sooner (section 6.2)
	return t
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

func (t *senderReports) send() {
	t.timer.SetAfter(senderReportInterval)
	if t.stream.figures.Frames == 0 {
		return
	}
	t.packet = rtcp.AppendSenderReport(t.packet[:0], t.report(), t.cname)
	t.toAll()
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
