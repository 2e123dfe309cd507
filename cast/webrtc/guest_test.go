package webrtc

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/srtp"
	peer "github.com/pion/srtp/v3"
	"github.com/pion/stun/v3"
)

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

// plays has a viewer open a session and play: its address is proved, it has its keys, and has reported.
func (w *stage) plays(at netip.AddrPort) *guest {
	w.t.Helper()
	g := w.join(at)
	g.prove()
	g.shake()
	g.send(g.report())
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

// numberAt is the index of the number that handshakeOf gives a datagram.
const numberAt = 10

// handshakeOf is a datagram of a handshake, of so many bytes, with a number.
func handshakeOf(number byte, bytes int) []byte {
	p := make([]byte, bytes)
	copy(p, []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, number})
	binary.BigEndian.PutUint16(p[lengthAt:], uint16(bytes-recordHeaderBytes))
	return p
}

// shake has the handshake begin and give keys.
func (g *guest) shake() *fakeHandshake {
	g.w.t.Helper()
	n := len(g.w.begun)
	g.send(handshakeOf(1, 100))
	g.send(handshakeOf(2, 100))
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
