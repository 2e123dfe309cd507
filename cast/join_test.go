package cast_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/rtp"
)

var rtpAddr = netip.AddrPortFrom(serverAddr, 5004)

// joiner is a reader with one port.
type joiner struct {
	w       *world
	peer    *sim.UDPPeer
	server  netip.AddrPort
	client  *join.Client
	err     error
	frames  int
	reports int
	byes    int
	cookie  join.Cookie // the last one
	stats   rtcp.Reception
	blind   bool // it looks at no pictures
	depack  rtp.JPEGDepacketizer
}

// joins has a reader ask for a stream.
func (w *world) joins(address, stream string) *joiner {
	w.t.Helper()
	return w.joinsAt(address, rtpAddr, stream)
}

// joinsAt has it ask at an address of the server's.
func (w *world) joinsAt(address string, server netip.AddrPort, stream string) *joiner {
	w.t.Helper()
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort(address))
	if err != nil {
		w.t.Fatal(err)
	}
	j := &joiner{w: w, peer: peer, server: server, client: join.NewClient(stream, 5, join.Nonce{1}), stats: rtcp.Reception{}}
	peer.OnReceive(j.receive)
	j.send(j.client.Start(w.l.Now(), nil))
	return j
}

func (j *joiner) send(packet []byte) {
	if len(packet) > 0 {
		if err := j.peer.Send(j.server, packet); err != nil {
			j.w.t.Fatal(err)
		}
	}
}

func (j *joiner) receive(d sim.Datagram) {
	now := j.w.k.Monotonic()
	if d.From != j.server {
		j.w.t.Errorf("%v hears from %v, and has asked %v", j.peer.Addr(), d.From, j.server)
	}
	switch {
	case d.Payload[1] < 192 || d.Payload[1] > 223:
		j.stats.Packet(now, binary.BigEndian.Uint16(d.Payload[2:]), binary.BigEndian.Uint32(d.Payload[4:]))
		if j.blind {
			return
		}
		if _, whole, err := j.depack.Push(d.Payload); err != nil {
			j.w.t.Error(err)
		} else if whole {
			j.frames++
		}
	case join.Is(d.Payload):
		if a, err := join.ParseAnswer(d.Payload); err == nil && a.Challenge != nil {
			j.cookie = *a.Challenge
		}
		out, err := j.client.Receive(now, d.Payload, nil)
		j.err = errors.Join(j.err, err)
		j.send(out)
	default:
		err := rtcp.Parse(d.Payload, rtcp.Visitor{
			Sender: func(_ rtcp.SenderReport, ntp uint64) { j.reports++; j.stats.SenderReport(now, ntp) },
			Bye:    func(uint32) { j.byes++ },
		})
		if err != nil {
			j.w.t.Error(err)
		}
	}
}

func (j *joiner) report() {
	j.send(rtcp.AppendReceiverReport(nil, j.stats.Report(j.w.k.Monotonic(), 5, j.client.Accepted().SSRC), "reader"))
}

func TestJoin(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		// What is sent to the readers takes time; the way back takes none.
		w.k.SetLink(netip.MustParsePrefix("10.0.1.0/24"), sim.Link{Delay: 20 * time.Millisecond})
		byName, only := w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "")
		overRTSP := w.watch("10.0.2.1", false)
		w.run(4 * time.Second)
		for _, j := range []*joiner{byName, only} {
			a := j.client.Accepted()
			if a == nil || j.err != nil {
				t.Fatalf("not accepted: %v", j.err)
			}
			want := join.Stream{Name: "cam", Width: 640, Height: 480, MilliFPS: 30000, PayloadType: 26, ClockHz: 90000}
			if a.Stream != want || a.Timeout != time.Minute || a.Readers == 0 {
				t.Errorf("%+v", a)
			}
			if j.frames < 110 || j.depack.Dropped > 0 || j.stats.Lost() != 0 {
				t.Errorf("%d frames, %d dropped, %d packets lost", j.frames, j.depack.Dropped, j.stats.Lost())
			}
			if j.reports == 0 {
				t.Error("no sender report came to the one port")
			}
			j.report()
		}
		overRTSP.row(100)
		w.run(100 * time.Millisecond)
		known := w.figures()
		if len(known) != 3 || w.b.Readers() != 3 {
			t.Fatalf("%d readers, %+v", w.b.Readers(), known)
		}
		for _, f := range known {
			if f.Peer.Port() != 7000 {
				continue
			}
			if f.Reports != 1 || f.CumulativeLost != 0 || !f.RoundTripKnown || f.RoundTrip < 19*time.Millisecond || f.RoundTrip > 25*time.Millisecond {
				t.Errorf("%+v", f)
			}
		}
		// A goodbye ends it, with the frame in hand.
		byName.send(rtcp.AppendReceiverGoodbye(nil, byName.stats.Report(0, 5, 9), "reader"))
		w.run(200 * time.Millisecond)
		frames := byName.frames
		w.run(time.Second)
		if byName.frames != frames || w.b.Readers() != 2 {
			t.Errorf("after its goodbye a reader gets %d frames; %d readers", byName.frames-frames, w.b.Readers())
		}
		// The others are told that the broadcaster leaves.
		w.b.Leave(func() {})
		w.run(100 * time.Millisecond)
		if only.byes != 1 || byName.byes != 0 {
			t.Errorf("%d and %d goodbyes, want 1 and 0", only.byes, byName.byes)
		}
	}
}

func TestJoinOverALossyNetwork(t *testing.T) {
	t.Parallel()
	for seed := range uint64(few(300)) {
		w := newWorld(t, seed, nil)
		w.k.SetLink(netip.MustParsePrefix("10.0.1.0/24"), sim.Link{Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.2, Duplicate: 0.2})
		j := w.joins("10.0.1.1:7000", "cam")
		for range 100 {
			w.run(100 * time.Millisecond)
			if j.client.Accepted() != nil && j.frames > 0 {
				break
			}
			if next, waiting := j.client.Next(); waiting && next <= w.k.Monotonic() {
				out, err := j.client.Expire(w.k.Monotonic(), nil)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				j.send(out)
			}
		}
		if j.client.Accepted() == nil || j.frames == 0 || w.b.Readers() != 1 {
			t.Fatalf("seed %d: %v, accepted %v, %d frames, %d readers", seed, j.err, j.client.Accepted(), j.frames, w.b.Readers())
		}
	}
}

func TestSilentJoinerIsForgotten(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 8 * time.Second })
	silent, alive := w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "cam")
	for range 12 {
		w.run(time.Second)
		alive.report()
	}
	if w.b.Readers() != 1 || silent.frames > 11*framesPerSecond || alive.frames < 11*framesPerSecond {
		t.Errorf("%d readers; the silent one got %d frames, the other %d", w.b.Readers(), silent.frames, alive.frames)
	}
}

func TestJoinRefusals(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.MaxReaders = 2 })
	first, other := w.joins("10.0.1.1:7000", "cam"), w.joins("10.0.1.2:7000", "nonesuch")
	w.watch("10.0.2.1", false)
	w.run(time.Second)
	third := w.joins("10.0.1.3:7000", "cam")
	w.run(time.Second)
	for j, want := range map[*joiner]join.Reason{other: join.NoSuchStream, third: join.Full} {
		if refused := (*join.RefusedError)(nil); !errors.As(j.err, &refused) || refused.Reason != want || j.frames > 0 {
			t.Errorf("%v, %d frames; want reason %d", j.err, j.frames, want)
		}
	}
	if first.frames < 55 || first.depack.Dropped > 0 {
		t.Errorf("the first one got %d frames, %d dropped", first.frames, first.depack.Dropped)
	}
	// One that asks again is the same reader, and may watch something else.
	again, err := w.b.AddStream("two", newCamera(t, w.k), cast.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first.client = join.NewClient("two", 5, join.Nonce{2})
	first.send(first.client.Start(w.l.Now(), nil))
	w.run(time.Second)
	if first.client.Accepted() == nil || again.Readers() != 1 || w.b.Readers() != 2 {
		t.Errorf("accepted: %v; %d readers of the second stream, %d in all", first.client.Accepted(), again.Readers(), w.b.Readers())
	}
}

func TestListOfStreams(t *testing.T) {
	w := newWorld(t, 1, nil)
	if _, err := w.b.AddStream("two", newCamera(t, w.k), cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	j := w.joins("10.0.1.1:7000", "cam")
	j.client = join.NewListClient(5, join.Nonce{3})
	j.send(j.client.Start(0, nil))
	w.run(time.Second)
	streams, complete := j.client.Streams()
	if !complete || len(streams) != 2 || streams[0].Name != "cam" || streams[1].Name != "two" || streams[1].MilliFPS != 30000 {
		t.Errorf("%+v, complete is %v", streams, complete)
	}
}

// TestCookiesOfOthers replays a cookie where it was not made for.
func TestCookiesOfOthers(t *testing.T) {
	w := newWorld(t, 1, nil)
	var cookie join.Cookie
	owner, thief := netip.MustParseAddrPort("10.0.1.1:7000"), netip.MustParseAddrPort("10.0.9.9:7000")
	ask := func(from netip.AddrPort, r join.Request) (answers []join.Answer, rtp int) {
		peer, err := w.k.NewUDPPeer(from)
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		peer.OnReceive(func(d sim.Datagram) {
			if a, err := join.ParseAnswer(d.Payload); err == nil {
				answers = append(answers, a)
			} else {
				rtp++
			}
		})
		if err := peer.Send(rtpAddr, join.AppendRequest(nil, r)); err != nil {
			t.Fatal(err)
		}
		w.run(200 * time.Millisecond)
		return answers, rtp
	}
	request := join.Request{SSRC: 5, Nonce: join.Nonce{7}, Stream: []byte("cam")}
	answers, _ := ask(owner, request)
	if len(answers) != 1 || answers[0].Challenge == nil {
		t.Fatalf("%+v", answers)
	}
	cookie = *answers[0].Challenge
	with := func(stream string) join.Request {
		r := request
		r.Cookie, r.Stream = cookie, []byte(stream)
		return r
	}
	for name, try := range map[string]struct {
		from   netip.AddrPort
		stream string
	}{"another address": {thief, "cam"}, "another port": {netip.MustParseAddrPort("10.0.1.1:7001"), "cam"}, "another stream": {owner, ""}} {
		answers, packets := ask(try.from, with(try.stream))
		if len(answers) != 1 || answers[0].Challenge == nil || packets > 0 || w.b.Readers() != 0 {
			t.Errorf("%s: %+v, %d packets, %d readers", name, answers, packets, w.b.Readers())
		}
	}
	for range 3 { // a replay where it belongs is harmless
		if answers, _ := ask(owner, with("cam")); len(answers) != 1 || answers[0].Accepted == nil || w.b.Readers() != 1 {
			t.Errorf("%+v, %d readers", answers, w.b.Readers())
		}
	}
	w.run(join.CookieLifetime)
	if answers, _ := ask(netip.MustParseAddrPort("10.0.1.1:7000"), with("cam")); len(answers) != 1 || answers[0].Challenge == nil {
		t.Errorf("a cookie that is too old: %+v", answers)
	}
}

func TestJunkOnTheRTPPort(t *testing.T) {
	w := newWorld(t, 1, nil)
	j := w.joins("10.0.1.1:7000", "cam")
	w.run(time.Second)
	for _, junk := range [][]byte{{}, {0x80}, make([]byte, 200), []byte("\x80\xcc\x00\x02....CCJ1"), {0x80, 203, 0, 0}, {0x81, 203, 0, 9, 1, 2}} {
		j.send(append([]byte(nil), junk...))
	}
	w.run(time.Second)
	if j.frames < 55 || w.b.Readers() != 1 {
		t.Errorf("%d frames, %d readers", j.frames, w.b.Readers())
	}
}

// TestGoodbyeInHaste has readers leave at the moment they have their last frame, while
// each send takes longer than a sweep may hold the loop: what they have got is counted.
func TestGoodbyeInHaste(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		w.k.Inject(func(c sim.Call) error {
			if c.Name == "Sendmmsg" && c.SegmentBytes > 0 {
				w.k.Advance(5 * time.Millisecond)
			}
			return nil
		})
		j := w.joins("10.0.1.1:7000", "cam")
		w.until(func() bool { return j.frames == 30 })
		j.send(rtcp.AppendReceiverGoodbye(nil, j.stats.Report(w.k.Monotonic(), 5, j.client.Accepted().SSRC), "reader"))
		w.run(10 * time.Millisecond)
		if log := w.log.String(); !strings.Contains(log, "reason=goodbye") || !strings.Contains(log, " frames=30 ") {
			t.Errorf("seed %d: it has left by other figures than 30 frames:\n%s", seed, log)
		}
	}
}
