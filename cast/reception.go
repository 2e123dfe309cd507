package cast

import (
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
)

// reportsInterval is how often a reader's reports are read. Players that ignore the
// interval send several a second; each is a sign of life, few are news.
const reportsInterval = 500 * time.Millisecond

// reception is what a reader has reported.
type reception struct {
	last      rtcp.ReceptionReport
	reports   uint64
	at        time.Duration // of the last report
	next      time.Duration // reports before that are not read
	roundTrip time.Duration
	timed     bool // roundTrip is known
}

// take reads RTCP from a reader of a stream, which is sent packets of an SSRC. udp is the reader if it is
// sent RTP over UDP, else nil. What is not RTCP is dropped silently: players punch holes with junk.
func (f *reception) take(s *Stream, ssrc uint32, udp *fanout.Reader, packet []byte) {
	b := s.broadcaster
	now := b.loop.Now()
	if now < f.next {
		f.takeRequests(s, udp, packet)
		return
	}
	f.next = now + reportsInterval
	// Parsing refuses the whole if any of it is no RTCP.
	_ = rtcp.Parse(packet, rtcp.Visitor{Report: func(report rtcp.ReceptionReport) {
		if report.SSRC != ssrc {
			return
		}
		f.note(b, report)
		if udp != nil {
			udp.Reported(report)
		}
	}})
	f.takeRequests(s, udp, packet)
}

// note notes a report.
func (f *reception) note(b *Broadcaster, report rtcp.ReceptionReport) {
	f.last, f.at = report, b.loop.Now()
	f.reports++
	if d, ok := report.RoundTrip(b.loop.Kernel().Wall()); ok && !b.lateRTCP {
		f.roundTrip, f.timed = d, true
	}
}

// takeRequests reads whether a reader wants a key frame, as it has lost a picture: where frames
// depend on each other. A reader that is thinned asks again and again, and is not listened to.
func (f *reception) takeRequests(s *Stream, udp *fanout.Reader, packet []byte) {
	if s.params == nil || !s.params.Format.Dependent() || udp != nil && udp.Thinned() {
		return
	}
	_ = rtcp.Parse(packet, rtcp.Visitor{KeyFrame: func(ssrc uint32) {
		if ssrc == s.rendition.rtp.ssrc {
			s.rendition.keys.request()
		}
	}})
}

func (f *reception) jitter() time.Duration {
	return time.Duration(f.last.Jitter) * time.Second / rtp.ClockHz
}

// ReaderFigures is what is known of one reader, by its own reports (RFC 3550, section
// 6.4.1) and by what it was sent.
type ReaderFigures struct {
	// Peer is where the reader is, User who it is ("": nobody knows), and Transport how frames go to
	// it; Secure, if it has asked on an encrypted connection.
	Peer      netip.AddrPort
	User      string
	Transport Transport
	Secure    bool
	// Watched is how long ago it began to watch.
	Watched time.Duration
	// Frames is how many it was sent, and Lags how many it has missed because sending
	// was behind.
	Frames, Lags uint64
	// Reports is how many of its reports were read; the rest is of the last one, and
	// Age how long ago that came. Of a reader that reports often not all are read.
	Reports uint64
	Age     time.Duration
	// FractionLost is the share of packets lost between the last two reports, 0 to 1.
	// CumulativeLost is how many were lost since the beginning; duplicates make it less,
	// and even negative. What a thinned reader was not sent is among them in both, and
	// Withheld is how many packets of CumulativeLost that is.
	FractionLost   float64
	CumulativeLost int32
	Withheld       int
	// HighestSequence is the highest sequence number received, with its wraps, as the
	// player counts them.
	HighestSequence uint32
	// Jitter is how much the packets' travel time varies.
	Jitter time.Duration
	// RoundTrip is how long a packet takes there and back, if RoundTripKnown: the player
	// has answered a sender report.
	RoundTrip      time.Duration
	RoundTripKnown bool
}

func (f *reception) figures(now time.Duration) ReaderFigures {
	figures := ReaderFigures{
		Reports: f.reports, FractionLost: float64(f.last.FractionLost) / 256, CumulativeLost: f.last.CumulativeLost,
		HighestSequence: f.last.HighestSequence, Jitter: f.jitter(), RoundTrip: f.roundTrip, RoundTripKnown: f.timed,
	}
	if f.reports > 0 {
		figures.Age = now - f.at
	}
	return figures
}

// MeanLoss is the mean of the shares of packets that readers of the stream and of its other renditions have reported as lost
// last, 0 to 1 (ReaderFigures.FractionLost); known is false if no reader that plays has reported.
func (s *Stream) MeanLoss() (share float64, known bool) {
	sum, n := 0, 0
	for _, r := range s.Renditions() {
		for _, session := range r.sessions {
			if session.state == playing && session.reception.reports > 0 {
				sum += int(session.reception.last.FractionLost)
				n++
			}
		}
	}
	return float64(sum) / 256 / float64(max(n, 1)), n > 0
}
