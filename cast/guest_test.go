package cast_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// guest is a reader of any kind that does what it does without anybody turning the loop for it:
// it asks when it is told to, and goes on when the answer comes.
type guest struct {
	w        *world
	how      way
	ip       netip.Addr
	server   netip.Addr
	port     uint16 // of RTP
	stream   *cast.Stream
	film     *film
	sink     sink
	state    guestState
	rtsp     rtspGuest
	rtp      *sim.UDPPeer // nil over TCP
	rtcp     *sim.UDPPeer // nil if it is the same
	client   *join.Client
	reader   *cast.UDPReader
	feedback cast.Feedback
	fixed    *cast.Session
	keyed    *keyed // nil: it has no keys of its own
	stats    rtcp.Reception
	ssrc     uint32
	// lies is how many packets it reports as lost that have come, told how many it has.
	lies, told int64
	// heir: it has the address of one before it, whose session it may go on with.
	heir bool
	// since is the last frame that was made before it began to play, and began when that was.
	since uint32
	began time.Duration
}

// way is how a guest watches.
type way uint8

const (
	overUDP   way = iota // RTSP
	overTCP              // RTSP
	byJoining            // camcast://
	byProgram            // Stream.Join
	bySending            // Stream.SendTo
	ways
	byKeys = ways // Session.PlayPrivate, as by WebRTC, of H.264 alone
)

func (w way) String() string {
	return [...]string{"RTSP/UDP", "RTSP/TCP", "join", "Stream.Join", "Stream.SendTo", "WebRTC"}[w]
}

// guestState is how far a guest has come.
type guestState uint8

const (
	isOutside guestState = iota
	isAsking
	isPlaying
	hasPaused
	wasRefused
	hasLeft
)

// newGuest makes one that will watch a stream whose frames are a film's.
func (w *world) newGuest(how way, ip string, s *cast.Stream, f *film) *guest {
	g := &guest{w: w, how: how, ip: netip.MustParseAddr(ip), server: serverAddr, port: w.ports, stream: s, film: f}
	w.ports += 2
	if g.ip.Is6() {
		g.server = server6Addr
	}
	g.reset()
	return g
}

// reset has it begin anew.
func (g *guest) reset() {
	format := g.film.params.Format
	g.sink = sink{grouped: format.Dependent() || format == cast.Grouped, nal: format == media.H264, wrong: g.wrong, lossless: true, loose: g.repeats()}
	g.stats = rtcp.Reception{}
	g.ssrc, g.state = 0, isOutside
}

func (g *guest) wrong(format string, values ...any) {
	g.w.t.Errorf("%v at %v (%v), at %v: %s", g.how, g.ip, g.port, g.w.k.Monotonic()-sim.Start, fmt.Sprintf(format, values...))
}

// begin has the guest ask for the stream.
func (g *guest) begin() {
	g.state = isAsking
	switch g.how {
	case overUDP, overTCP:
		g.connect()
	case byJoining:
		g.listen()
		g.client = join.NewClient(g.stream.Name(), 5, join.Nonce{byte(g.port), byte(g.port >> 8), 1})
		g.send(g.client.Start(g.w.k.Monotonic(), nil))
	case byProgram:
		g.listen()
		var err error
		if g.reader, err = g.stream.Join(cast.Address{RTP: g.at(), RTCP: netip.AddrPortFrom(g.ip, g.port+1)}, g); err != nil {
			g.state = wasRefused
			return
		}
		g.plays()
	case bySending:
		g.listen()
		var err error
		if g.fixed, err = g.stream.SendTo(cast.Destination{Peer: g.at()}); err != nil {
			g.state = wasRefused
			return
		}
		g.plays()
	case byKeys:
		g.playByKeys()
	}
}

func (g *guest) at() netip.AddrPort { return netip.AddrPortFrom(g.ip, g.port) }

// plays notes that frames are to come from now on. What has come before was sent to a guest who
// had been at its address, or to itself, for an answer may be lost and the request be made again.
func (g *guest) plays() {
	if g.heir = g.heir || g.state == isAsking && g.sink.packets > 0; g.heir && g.state == isAsking {
		g.sink.numbers, g.sink.broken = nil, true
	}
	if g.how == byJoining || g.heir && !near.prefix().Contains(g.ip) {
		g.sink.over = false // the goodbye was said, or on its way, before
	}
	g.state, g.since, g.began = isPlaying, g.film.number, g.w.k.Monotonic()
}

// listen opens the guest's UDP ports.
func (g *guest) listen() {
	if g.rtp != nil {
		return
	}
	var err error
	g.rtp, err = g.w.k.NewUDPPeer(g.at())
	g.w.must(err)
	if g.how != byJoining && g.how != byKeys {
		g.rtcp, err = g.w.k.NewUDPPeer(netip.AddrPortFrom(g.ip, g.port+1))
		g.w.must(err)
	}
	g.rebind()
}

// rebind has what comes to the ports of another guest come to this one.
func (g *guest) rebind() {
	g.rtp.OnReceive(func(d sim.Datagram) { g.arrived(d.Payload) })
	if g.rtcp != nil {
		g.rtcp.OnReceive(func(d sim.Datagram) { g.arrived(d.Payload) })
	}
}

// arrived takes what has come by UDP, or by interleaving.
func (g *guest) arrived(p []byte) {
	now := g.w.k.Monotonic()
	if g.keyed != nil {
		if p = g.keyed.open(g, p); p == nil {
			return
		}
	}
	switch {
	case len(p) >= 12 && (p[1] < 192 || p[1] > 223):
		g.ssrc = binary.BigEndian.Uint32(p[8:])
		g.stats.Packet(now, binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:]))
		g.sink.packet(p)
	case join.Is(p):
		g.answered(p)
	default:
		if err := rtcp.Parse(p, rtcp.Visitor{
			Sender: func(_ rtcp.SenderReport, ntp uint64) { g.stats.SenderReport(now, ntp) },
			Bye:    func(uint32) { g.sink.over = g.state != hasLeft && !g.repeats() },
		}); err != nil {
			g.wrong("%v", err)
		}
	}
}

// repeats reports whether a request of the guest may come to the broadcaster late and be the
// second of its kind, so that it is sent frames again after all was over.
func (g *guest) repeats() bool { return g.how == byJoining && !near.prefix().Contains(g.ip) }

// answered takes an answer of package join.
func (g *guest) answered(p []byte) {
	if g.state != isAsking {
		return
	}
	out, err := g.client.Receive(g.w.k.Monotonic(), p, nil)
	g.send(out)
	switch {
	case err != nil:
		g.state = wasRefused
	case g.client.Accepted() != nil:
		g.plays()
	}
}

// remind asks again, if no answer has come.
func (g *guest) remind() {
	if g.how != byJoining || g.state != isAsking {
		return
	}
	if next, waits := g.client.Next(); waits && next <= g.w.k.Monotonic() {
		out, err := g.client.Expire(g.w.k.Monotonic(), nil)
		if g.send(out); err != nil && g.state == isAsking {
			g.state = wasRefused
		}
	}
}

// send sends a datagram to the port that is listened to for it.
func (g *guest) send(p []byte) {
	if len(p) == 0 {
		return
	}
	if g.keyed != nil {
		p = g.keyed.seal(g, p)
	}
	if g.how == byJoining || g.how == byKeys {
		g.w.must(g.rtp.Send(netip.AddrPortFrom(g.server, 5004), p))
	} else {
		g.w.must(g.rtcp.Send(netip.AddrPortFrom(g.server, 5005), p))
	}
}

// report sends a receiver report.
func (g *guest) report() {
	if g.ssrc == 0 {
		return
	}
	r := g.stats.Report(g.w.k.Monotonic(), 5, g.ssrc)
	if r.CumulativeLost += int32(g.lies); g.lies > g.told {
		r.FractionLost = uint8(min(g.lies-g.told, 255))
	}
	g.told = g.lies
	p := rtcp.AppendReceiverReport(nil, r, "guest")
	if g.keyed != nil {
		p = g.keyed.appendNACKs(p, g.ssrc)
	}
	if g.how != overTCP {
		g.send(p)
	} else if _, err := g.rtsp.conn.Write(append([]byte{'$', 1, 0, byte(len(p))}, p...)); err != nil {
		return // the server has closed the connection
	}
}

// reportEvery has a guest report every so often, whether or not the loop turns.
func (g *guest) reportEvery(first, interval time.Duration) {
	var report func()
	report = func() {
		if g.state == isPlaying {
			g.report()
			g.w.k.After(interval, report)
		}
	}
	g.w.k.After(first, report)
}

// RTCP and Lost make the guest the observer of its own cast.UDPReader.
func (g *guest) RTCP(p []byte) { g.feedback.Take(g.reader, p) }

func (g *guest) Lost(error) { g.reader.Leave() }

// leave has it leave in order. Somebody else ends what is sent to a fixed destination.
func (g *guest) leave() {
	if g.state == hasLeft || g.state == isOutside {
		return
	}
	switch g.how {
	case overUDP, overTCP:
		g.ask("TEARDOWN", "")
	case byJoining, byKeys:
		g.send(rtcp.AppendReceiverGoodbye(nil, g.stats.Report(g.w.k.Monotonic(), 5, g.ssrc), "guest"))
	case byProgram:
		if g.reader != nil {
			g.reader.Leave()
		}
	case bySending:
		if g.fixed != nil {
			g.fixed.End("no longer wanted")
		}
	}
	g.state, g.sink.over = hasLeft, false
}

// session is the guest's, nil if it has none.
func (g *guest) session() *cast.Session {
	if g.fixed != nil && g.fixed.Playing() {
		return g.fixed
	}
	for s := range g.w.b.Sessions() {
		if s.Stream() == g.stream && s.Playing() && (g.rtp != nil && s.Peer() == g.at() || g.rtsp.conn != nil && s.Peer() == g.rtsp.conn.Addr()) {
			return s
		}
	}
	return nil
}
