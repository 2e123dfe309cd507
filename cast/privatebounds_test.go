package cast_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"github.com/camcast/camcast/proto/srtp"
)

// TestPrivateKeysOnce has a session that has played by keys of its own pause, or end, and be given the same keys again: two packets
// would be sealed with one index.
func TestPrivateKeysOnce(t *testing.T) {
	p := newPrivateWorld(t, 10, nil)
	pauses, ends := p.comes("10.0.2.1"), p.comes("10.0.2.2")
	p.run(time.Second)
	pauses.keyed.session.Pause()
	ends.keyed.session.Gone("left")
	key := make([]byte, srtp.AEADAES128GCM.KeyBytes())
	for _, g := range []*guest{pauses, ends} {
		err := g.keyed.session.PlayPrivate(cast.Private{Profile: srtp.AEADAES128GCM, Ours: key, Theirs: key, Peer: g.at(), Local: serverAddr, PayloadType: 96})
		if err == nil || g.keyed.session.Playing() {
			t.Errorf("it plays again: %v", err)
		}
		if g.keyed.session.TakePrivateRTCP(make([]byte, 40)) || !errors.Is(g.keyed.session.Move(g.at(), serverAddr), cast.ErrClosed) {
			t.Error("one that does not play is served")
		}
	}
	p.run(time.Second)
	if left := cast.LeaksOf(p.world.b, p.s); left.Private > 0 {
		t.Errorf("left: %+v", left)
	}
}

// TestConsentEnds has a reader be silent: it is sent frames for as long as it has consented to, and some slack, and not longer.
func TestConsentEnds(t *testing.T) {
	for timeout, consent := range map[time.Duration]time.Duration{
		0: cast.ConsentTimeout, cast.ConsentTimeout: cast.ConsentTimeout, 8 * time.Second: 8 * time.Second, 10 * time.Minute: cast.ConsentTimeout,
	} {
		p := newPrivateWorld(t, 10, func(c *cast.Config) { c.SessionTimeout = timeout })
		g := p.comes("10.0.2.1")
		p.run(5 * time.Second)
		g.report()
		p.run(consent - 10*time.Millisecond)
		if !g.keyed.session.Playing() {
			t.Errorf("timeout %v: it has ended too soon", timeout)
		}
		p.run(consent/8 + 20*time.Millisecond) // signs of life are recorded to a sixteenth
		sent := g.sink.packets
		p.run(time.Second)
		if g.keyed.session.Playing() || g.sink.packets != sent || len(p.ends) != 1 || p.ends[0] != "timeout" {
			t.Errorf("timeout %v: it is sent frames without its consent: %q", timeout, p.ends)
		}
	}
}

// resends has a guest count the packets that come again.
func (g *guest) resends() *int {
	again, seen := new(int), map[uint16]bool{}
	g.rtp.OnReceive(func(d sim.Datagram) {
		p := g.keyed.open(g, d.Payload)
		if p == nil || p[1] >= 192 && p[1] <= 223 {
			return
		}
		g.ssrc = binary.BigEndian.Uint32(p[8:])
		sequence := binary.BigEndian.Uint16(p[2:])
		if seen[sequence] {
			*again++
		}
		seen[sequence] = true
	})
	return again
}

// TestPrivateFeedbackOfOthers has a reader report, lose packets and pictures, and report again soon, of its stream and of another
// one: what is of the other one counts for nothing.
func TestPrivateFeedbackOfOthers(t *testing.T) {
	p := newPrivateWorld(t, 1000, nil)
	g := p.comes("10.0.2.1")
	again := g.resends()
	p.run(2 * time.Second)
	send := func(packet []byte, wait time.Duration) {
		g.send(packet)
		p.run(wait)
	}
	s, asked := g.keyed.session, p.film.asked
	report := func(of uint32) []byte {
		return rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: of, HighestSequence: uint32(g.keyed.highest)}, "guest")
	}
	for _, c := range []struct {
		name                  string
		packet                []byte
		reports, again, asked int
	}{
		{"a report of another stream", report(g.ssrc + 1), 0, 0, 0},
		{"a report", report(g.ssrc), 1, 0, 0},
		{"another report, at once", report(g.ssrc), 0, 0, 0},
		{"a loss of another stream", rtcp.AppendNACK(nil, 5, g.ssrc+1, g.keyed.highest-1, 0), 0, 0, 0},
		{"a loss of two", rtcp.AppendNACK(nil, 5, g.ssrc, g.keyed.highest-2, 1), 0, 2, 0},
		{"a picture of another stream", rtcp.AppendPictureLoss(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: g.ssrc + 1}, "guest"), 0, 0, 0},
		{"a picture", rtcp.AppendPictureLoss(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: g.ssrc}, "guest"), 0, 0, 1},
		{"a picture, at once", rtcp.AppendPictureLoss(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: g.ssrc}, "guest"), 0, 0, 0},
		{"a loss, and what is no RTCP", append(rtcp.AppendNACK(nil, 5, g.ssrc, g.keyed.highest-2, 0), 0, 0, 0, 0), 0, 0, 0},
	} {
		reports, before := int(s.Figures().Reports), *again
		send(c.packet, 20*time.Millisecond)
		if r, a, k := int(s.Figures().Reports)-reports, *again-before, p.film.asked-asked; r != c.reports || a != c.again || k != c.asked {
			t.Errorf("%s: %d reports count, %d packets come again, %d key frames are asked for", c.name, r, a, k)
		}
		asked = p.film.asked
	}
	p.run(500 * time.Millisecond)
	reports := s.Figures().Reports
	send(report(g.ssrc), 20*time.Millisecond)
	if s.Figures().Reports != reports+1 {
		t.Error("the next report does not count")
	}
}

// TestPrivatePacketBytes has packets be sealed that fill the MTU, by both profiles: none is longer.
func TestPrivatePacketBytes(t *testing.T) {
	const mtu, headers = 600, 48 // of IPv6 and UDP
	p := newPrivateWorld(t, 10, func(c *cast.Config) { c.MTU = mtu })
	longest := 0
	for i := range 4 {
		g := p.comes(netip.AddrFrom4([4]byte{10, 0, 2, byte(1 + i)}).String())
		g.rtp.OnReceive(func(d sim.Datagram) { longest = max(longest, len(d.Payload)) })
	}
	p.run(time.Second)
	if longest > mtu-headers || longest < mtu-headers-8 {
		t.Errorf("the longest packet has %d bytes of %d", longest, mtu-headers)
	}
}

// TestPrivateAdapt has a reader report that much is lost: it is sent fewer frames, unless that is off.
func TestPrivateAdapt(t *testing.T) {
	for adapt, thinned := range map[cast.Adapt]uint64{cast.AdaptOff: 0, cast.AdaptThin: 1} {
		p := newPrivateWorld(t, 10, func(c *cast.Config) { c.Adapt = adapt })
		g := p.comes("10.0.2.1")
		for range 6 {
			p.run(time.Second)
			g.lies += 100
			g.report()
		}
		p.run(10 * time.Millisecond)
		if n := p.s.Figures().Thinned; n != thinned {
			t.Errorf("adapt %v: %d are thinned", adapt, n)
		}
	}
}

// TestForgedIsNoConsent has RTCP come from a reader's address that is forged, or was recorded: it is no sign of life.
func TestForgedIsNoConsent(t *testing.T) {
	p := newPrivateWorld(t, 10, func(c *cast.Config) { c.SessionTimeout = 8 * time.Second })
	g := p.comes("10.0.2.1")
	p.run(time.Second)
	recorded := g.keyed.seal(g, rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{Reporter: 5, SSRC: g.ssrc}, "guest"))
	if !g.keyed.session.TakePrivateRTCP(recorded) {
		t.Fatal("a report is not taken")
	}
	for range 10 {
		p.run(time.Second)
		g.keyed.session.TakePrivateRTCP(recorded)
		g.keyed.session.TakePrivateRTCP(make([]byte, len(recorded)))
	}
	if g.keyed.session.Playing() {
		t.Error("it is sent frames without its consent")
	}
}
