package webrtc

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/srtp"
)

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
			if err := g.peer.Send(to, handshakeOf(byte(i), 100)); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.run(time.Second)
	if len(w.begun) != 41 {
		t.Fatalf("%d handshakes", len(w.begun))
	}
	for i, h := range w.begun {
		if i > 0 && h.at < w.begun[i-1].at+handshakeInterval {
			t.Errorf("handshake %d begins %v after the one before", i, h.at-w.begun[i-1].at)
		}
		if h.taken[0][numberAt] == 40 && i > 2 {
			t.Errorf("the other host's handshake is number %d", i)
		}
	}
	for range 2 * maxHandshakeDatagrams {
		other.send(handshakeOf(40, 100))
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
		g.send(handshakeOf(byte(i), 100))
	}
	w.run(time.Second)
	if len(w.begun) != cast.MaxHandshakesPerAddress {
		t.Errorf("%d handshakes", len(w.begun))
	}
	w.begun[0].done(Keys{}, errors.New("test"))
	w.run(10 * time.Millisecond)
	late := w.join(netip.AddrPortFrom(viewerAt.Addr(), 50000))
	late.prove()
	late.send(handshakeOf(1, 100))
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
	if w.s.checks.size > 0 {
		t.Fatal("nothing has come yet")
	}
	good.prove()
	old.prove()
	if n := w.s.byID[bad.name].queuedChecks; n > 0 || w.s.checks.size > 0 {
		t.Errorf("%d wait", n)
	}
}

// TestBytesBeforeTheHandshakeIsDone has somebody prove an address that is not theirs, as they have a session, and begin a
// handshake in its name: no flood of flights goes there.
func TestBytesBeforeTheHandshakeIsDone(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	g.send(handshakeOf(1, 100))
	w.run(20 * time.Millisecond)
	h := w.begun[0]
	for range 20 {
		h.send(append([]byte{22}, make([]byte, 999)...))
	}
	w.run(20 * time.Millisecond)
	if g.got["DTLS"] != 4 { // 4396 bytes at most
		t.Errorf("%d datagrams of 1000 bytes", g.got["DTLS"])
	}
	p := srtp.AEADAES128GCM
	h.done(Keys{p, make([]byte, p.KeyBytes()), make([]byte, p.KeyBytes())}, nil)
	h.send([]byte{22})
	w.run(20 * time.Millisecond)
	if g.got["DTLS"] != 5 {
		t.Error("the last flight is not sent again")
	}
}

// TestHostsHaveRoomForChecks has one host open many sessions, and send more checks by their passwords than may wait: another host's
// check, which comes last, is answered all the same.
func TestHostsHaveRoomForChecks(t *testing.T) {
	w := newStage(t, nil)
	good := w.join(movedTo)
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("203.0.113.99:9999"))
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(serverAt, 5004)
	for i := range 2 * maxQueuedChecks / maxChecksPerViewer {
		bad := w.join(netip.AddrPortFrom(viewerAt.Addr(), uint16(30000+i)))
		for range maxChecksPerViewer {
			if err := peer.Send(to, bad.check("guessed, and as long as ours is")); err != nil {
				t.Fatal(err)
			}
		}
	}
	good.prove()
	if q := &w.s.checks; q.size > 0 || len(q.byHost) > 0 {
		t.Errorf("%d wait, of %d hosts", q.size, len(q.byHost))
	}
}
