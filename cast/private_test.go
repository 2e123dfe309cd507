package cast_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
)

// privateWorld is a world with a stream of H.264, and a front for those with keys of their own.
type privateWorld struct {
	*broadcast
	film *film
	s    *cast.Stream
	ends []string
}

func newPrivateWorld(t *testing.T, group uint32, change func(*cast.Config)) *privateWorld {
	t.Helper()
	p := &privateWorld{}
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) {
		c.Left = func(_ *cast.Session, reason string) { p.ends = append(p.ends, reason) }
		if change != nil {
			change(c)
		}
	})
	p.broadcast = &broadcast{world: w}
	w.b.HandleDatagrams(128, 191, p.takeSealed)
	p.film = newFilm(w.k, media.H264, 5000, group)
	p.film.makesKeys = true
	var err error
	if p.s, err = w.b.AddStream("cam", p.film, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	return p
}

// comes has a guest come who plays by keys of its own.
func (p *privateWorld) comes(ip string) *guest {
	p.t.Helper()
	g := p.newGuest(byKeys, ip, p.s, p.film)
	p.guests = append(p.guests, g)
	g.begin()
	if g.state != isPlaying {
		p.t.Fatal("it does not play")
	}
	return g
}

// TestPrivate has readers be told what they are sent by sender reports, report themselves, ask for a key frame, move, and leave
// by a goodbye; one that is silent ends, and one that is ended is told goodbye.
func TestPrivate(t *testing.T) {
	p := newPrivateWorld(t, 1000, nil)
	leaves, _, ended := p.comes("10.0.2.1"), p.comes("10.0.2.2"), p.comes("10.0.2.3")
	for range 25 {
		p.run(time.Second)
		leaves.report()
		ended.report()
	}
	leaves.rebindByKeys()
	p.run(time.Second)
	leaves.report()
	p.run(10 * time.Millisecond)
	f := leaves.keyed.session.Figures()
	if came := uint64(len(leaves.sink.numbers)); f.Frames != came || came < 26*framesPerSecond-10 || f.Reports < 20 || f.CumulativeLost != 0 || !f.RoundTripKnown ||
		f.Peer != leaves.at() || f.Transport != cast.UDP || leaves.sink.halves > 0 {
		t.Errorf("%+v; %v", f, &leaves.sink)
	}
	asked := p.film.asked
	leaves.send(rtcp.AppendPictureLoss(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: leaves.ssrc}, "guest"))
	p.run(100 * time.Millisecond)
	if p.film.asked != asked+1 {
		t.Errorf("a key frame was asked for %d times", p.film.asked-asked)
	}
	if len(p.ends) > 0 {
		t.Errorf("%q before the time is over", p.ends)
	}
	p.run(7 * time.Second)
	leaves.leave()
	p.run(time.Second)
	ended.keyed.session.End("kicked out")
	p.run(time.Second)
	if want := []string{"timeout", "goodbye", "kicked out"}; !slices.Equal(p.ends, want) || !ended.sink.over || p.s.Readers() != 0 {
		t.Errorf("ends: %q, want %q; goodbye said: %v", p.ends, want, ended.sink.over)
	}
	if ended.keyed.session.TakePrivateRTCP(nil) || ended.keyed.session.Move(ended.at(), serverAddr) == nil {
		t.Error("one that has ended moves")
	}
	if left := cast.LeaksOf(p.world.b, p.s); left.Sessions+left.Private+left.Pins+left.Holds > 0 {
		t.Errorf("left: %+v", left)
	}
}

// TestPrivateClosedPort has a browser crash: its host says that its port is closed, and nothing is sent there any more,
// unless something comes from it. The session ends when it has been silent for long enough.
func TestPrivateClosedPort(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	p.k.SetRejects(netip.MustParsePrefix("10.0.0.0/8"), 0)
	stays, dies := p.comes("10.0.2.1"), p.comes("10.0.2.2")
	p.run(time.Second)
	dies.report()
	p.run(100 * time.Millisecond)
	dies.rtp.Close()
	p.run(100 * time.Millisecond)
	before := dies.keyed.session.Figures().Frames
	p.run(time.Second)
	if f := p.s.Figures(); f.Resting != 1 || dies.keyed.session.Figures().Frames != before {
		t.Errorf("%d rest; it was sent %d frames more", f.Resting, dies.keyed.session.Figures().Frames-before)
	}
	dies.rtp = nil
	dies.listen()
	dies.report()
	p.run(time.Second)
	if f := p.s.Figures(); f.Resting != 0 || dies.keyed.session.Figures().Frames < before+framesPerSecond/2 {
		t.Errorf("%d rest; it was sent %d frames more", f.Resting, dies.keyed.session.Figures().Frames-before)
	}
	dies.rtp.Close()
	for range 33 {
		stays.report()
		p.run(time.Second)
	}
	if !slices.Equal(p.ends, []string{"timeout"}) || !stays.keyed.session.Playing() {
		t.Errorf("%q", p.ends)
	}
	if n := uint64(len(stays.sink.numbers)); stays.keyed.session.Figures().Frames != n {
		t.Errorf("the other one has %d frames", n)
	}
}

// TestPrivateForged has RTCP come that is forged, sealed with another key, or comes twice: it is no sign of life.
func TestPrivateForged(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	g, other := p.comes("10.0.2.1"), p.comes("10.0.2.2")
	p.run(time.Second)
	sealed := g.keyed.seal(g, rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: g.ssrc}, "guest"))
	forged := slices.Clone(sealed)
	forged[len(forged)-1] ^= 1
	s := g.keyed.session
	for i, want := range []bool{false, true, false} {
		if got := s.TakePrivateRTCP([][]byte{forged, sealed, sealed}[i]); got != want {
			t.Errorf("packet %d is taken for authentic: %v", i, got)
		}
	}
	if other.keyed.session.TakePrivateRTCP(sealed) || s.TakePrivateRTCP(nil) || s.TakePrivateRTCP(make([]byte, 12)) {
		t.Error("what is not the reader's was taken")
	}
}

// TestPrivateReordered has a stream begin to have B-frames: its readers end, and further ones are refused.
func TestPrivateReordered(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	s, err := p.world.b.AddStream("program", nil, cast.StreamOptions{Params: p.film.params})
	p.must(err)
	p.must(s.Publish(media.Frame{Params: p.film.params, Bytes: nalFrame(1, 1, 100), Key: true}))
	g := p.newGuest(byKeys, "10.0.2.1", s, p.film)
	p.guests = append(p.guests, g)
	g.begin()
	at := p.l.Now()
	p.must(s.Publish(media.Frame{Params: p.film.params, Bytes: nalFrame(2, 1, 100), Captured: at + time.Second, Decode: at}))
	p.run(time.Second)
	if g.keyed.session.Playing() || len(p.ends) != 1 || !g.sink.over {
		t.Errorf("%q", p.ends)
	}
	if _, err := s.Private(); err == nil {
		t.Error("it is offered")
	}
}

// TestPrivateLoss has a way lose packets: what is asked for again comes again.
func TestPrivateLoss(t *testing.T) {
	p := newPrivateWorld(t, 30, nil)
	p.k.SetLink(netip.MustParsePrefix("10.0.2.0/24"), sim.Link{Loss: 0.02, Delay: 5 * time.Millisecond})
	g := p.comes("10.0.2.1")
	g.sink.lossless = false
	packets := map[uint16]bool{}
	g.rtp.OnReceive(func(d sim.Datagram) {
		if p := g.keyed.open(g, d.Payload); p != nil && p[1]&0x7f < 127 && p[1] != 200 {
			g.ssrc = uint32(p[8])<<24 | uint32(p[9])<<16 | uint32(p[10])<<8 | uint32(p[11])
			packets[uint16(p[2])<<8|uint16(p[3])] = true
		}
	})
	for range 500 {
		p.run(20 * time.Millisecond)
		g.report()
	}
	lost := 0
	for sequence := g.keyed.highest - 1000; sequence != g.keyed.highest-20; sequence++ {
		if !packets[sequence] {
			lost++
		}
	}
	if lost > 10 || len(packets) < 1000 { // an answer may be lost, too, and the guest asks once
		t.Errorf("%d of 980 packets are missing, %d have come in all", lost, len(packets))
	}
}

// TestPrivateBeforeTheFirstFrame has readers come and go while there is no frame, and so no report for them: nothing is kept of
// those who have left.
func TestPrivateBeforeTheFirstFrame(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	s, err := p.world.b.AddStream("program", nil, cast.StreamOptions{Params: p.film.params})
	p.must(err)
	stays := p.newGuest(byKeys, "10.0.2.1", s, p.film)
	p.guests = append(p.guests, stays)
	stays.begin()
	key := make([]byte, srtp.AEADAES128GCM.KeyBytes())
	for range 100 {
		peer := netip.MustParseAddrPort("10.0.2.2:20000")
		session, err := p.world.b.OpenSession(cast.SessionOptions{Stream: s, Protocol: cast.WebRTC, Peer: peer})
		p.must(err)
		p.must(session.PlayPrivate(cast.Private{Profile: srtp.AEADAES128GCM, Ours: key, Theirs: key, Peer: peer, Local: serverAddr, PayloadType: 96}))
		session.Gone("left")
		p.run(time.Millisecond)
	}
	if n := cast.Newcomers(s); n > 2 {
		t.Errorf("%d readers wait for a report, and one is there", n)
	}
	p.must(s.Publish(media.Frame{Params: p.film.params, Bytes: nalFrame(1, 1, 100), Key: true}))
	p.run(time.Second)
	if n := cast.Newcomers(s); n > 0 {
		t.Errorf("%d readers wait for a report", n)
	}
}
