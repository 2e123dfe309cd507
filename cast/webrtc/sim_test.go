package webrtc

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/srtp"
	"github.com/camcast/camcast/proto/whep"
	"github.com/pion/stun/v3"
)

var (
	serverAt = netip.MustParseAddr("192.0.2.1")
	viewerAt = netip.MustParseAddrPort("198.51.100.7:40000")
	movedTo  = netip.MustParseAddrPort("203.0.113.5:41000")
)

// stage is a Server on a simulated kernel, whose handshakes the test does.
type stage struct {
	t       *testing.T
	k       *sim.Kernel
	l       *loop.Loop
	b       *cast.Broadcaster
	cam     *cast.Stream
	s       *Server
	params  *media.Params
	frames  int
	begun   []*fakeHandshake
	reasons []string
}

func newStage(t *testing.T, change func(*cast.Config)) *stage {
	t.Helper()
	w := &stage{t: t, k: sim.New(1)}
	w.l = loop.NewOn(w.k)
	config := cast.Config{
		RTP: netip.MustParseAddrPort("[::]:5004"), Random: w.k.Random, Work: sim.NewWorker(w.l, 10*time.Millisecond),
		Left: func(_ *cast.Session, reason string) { w.reasons = append(w.reasons, reason) },
	}
	if change != nil {
		change(&config)
	}
	var err error
	if w.b, err = cast.New(w.l, config); err != nil {
		t.Fatal(err)
	}
	w.params = &media.Params{Format: media.H264, Width: 320, Height: 240, FramesPerSecond: 20, ParameterSets: [][]byte{{0x67, 0x42, 0xc0, 0x1e}, {0x68, 0xce, 0x3c, 0x80}}}
	if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: w.params}); err != nil {
		t.Fatal(err)
	}
	if w.s, err = Serve(w.b, Options{DTLS: w}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.b.Close(); err != nil {
			t.Error(err)
		}
		w.run(10 * time.Millisecond)
		for i, h := range w.begun {
			if !h.closed {
				t.Errorf("handshake %d is left open", i)
			}
		}
		if s := w.s; len(s.byName)+len(s.byFragment)+len(s.byAddress)+len(s.hellos.lines) > 0 {
			t.Errorf("%d, %d, %d, %d are left", len(s.byName), len(s.byFragment), len(s.byAddress), len(s.hellos.lines))
		}
	})
	return w
}

func (w *stage) run(d time.Duration) {
	w.t.Helper()
	if err := sim.RunFor(w.l, d); err != nil {
		w.t.Fatal(err)
	}
}

// publish publishes frames for so long, 20 in a second.
func (w *stage) publish(d time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= 50 * time.Millisecond {
		p := bytes.Repeat([]byte{byte(w.frames)}, 3000)
		copy(p, []byte{0, 0, byte((len(p) - 4) >> 8), byte(len(p) - 4), 0x41})
		isKey := w.frames%20 == 0
		if isKey {
			p[4] = 0x65
		}
		w.frames++
		if err := w.cam.Publish(media.Frame{Params: w.params, Bytes: p, Key: isKey}); err != nil {
			w.t.Fatal(err)
		}
		w.run(50 * time.Millisecond)
	}
}

// fakeHandshake is a handshake that the test does.
type fakeHandshake struct {
	isPeer func([]byte) bool
	send   func([]byte)
	done   func(Keys, error)
	gone   func()
	taken  [][]byte
	closed bool
	at     time.Duration
}

func (w *stage) Fingerprint() whep.Fingerprint { return whep.FingerprintOf([]byte("the server's")) }

func (w *stage) Begin(isPeer func([]byte) bool, send func([]byte), done func(Keys, error), closed func()) Handshake {
	h := &fakeHandshake{isPeer: isPeer, send: send, done: done, gone: closed, at: w.l.Now()}
	w.begun = append(w.begun, h)
	return h
}

func (h *fakeHandshake) Take(p []byte) { h.taken = append(h.taken, bytes.Clone(p)) }
func (h *fakeHandshake) Close()        { h.closed = true }

// offerText is Chromium's offer, with a fingerprint ("": its own).
func offerText(t testing.TB, fingerprint string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	if fingerprint != "" {
		text = regexp.MustCompile(`a=fingerprint:[^\r]*`).ReplaceAll(text, []byte("a=fingerprint:"+fingerprint))
	}
	return text
}

// offerOf is Chromium's offer.
func offerOf(t testing.TB) *whep.Offer {
	t.Helper()
	o, err := whep.ParseOffer(offerText(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// guest is a viewer.
type guest struct {
	w               *stage
	peer            *sim.UDPPeer
	name, tag       string
	ufrag, password string
	keys            Keys
	sealer          *srtp.Private
	got             map[string]int // datagrams, by kind
}

// open makes a session.
func (w *stage) open(peer netip.AddrPort) (*guest, error) {
	w.t.Helper()
	g := &guest{w: w}
	r := cast.Request{Protocol: cast.WebRTC, Peer: netip.AddrPortFrom(peer.Addr(), 55555), Local: netip.AddrPortFrom(serverAt, 8080)}
	name, tag, answer, err := w.s.Open(w.cam, r, cast.Grant{User: "anna"}, offerOf(w.t))
	if err != nil {
		return nil, err
	}
	g.name, g.tag = name, tag
	for line := range strings.Lines(string(answer)) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			g.ufrag = value
		}
		if value, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			g.password = value
		}
	}
	if g.ufrag == "" || g.password == "" || !strings.Contains(string(answer), "a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host") {
		w.t.Fatalf("%s", answer)
	}
	g.moveTo(peer)
	return g, nil
}

// join has a viewer open a session.
func (w *stage) join(peer netip.AddrPort) *guest {
	w.t.Helper()
	g, err := w.open(peer)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// moveTo has the viewer be at another address. What it has got so far is forgotten.
func (g *guest) moveTo(peer netip.AddrPort) {
	g.w.t.Helper()
	if g.peer != nil {
		g.peer.Close()
	}
	var err error
	if g.peer, err = g.w.k.NewUDPPeer(peer); err != nil {
		g.w.t.Fatal(err)
	}
	got := map[string]int{}
	g.got = got
	g.peer.OnReceive(func(d sim.Datagram) {
		switch p := d.Payload; {
		case p[0] < 4:
			m := &stun.Message{Raw: bytes.Clone(p)}
			if m.Decode() != nil || stun.NewShortTermIntegrity(g.password).Check(m) != nil {
				got["wrong STUN"]++
			}
			got[m.Type.String()]++
		case p[0] < 64:
			got["DTLS"]++
		case p[1] >= 192 && p[1] < 224:
			got["RTCP"]++
		default:
			got["RTP"]++
		}
	})
}

func (g *guest) send(p []byte) {
	g.w.t.Helper()
	if err := g.peer.Send(netip.AddrPortFrom(serverAt, 5004), p); err != nil {
		g.w.t.Fatal(err)
	}
	g.w.run(time.Millisecond)
}

// attribute is one of STUN without a value.
type attribute stun.AttrType

func (a attribute) AddTo(m *stun.Message) error {
	m.Add(stun.AttrType(a), make([]byte, 8))
	return nil
}

// check is a check of STUN, by a password.
func (g *guest) check(password string, more ...stun.Setter) []byte {
	return checkOf(g.w.t, g.ufrag, password, more...)
}

func checkOf(t testing.TB, ufrag, password string, more ...stun.Setter) []byte {
	t.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(ufrag + ":theirs")}, more...)
	m, err := stun.Build(append(all, stun.NewShortTermIntegrity(password), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// prove proves the viewer's address.
func (g *guest) prove() {
	g.w.t.Helper()
	before := g.got["Binding success response"]
	g.send(g.check(g.password))
	g.w.run(20 * time.Millisecond)
	if g.got["Binding success response"] != before+1 {
		g.w.t.Fatalf("a check is not answered: %v", g.got)
	}
}

// shake has the handshake begin and give keys.
func (g *guest) shake() *fakeHandshake {
	g.w.t.Helper()
	n := len(g.w.begun)
	g.send([]byte{22, 254, 255, 1})
	g.send([]byte{22, 254, 255, 2})
	g.w.run(20 * time.Millisecond)
	if len(g.w.begun) != n+1 {
		g.w.t.Fatalf("%d handshakes have begun", len(g.w.begun)-n)
	}
	h := g.w.begun[n]
	p := srtp.AEADAES128GCM
	g.keys = Keys{p, bytes.Repeat([]byte{1, byte(n)}, p.KeyBytes()/2), bytes.Repeat([]byte{2, byte(n)}, p.KeyBytes()/2)}
	var err error
	if g.sealer, err = srtp.NewPrivate(p, g.keys.Theirs, g.keys.Ours, 99, 0); err != nil {
		g.w.t.Fatal(err)
	}
	h.done(g.keys, nil)
	g.w.run(time.Millisecond)
	return h
}

// report is a receiver report, sealed.
func (g *guest) report() []byte {
	g.w.t.Helper()
	p, err := g.sealer.SealRTCP(nil, []byte{0x80, 201, 0, 1, 0, 0, 0, 99})
	if err != nil {
		g.w.t.Fatal(err)
	}
	return p
}

func (w *stage) sessions() (n, playing int) {
	for s := range w.b.Sessions() {
		if n++; s.Playing() {
			playing++
		}
	}
	return n, playing
}

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
	if len(h.taken) != 2 || h.taken[1][3] != 2 || h.isPeer([]byte("another's")) {
		t.Errorf("taken: %v", h.taken)
	}
	h.send([]byte{22, 1})
	w.run(time.Millisecond)
	if n, playing := w.sessions(); n != 1 || playing != 1 || g.got["DTLS"] != 1 {
		t.Fatalf("%d sessions, %d play; %v", n, playing, g.got)
	}
	w.publish(time.Second)
	g.send([]byte{22, 254, 255, 3}) // the last flight is asked for again
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
	g.send([]byte{21, 254, 253})
	w.publish(5 * time.Second)
	if n, playing := w.sessions(); n != 1 || playing != 1 || g.got["DTLS"] != 1 || len(w.begun) != 1 || g.got["wrong STUN"] > 0 {
		t.Errorf("%d sessions, %d play; %v; %d handshakes", n, playing, g.got, len(w.begun))
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
	g.send([]byte{22, 254, 255, 1})
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
	g.send(g.report())
	if at() != movedTo {
		t.Errorf("it is at %v", at())
	}
	for i := range 20 { // more addresses than are kept
		g.moveTo(netip.AddrPortFrom(movedTo.Addr(), uint16(42000+i)))
		g.prove()
	}
	g.send(g.report())
	if v := w.s.byName[g.name]; at() != g.peer.Addr() || len(v.proved) != maxProved || len(w.s.byAddress) != maxProved {
		t.Errorf("it is at %v; %d addresses", at(), len(w.s.byAddress))
	}
}

// TestAddressesOfOthers has a viewer prove the address where another one is.
func TestAddressesOfOthers(t *testing.T) {
	w := newStage(t, nil)
	first := w.join(viewerAt)
	first.prove()
	first.shake()
	first.send(first.report())
	first.peer.Close()
	second := w.join(viewerAt)
	second.send(second.check(second.password))
	w.run(20 * time.Millisecond)
	if w.s.byAddress[viewerAt] != w.s.byName[first.name] {
		t.Fatal("a viewer's address is taken")
	}
	w.run(rivalSilence)
	second.peer.Close()
	second = w.join(viewerAt)
	second.prove()
	if w.s.byAddress[viewerAt] != w.s.byName[second.name] {
		t.Error("the address of a silent viewer is not given up")
	}
}

// TestHostsTakeTurns has one host begin 40 handshakes, and then another one its first.
func TestHostsTakeTurns(t *testing.T) {
	w := newStage(t, nil)
	var all []*guest
	for i := range 40 {
		all = append(all, w.join(netip.AddrPortFrom(viewerAt.Addr(), uint16(40000+i))))
	}
	other := w.join(movedTo)
	for _, g := range append(all, other) {
		g.prove()
	}
	to := netip.AddrPortFrom(serverAt, 5004)
	for i, g := range append(all, other) {
		for range 2 { // the second one is no other handshake
			if err := g.peer.Send(to, []byte{22, 254, 255, byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.run(time.Second)
	if len(w.begun) != 41 {
		t.Fatalf("%d handshakes", len(w.begun))
	}
	for i, h := range w.begun {
		if i > 0 && h.at < w.begun[i-1].at+helloInterval {
			t.Errorf("handshake %d begins %v after the one before", i, h.at-w.begun[i-1].at)
		}
		if h.taken[0][3] == 40 && i > 2 {
			t.Errorf("the other host's handshake is number %d", i)
		}
	}
	for range 2 * maxHandshakeDatagrams {
		other.send([]byte{22, 254, 255, 40})
	}
	for _, h := range w.begun {
		if len(h.taken) > maxHandshakeDatagrams {
			t.Errorf("a handshake has got %d datagrams", len(h.taken))
		}
	}
	w.begun[0].done(Keys{}, errors.New("test"))
	w.run(10 * time.Millisecond)
	if n, _ := w.sessions(); n != 40 {
		t.Errorf("%d sessions: that of a failed handshake has not ended", n)
	}
	w.run(12 * time.Second) // handshakes that stop half-way
	if n, _ := w.sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestHandshakeLimits has one host begin more handshakes than it may.
func TestHandshakeLimits(t *testing.T) {
	w := newStage(t, nil)
	const many = cast.MaxHandshakesPerAddress + 20
	for i := range many {
		g := w.join(netip.AddrPortFrom(viewerAt.Addr(), uint16(40000+i)))
		g.prove()
		g.send([]byte{22, 254, 255, byte(i)})
	}
	w.run(time.Second)
	if len(w.begun) != cast.MaxHandshakesPerAddress {
		t.Errorf("%d handshakes", len(w.begun))
	}
	w.begun[0].done(Keys{}, errors.New("test"))
	w.run(10 * time.Millisecond)
	late := w.join(netip.AddrPortFrom(viewerAt.Addr(), 50000))
	late.prove()
	late.send([]byte{22, 254, 255, 1})
	w.run(time.Second)
	if len(w.begun) != cast.MaxHandshakesPerAddress+1 {
		t.Errorf("%d handshakes when one has ended", len(w.begun))
	}
}

// TestStrangersHaveABudget has one viewer send checks from many addresses at once: another one's first check is answered, and
// so are those of viewers at proved addresses.
func TestStrangersHaveABudget(t *testing.T) {
	w := newStage(t, nil)
	bad, good, old := w.join(viewerAt), w.join(movedTo), w.join(netip.MustParseAddrPort("198.51.100.9:40000"))
	old.prove()
	to := netip.AddrPortFrom(serverAt, 5004)
	p := bad.check(bad.password)
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("203.0.113.99:9999"))
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := peer.Send(to, p); err != nil {
			t.Fatal(err)
		}
	}
	if w.s.strangers.size > 0 {
		t.Fatal("nothing has come yet")
	}
	good.prove()
	old.prove()
	if n := w.s.byName[bad.name].waiting; n > 0 || w.s.strangers.size > 0 {
		t.Errorf("%d wait", n)
	}
}

// TestCandidates says where the server is.
func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		rtp, local string
		public     []string
		want       string
	}{
		{"[::]:5004", "192.0.2.1", nil, "[192.0.2.1:5004]"}, {"[::]:5004", "2001:db8::1", nil, "[[2001:db8::1]:5004]"},
		{"[::]:5004", "::ffff:192.0.2.1", []string{"203.0.113.1:0", "[2001:db8::2]:7000"}, "[192.0.2.1:5004 203.0.113.1:5004 [2001:db8::2]:7000]"},
		{"0.0.0.0:5004", "2001:db8::1", nil, "[]"}, {"0.0.0.0:5004", "2001:db8::1", []string{"203.0.113.1:0"}, "[203.0.113.1:5004]"},
		{"192.0.2.1:5004", "127.0.0.1", nil, "[192.0.2.1:5004]"},
	} {
		w := newStage(t, func(o *cast.Config) { o.RTP = netip.MustParseAddrPort(c.rtp) })
		for _, text := range c.public {
			w.s.options.PublicAddresses = append(w.s.options.PublicAddresses, netip.MustParseAddrPort(text))
		}
		if got := fmt.Sprint(w.s.candidates(netip.MustParseAddr(c.local))); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestRefusals has sessions not be opened.
func TestRefusals(t *testing.T) {
	w := newStage(t, func(c *cast.Config) { c.MaxConnectionsPerAddress = 3 })
	for range 3 {
		if _, err := w.open(netip.AddrPortFrom(viewerAt.Addr(), 0)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.open(netip.AddrPortFrom(viewerAt.Addr(), 0)); err == nil || cast.RefusalOf(err).Kind != cast.AddressLimitReached {
		t.Errorf("the fourth of an address: %v", err)
	}
	for s := range w.b.Sessions() {
		s.End("kicked")
	}
	if len(w.s.byName) > 0 {
		t.Errorf("%d are left", len(w.s.byName))
	}
	cam := w.cam
	var err error
	if w.cam, err = w.b.AddStream("jpeg", nil, cast.StreamOptions{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(viewerAt); err == nil || cast.RefusalOf(err).Kind != cast.NotCarried {
		t.Errorf("JPEG: %v", err)
	}
	w.cam = cam
	if err := w.s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.open(viewerAt); !errors.Is(err, cast.ErrClosed) {
		t.Errorf("a server that is closed: %v", err)
	}
	bare, err := cast.New(w.l, cast.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, err := Serve(bare, Options{DTLS: w}); err == nil {
		t.Error("it is served without RTP")
	}
}

// TestNames has nothing of a session be guessed from another part of it.
func TestNames(t *testing.T) {
	w := newStage(t, nil)
	seen := map[string]bool{}
	for i := range 50 {
		g := w.join(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), 40000))
		for _, text := range []string{g.name, g.tag, g.ufrag, g.password} {
			if seen[text] || len(text) < 22 {
				t.Errorf("%q", text)
			}
			seen[text] = true
		}
	}
}
