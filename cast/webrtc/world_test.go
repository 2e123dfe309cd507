package webrtc

import (
	"bytes"
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
	peer "github.com/pion/srtp/v3"
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
	delay   cast.PlayoutDelay // of the viewers that open sessions
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
	opener          *peer.Context  // another implementation's
	got             map[string]int // datagrams, by kind
	extension       []byte         // of the newest packet of RTP
}

// open makes a session.
func (w *stage) open(at netip.AddrPort) (*guest, error) {
	w.t.Helper()
	g := &guest{w: w}
	r := cast.Request{Protocol: cast.WebRTC, Peer: netip.AddrPortFrom(at.Addr(), 55555), Local: netip.AddrPortFrom(serverAt, 8080)}
	name, tag, answer, err := w.s.Open(w.cam, r, cast.Grant{User: "anna"}, offerOf(w.t), w.delay)
	if err != nil {
		return nil, err
	}
	g.name, g.tag = name, tag
	g.takeNames(string(answer))
	if g.ufrag == "" || g.password == "" || !strings.Contains(string(answer), "a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host") {
		w.t.Fatalf("%s", answer)
	}
	g.moveTo(at)
	return g, nil
}

// takeNames takes the server's user name fragment and password from an answer.
func (g *guest) takeNames(answer string) {
	for line := range strings.Lines(answer) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, "a=ice-ufrag:"); ok {
			g.ufrag = value
		}
		if value, ok := strings.CutPrefix(line, "a=ice-pwd:"); ok {
			g.password = value
		}
	}
}

// join has a viewer open a session.
func (w *stage) join(at netip.AddrPort) *guest {
	w.t.Helper()
	g, err := w.open(at)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

// moveTo has the viewer be at another address. What it has got so far is forgotten.
func (g *guest) moveTo(at netip.AddrPort) {
	g.w.t.Helper()
	if g.peer != nil {
		g.peer.Close()
	}
	var err error
	if g.peer, err = g.w.k.NewUDPPeer(at); err != nil {
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
			if _, err := g.opener.DecryptRTP(nil, p, nil); err != nil {
				got["wrong RTP"]++
			}
			if g.extension = nil; p[0]&0x10 != 0 {
				g.extension = bytes.Clone(p[12:20])
			}
			if got["RTP"]++; p[1]&0x80 != 0 {
				got["frames"]++
			}
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
	if g.opener, err = peer.CreateContext(g.keys.Ours[:16], g.keys.Ours[16:], peer.ProtectionProfileAeadAes128Gcm); err != nil {
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
