package webrtc

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	"github.com/pion/stun/v3"
)

// TestPlays has a viewer go all the way.
func TestPlays(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	if session, tag, ufrag := w.s.Find("cam", g.name, "anna"); session == nil || tag != g.tag || ufrag != offerOf(t).Ufrag || session.Protocol() != cast.WebRTC {
		t.Errorf("%v, %q, %q", session, tag, ufrag)
	}
	for _, other := range [][3]string{{"other", g.name, "anna"}, {"cam", g.name, "bert"}, {"cam", g.name + "0", "anna"}, {"cam", "", "anna"}} {
		if session, _, _ := w.s.Find(other[0], other[1], other[2]); session != nil {
			t.Errorf("%q finds a session", other)
		}
	}
	g.prove()
	h := g.shake()
	if len(h.taken) != 2 || h.taken[1][numberAt] != 2 || h.isPeer([]byte("another's")) {
		t.Errorf("taken: %v", h.taken)
	}
	h.send([]byte{22, 1})
	w.run(time.Millisecond)
	if n, playing := w.sessions(); n != 1 || playing != 1 || g.got["DTLS"] != 1 {
		t.Fatalf("%d sessions, %d play; %v", n, playing, g.got)
	}
	w.publish(time.Second)
	g.send(handshakeOf(3, 100)) // the last flight is asked for again
	if len(h.taken) != 3 || h.closed {
		t.Errorf("taken: %v, closed: %v", h.taken, h.closed)
	}
	forged := g.report()
	forged[len(forged)-1] ^= 1
	g.send(forged)
	if h.closed {
		t.Error("what is forged has DTLS dropped")
	}
	g.send(g.report())
	if !h.closed {
		t.Error("DTLS is kept")
	}
	h.send([]byte{21, 1}) // too late
	h.gone()
	g.send(handshakeOf(4, 100))
	w.publish(5 * time.Second)
	if n, playing := w.sessions(); n != 1 || playing != 1 || g.got["DTLS"] != 1 || len(w.begun) != 1 || g.got["wrong STUN"]+g.got["wrong RTP"] > 0 || g.got["frames"] != 120 {
		t.Errorf("%d sessions, %d play; %v; %d handshakes", n, playing, g.got, len(w.begun))
	}
}

// TestPlayoutDelay has viewers be told to show frames at once, or later.
func TestPlayoutDelay(t *testing.T) {
	for _, c := range []struct {
		delay time.Duration
		want  []byte
	}{{0, []byte{0, 0, 0}}, {80 * time.Millisecond, []byte{0, 0x80, 8}}, {cast.MaxPlayoutDelay, []byte{0xff, 0xff, 0xff}}} {
		w := newStage(t, nil)
		w.delay = cast.PlayoutDelay{Min: c.delay, Max: c.delay}
		g := w.join(viewerAt)
		g.prove()
		g.shake()
		w.publish(time.Second)
		want := append([]byte{0xbe, 0xde, 0, 1, offerOf(t).PlayoutDelayID<<4 | 2}, c.want...)
		if !bytes.Equal(g.extension, want) {
			t.Errorf("%v: the header extension is % x, want % x", c.delay, g.extension, want)
		}
	}
}

// TestNothingIsSentUnproved has somebody try without the password.
func TestNothingIsSentUnproved(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	password := g.password
	stranger := g.ufrag
	g.send(g.check("another password, as long as ours"))
	g.send(g.check(""))
	g.ufrag = "nobody"
	g.send(g.check(password))
	g.ufrag = ""
	g.send(g.check(password))
	g.ufrag = stranger
	recorded := g.check(password)
	recorded[len(recorded)-40]++
	g.send(recorded)
	g.send([]byte{0, 1, 0, 0})
	g.send(append(g.check(password), make([]byte, 4)...))
	g.send(g.check(password, stun.NewSoftware(strings.Repeat("x", maxCheckBytes))))
	g.send(handshakeOf(1, 100))
	g.send([]byte{0x80, 201, 0, 1, 0, 0, 0, 99})
	w.publish(time.Second)
	if len(g.got) > 0 || len(w.begun) > 0 {
		t.Errorf("%v; %d handshakes", g.got, len(w.begun))
	}
	g.prove()
	w.publish(12 * time.Second)
	if n, _ := w.sessions(); n != 0 || len(w.reasons) > 0 { // it has never played
		t.Errorf("%d sessions, left: %q", n, w.reasons)
	}
	g.send(g.check(password))
	if g.got["Binding success response"] != 1 {
		t.Error("a session that has ended answers")
	}
}

// TestConflict has a viewer believe that the server chooses: it is told, and its address is not proved by that.
func TestConflict(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.send(g.check(g.password, attribute(stun.AttrICEControlled)))
	w.run(20 * time.Millisecond)
	if g.got["Binding error response"] != 1 || len(w.s.byAddress) > 0 {
		t.Errorf("%v", g.got)
	}
}

// TestUnknownAttribute has a viewer send a check that has to be understood in more than the server does: it is told, and its address
// is not proved by that.
func TestUnknownAttribute(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.send(g.check(g.password, attribute(0x7f00)))
	w.run(20 * time.Millisecond)
	if g.got["Binding error response"] != 1 || g.got["wrong STUN"] > 0 || len(w.s.byAddress) > 0 {
		t.Errorf("%v", g.got)
	}
}

// TestConsent has a viewer prove that it wants the stream for a while, and then not any more.
func TestConsent(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	g.shake()
	for range 20 {
		w.publish(5 * time.Second)
		g.prove()
	}
	if n, playing := w.sessions(); n != 1 || playing != 1 {
		t.Fatalf("%d sessions, %d play", n, playing)
	}
	for range 5 { // others' checks and reports are no sign of life
		w.publish(7 * time.Second)
		g.send(g.check("another password, as long as ours"))
		g.send([]byte{0x80, 201, 0, 1, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	}
	if n, _ := w.sessions(); n != 0 || len(w.reasons) != 1 || w.reasons[0] != "timeout" {
		t.Errorf("%d sessions, left: %q", n, w.reasons)
	}
	if !w.begun[0].closed {
		t.Error("DTLS is left")
	}
}

// TestConsentIsOfAnAddress has a viewer go on with its checks from another address than the one where it is sent frames: there
// nobody may want them any more.
func TestConsentIsOfAnAddress(t *testing.T) {
	w := newStage(t, nil)
	g := w.plays(viewerAt)
	g.moveTo(movedTo)
	for range 7 {
		w.publish(5 * time.Second)
		g.send(g.check(g.password))
	}
	if n, _ := w.sessions(); n != 0 || len(w.reasons) != 1 || w.reasons[0] != "timeout" || g.got["RTP"] > 0 {
		t.Errorf("%d sessions, left: %q; %v", n, w.reasons, g.got)
	}
}

// TestRebinding has a viewer be given another address, and others try to move it.
func TestRebinding(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	g.shake()
	report := g.report()
	g.send(report)
	recorded := g.check(g.password)
	at := func() netip.AddrPort {
		for s := range w.b.Sessions() {
			return s.Peer()
		}
		return netip.AddrPort{}
	}
	attacker, err := w.k.NewUDPPeer(netip.MustParseAddrPort("203.0.113.99:9999"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][]byte{recorded, report, {0x80, 201, 0, 1, 0, 0, 0, 99}} { // what was recorded, and sent again from elsewhere
		if err := attacker.Send(netip.AddrPortFrom(serverAt, 5004), p); err != nil {
			t.Fatal(err)
		}
		w.run(20 * time.Millisecond)
	}
	if at() != viewerAt {
		t.Fatalf("it is at %v", at())
	}
	g.moveTo(movedTo)
	g.send(g.report()) // not proved yet
	if at() != viewerAt {
		t.Errorf("it is at %v, which STUN has not proved", at())
	}
	g.prove()
	if at() != viewerAt {
		t.Errorf("it is at %v, from where nothing authentic has come", at())
	}
	w.publish(time.Second)
	if g.got["RTP"] > 0 {
		t.Errorf("%d packets are sent where nothing authentic has come from", g.got["RTP"])
	}
	g.send(g.report())
	w.publish(time.Second)
	if at() != movedTo || g.got["frames"] != 20 || g.got["wrong RTP"] > 0 {
		t.Errorf("it is at %v, and gets %v", at(), g.got)
	}
	for i := range 20 { // more addresses than are kept
		g.moveTo(netip.AddrPortFrom(movedTo.Addr(), uint16(42000+i)))
		g.prove()
	}
	g.send(g.report())
	if v := w.s.byID[g.name]; at() != g.peer.Addr() || len(v.proved) != maxProved || len(w.s.byAddress) != maxProved {
		t.Errorf("it is at %v; %d addresses", at(), len(w.s.byAddress))
	}
}

// TestAddressesOfOthers has a viewer prove the address where another one is.
func TestAddressesOfOthers(t *testing.T) {
	w := newStage(t, nil)
	first := w.plays(viewerAt)
	first.peer.Close()
	second := w.join(viewerAt)
	second.send(second.check(second.password))
	w.run(20 * time.Millisecond)
	if w.s.byAddress[viewerAt] != w.s.byID[first.name] {
		t.Fatal("a viewer's address is taken")
	}
	w.run(rivalSilence)
	second.peer.Close()
	second = w.join(viewerAt)
	second.prove()
	if w.s.byAddress[viewerAt] != w.s.byID[second.name] {
		t.Error("the address of a silent viewer is not given up")
	}
}

// TestRTCPOfOthers has a viewer prove the address of a reader who has joined, and that one's reports come: they are the reader's.
func TestRTCPOfOthers(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	var came int
	stop := w.b.HandleDatagrams(firstRTCP, lastRTCP, func(udp.Datagram) bool { came++; return true })
	defer stop()
	report := []byte{0x80, 201, 0, 1, 0, 0, 0, 99}
	g.send(report)
	g.shake()
	g.send(report)
	if came != 2 {
		t.Errorf("%d reports come to others", came)
	}
	g.send(g.report())
	if came != 2 {
		t.Error("what the viewer has sealed comes to others")
	}
}
