package webrtc

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	"github.com/pion/stun/v3"
)

// viewer is what the server has of the guest's session.
func (g *guest) viewer() *viewer { return g.w.s.byID[g.name] }

// checkFrom is a check by the guest's password, as it comes from some address.
func (g *guest) checkFrom(from netip.AddrPort, more ...stun.Setter) udp.Datagram {
	return udp.Datagram{Payload: g.check(g.password, more...), From: from, To: serverAt}
}

// hostAt is an address of a host.
func hostAt(host, port int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(host >> 8), byte(host)}), uint16(port))
}

// TestLargestCheck has a check be as large as those that are read, and a little larger.
func TestLargestCheck(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	for _, c := range []struct{ bytes, waiting int }{{maxCheckBytes + 4, 0}, {maxCheckBytes, 1}} {
		d := g.checkFrom(viewerAt)
		d = g.checkFrom(viewerAt, stun.NewSoftware(strings.Repeat("x", c.bytes-len(d.Payload)-4)))
		if !w.s.takeCheck(d) || len(d.Payload) != c.bytes || w.s.checks.size != c.waiting {
			t.Errorf("of a check of %d bytes %d wait", len(d.Payload), w.s.checks.size)
		}
	}
	w.run(20 * time.Millisecond)
	if g.got["Binding success response"] != 1 {
		t.Errorf("%v", g.got)
	}
}

// TestQueuedChecks fills the room for checks from new addresses: by one viewer, by one host, and by all, twice, so that it is
// filled from its middle on. Whatever waits is answered by its viewer's password, and then there is room again.
func TestQueuedChecks(t *testing.T) {
	w := newStage(t, nil)
	q := &w.s.checks
	port := 1024
	fill := func(g *guest) {
		for range maxChecksPerViewer + 3 {
			port++
			w.s.takeCheck(g.checkFrom(hostAt(0, port)))
		}
	}
	for round := range 2 {
		before := q.size
		fill(w.join(hostAt(1, 5000+round)))
		if q.size-before != maxChecksPerViewer {
			t.Errorf("%d checks of one viewer wait", q.size-before)
		}
		for i := range maxChecksPerHost/maxChecksPerViewer + 5 {
			fill(w.join(hostAt(1, 6000+100*round+i)))
		}
		if q.size-before != maxChecksPerHost {
			t.Errorf("%d checks of one host's viewers wait", q.size-before)
		}
		for i := range maxQueuedChecks/maxChecksPerViewer + 5 {
			fill(w.join(hostAt(2+100*round+i, 5000)))
		}
		if q.size != maxQueuedChecks {
			t.Errorf("%d checks wait", q.size)
		}
		proved := len(w.s.byAddress)
		w.run(100 * time.Millisecond)
		if n := len(w.s.byAddress) - proved; n != maxQueuedChecks || q.size > 0 || len(q.byHost) > 0 {
			t.Errorf("round %d: %d addresses are proved by %d checks; %d wait", round, n, maxQueuedChecks, q.size)
		}
		for _, v := range w.s.byID {
			if v.queuedChecks != 0 {
				t.Fatalf("%d checks of a viewer count as waiting", v.queuedChecks)
			}
		}
		for s := range w.b.Sessions() { // their rooms for addresses are full
			s.Gone("test")
		}
	}
}

// TestChecksOfWhoHasLeft has a viewer leave whose check waits.
func TestChecksOfWhoHasLeft(t *testing.T) {
	w := newStage(t, nil)
	leaves, stays := w.join(viewerAt), w.join(movedTo)
	for _, g := range []*guest{leaves, stays} {
		w.s.takeCheck(g.checkFrom(g.peer.Addr()))
	}
	leaves.viewer().session.Gone("closed")
	w.run(20 * time.Millisecond)
	if len(leaves.got) > 0 || stays.got["Binding success response"] != 1 || len(w.s.byAddress) != 1 {
		t.Errorf("%v, %v", leaves.got, stays.got)
	}
}

// TestParked has a viewer's SRTCP not come: what is left of DTLS is kept for a while, and then dropped; the viewer stays.
func TestParked(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	h := g.shake()
	w.run(lastFlightTimeout - 50*time.Millisecond)
	if h.closed {
		t.Error("DTLS is dropped too soon")
	}
	w.run(100 * time.Millisecond)
	if n, playing := w.sessions(); !h.closed || n != 1 || playing != 1 {
		t.Errorf("DTLS is dropped: %v; %d sessions, %d play", h.closed, n, playing)
	}
}

// TestDatagramsOfAHandshake has more datagrams come than are kept before a handshake begins, or than it takes, and larger ones.
func TestDatagramsOfAHandshake(t *testing.T) {
	w := newStage(t, nil)
	first, g := w.join(viewerAt), w.join(movedTo)
	first.prove()
	g.prove()
	first.shake()
	w.s.handshakes.next = w.l.Now() + 10*time.Millisecond
	number := byte(0)
	take := func(bytes int) {
		number++
		if !w.s.takeDTLS(udp.Datagram{Payload: handshakeOf(number, bytes), From: movedTo, To: serverAt}) {
			t.Errorf("a datagram of %d bytes of a viewer is left to others", bytes)
		}
	}
	for _, bytes := range []int{2, maxHandshakeBytes + 1} {
		if w.s.takeDTLS(udp.Datagram{Payload: make([]byte, bytes), From: hostAt(9, 9999), To: serverAt}) {
			t.Errorf("a datagram of %d bytes of nobody's is taken", bytes)
		}
	}
	take(maxHandshakeBytes + 1)
	for range maxEarlyDatagrams + 2 {
		take(100)
	}
	w.run(20 * time.Millisecond)
	h := w.begun[1]
	var numbers []byte
	for _, p := range h.taken {
		numbers = append(numbers, p[numberAt])
	}
	if !slices.Equal(numbers, []byte{2, 3, 4, 5}) {
		t.Fatalf("the handshake begins with datagrams %v", numbers)
	}
	take(maxHandshakeBytes)
	take(maxHandshakeBytes + 1)
	if len(h.taken) != maxEarlyDatagrams+1 {
		t.Errorf("%d datagrams are taken, want one more", len(h.taken))
	}
	for range 2 * maxHandshakeDatagrams {
		take(100)
	}
	if n := len(h.taken) + 2; n != maxHandshakeDatagrams { // two were not kept
		t.Errorf("%d datagrams are taken", n)
	}
}

// TestUnprovedBytesToTheLast has a handshake that is not done send as many bytes as it may to its address, to the last one. What
// has come counts three times.
func TestUnprovedBytesToTheLast(t *testing.T) {
	w := newStage(t, nil)
	g := w.join(viewerAt)
	g.prove()
	g.send(handshakeOf(1, 100))
	w.run(20 * time.Millisecond)
	const each = (unprovedBytes + unprovedTimes*100) / 4
	for range 10 {
		w.begun[0].send(append([]byte{22}, make([]byte, each-1)...))
	}
	w.run(20 * time.Millisecond)
	if g.got["DTLS"] != 4 {
		t.Errorf("%d datagrams of %d bytes", g.got["DTLS"], each)
	}
}

// TestLeavingTheQueue has viewers leave while they wait for their handshakes, some of them all of their host: those of the others
// begin, each once.
func TestLeavingTheQueue(t *testing.T) {
	w := newStage(t, nil)
	var all []*guest
	for i := range 12 {
		g := w.join(hostAt(i/3, 5000+i))
		g.prove()
		all = append(all, g)
	}
	for i, g := range all {
		w.s.takeDTLS(udp.Datagram{Payload: handshakeOf(byte(i), 100), From: g.peer.Addr(), To: serverAt})
	}
	leave := []int{0, 3, 4, 5, 7, 11}
	for _, i := range leave {
		all[i].viewer().session.Gone("closed")
	}
	w.run(time.Second)
	var began []byte
	for _, h := range w.begun {
		began = append(began, h.taken[0][numberAt])
	}
	slices.Sort(began)
	if !slices.Equal(began, []byte{1, 2, 6, 8, 9, 10}) || len(w.s.handshakes.waiting)+len(w.s.handshakes.hosts) > 0 {
		t.Errorf("the handshakes of %v have begun; %d hosts wait", began, len(w.s.handshakes.waiting))
	}
	if _, set := w.s.handshakes.timer.Due(); set {
		t.Error("the timer is set, and nobody waits")
	}
}

// TestAddressesAreForgotten has a viewer prove more addresses than are kept: the oldest is forgotten, but not the one where the
// viewer is.
func TestAddressesAreForgotten(t *testing.T) {
	w := newStage(t, nil)
	g := w.plays(viewerAt)
	proves := func(hosts ...int) {
		for _, host := range hosts {
			w.s.answerCheck(g.viewer(), g.checkFrom(hostAt(host, 5000)))
		}
	}
	are := func(want ...netip.AddrPort) {
		t.Helper()
		var got []netip.AddrPort
		for _, one := range g.viewer().proved {
			got = append(got, one.peer)
		}
		if !slices.Equal(got, want) || len(w.s.byAddress) != len(want) {
			t.Errorf("%v are proved, want %v", got, want)
		}
	}
	proves(1, 2, 3)
	are(viewerAt, hostAt(1, 5000), hostAt(2, 5000), hostAt(3, 5000))
	proves(4)
	are(viewerAt, hostAt(2, 5000), hostAt(3, 5000), hostAt(4, 5000))
	g.moveTo(hostAt(3, 5000))
	g.send(g.report())
	proves(5)
	are(hostAt(2, 5000), hostAt(3, 5000), hostAt(4, 5000), hostAt(5, 5000))
	proves(3, 6)
	are(hostAt(3, 5000), hostAt(4, 5000), hostAt(5, 5000), hostAt(6, 5000))
	proves(7)
	are(hostAt(3, 5000), hostAt(5, 5000), hostAt(6, 5000), hostAt(7, 5000))
}

// TestPlayoutDelays has viewers be told delays that make no sense, or do not fit: they are told the nearest ones that do.
func TestPlayoutDelays(t *testing.T) {
	for _, c := range []struct {
		delay    cast.PlayoutDelay
		min, max int // in steps of 10 ms
	}{
		{cast.PlayoutDelay{Min: 50 * time.Millisecond, Max: 120 * time.Millisecond}, 5, 12},
		{cast.PlayoutDelay{Min: 50 * time.Millisecond, Max: 20 * time.Millisecond}, 5, 5},
		{cast.PlayoutDelay{Min: -time.Second, Max: 59 * time.Millisecond}, 0, 5},
		{cast.PlayoutDelay{Min: time.Hour, Max: 0}, 4095, 4095},
		{cast.PlayoutDelay{Min: 0, Max: cast.MaxPlayoutDelay + 10*time.Millisecond}, 0, 4095},
	} {
		w := newStage(t, nil)
		w.delay = c.delay
		g := w.join(viewerAt)
		g.prove()
		g.shake()
		w.publish(time.Second)
		want := []byte{0xbe, 0xde, 0, 1, offerOf(t).PlayoutDelayID<<4 | 2, byte(c.min >> 4), byte(c.min<<4 | c.max>>8), byte(c.max)}
		if !bytes.Equal(g.extension, want) {
			t.Errorf("%v: the header extension is % x, want % x", c.delay, g.extension, want)
		}
	}
}
