package cast_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// newRejectingWorld is a film world whose hosts answer for closed ports, each once in every.
func newRejectingWorld(t *testing.T, every time.Duration) (*world, *film) {
	w, f := newFilmWorld(t, nil)
	w.k.SetRejects(netip.MustParsePrefix("10.0.0.0/8"), every)
	return w, f
}

// die has a guest's machine close its ports, and its connection stay open.
func (g *guest) die() {
	g.rtp.Close()
	if g.rtcp != nil {
		g.rtcp.Close()
	}
	g.state, g.sink.over = hasLeft, false
}

// revive has its ports open again.
func (g *guest) revive() {
	g.rtp, g.rtcp = nil, nil
	g.listen()
	g.state = isPlaying
}

// TestClosedPort has the ports of readers of each kind close. They rest at once and end after two
// seconds; nobody else misses a frame.
func TestClosedPort(t *testing.T) {
	for _, how := range []way{overUDP, byJoining} {
		w, f := newRejectingWorld(t, 0)
		gone, there := w.admit(how, "10.0.1.1", f), []*guest{w.admit(overUDP, "10.0.2.1", f), w.admit(byJoining, "10.0.2.2", f)}
		w.run(time.Second)
		gone.die()
		w.run(200 * time.Millisecond)
		if f := w.s.Figures(); f.Resting != 1 {
			t.Errorf("%v: %d readers rest", how, f.Resting)
		}
		w.run(1700 * time.Millisecond)
		if n := w.b.Readers(); n != 3 {
			t.Errorf("%v: %d readers before two seconds", how, n)
		}
		w.run(200 * time.Millisecond)
		if n := w.b.Readers(); n != 2 || !strings.Contains(w.log.String(), "its port is closed") {
			t.Errorf("%v: %d readers after two seconds", how, n)
		}
		w.run(time.Second)
		for _, g := range there {
			if len(g.jumps()) > 0 || g.sink.halves > 0 || len(g.sink.numbers) < 3*framesPerSecond {
				g.wrong("it has %v, jumps %v", &g.sink, g.jumps())
			}
		}
		if turns := w.l.Stats().Turns; turns > 3000 {
			t.Errorf("%v: the loop has turned %d times", how, turns)
		}
	}
}

// TestPortOpensAgain has a player start again with the same ports within two seconds, and report or
// ask: it goes on.
func TestPortOpensAgain(t *testing.T) {
	for name, live := range map[string]func(g *guest){
		"report":  func(g *guest) { g.report() },
		"request": func(g *guest) { g.ask("OPTIONS", "") },
	} {
		w, f := newRejectingWorld(t, 0)
		g := w.admit(overUDP, "10.0.1.1", f)
		w.run(time.Second)
		for range 3 {
			g.die()
			w.run(1500 * time.Millisecond)
			g.revive()
			live(g)
			had := len(g.sink.numbers)
			w.run(time.Second)
			if f, got := w.s.Figures(), len(g.sink.numbers)-had; w.b.Readers() != 1 || f.Resting != 0 || got < framesPerSecond-1 {
				t.Errorf("%s: %d readers, %d rest, it had %d frames", name, w.b.Readers(), f.Resting, got)
			}
		}
		w.run(5 * time.Second)
		if w.b.Readers() != 1 {
			t.Errorf("%s: it was ended later", name)
		}
	}
}

// TestRejectionsThatDoNotCount has ICMP come that is forged, or says something else: nobody rests,
// and nobody misses a frame.
func TestRejectionsThatDoNotCount(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	var packet, report []byte
	g := w.admit(overUDP, "10.0.1.1", f)
	g.rtp.OnReceive(func(d sim.Datagram) { packet = slices.Clone(d.Payload); g.arrived(d.Payload) })
	g.rtcp.OnReceive(func(d sim.Datagram) { report = slices.Clone(d.Payload); g.arrived(d.Payload) })
	w.run(10 * time.Second)
	other := slices.Clone(packet)
	other[8]++
	rtp, rtcp := g.at(), netip.AddrPortFrom(g.ip, g.port+1)
	closed := loop.Rejection{Peer: rtp, Errno: unix.ECONNREFUSED, PortClosed: true, Quoted: packet}
	for name, change := range map[string]func(r *loop.Rejection){
		"another SSRC":           func(r *loop.Rejection) { r.Quoted = other },
		"a short quote":          func(r *loop.Rejection) { r.Quoted = packet[:11] },
		"no quote":               func(r *loop.Rejection) { r.Quoted = nil },
		"a stranger":             func(r *loop.Rejection) { r.Peer = netip.MustParseAddrPort("10.0.1.2:20000") },
		"the port before":        func(r *loop.Rejection) { r.Peer = netip.AddrPortFrom(g.ip, g.port-1) },
		"the highest port":       func(r *loop.Rejection) { r.Peer = netip.AddrPortFrom(g.ip, 65535) },
		"no way to the host":     func(r *loop.Rejection) { r.PortClosed, r.Errno = false, unix.EHOSTUNREACH },
		"a narrow link":          func(r *loop.Rejection) { r.PortClosed, r.Errno = false, unix.EMSGSIZE },
		"RTCP, it never reports": func(r *loop.Rejection) { r.Peer, r.Quoted = rtcp, report },
	} {
		r := closed
		change(&r)
		for _, fd := range w.k.OpenFDs() {
			_ = w.k.Reject(fd, r) // those that are no UDP sockets have no error queue
		}
		w.run(100 * time.Millisecond)
		if f := w.s.Figures(); f.Resting != 0 {
			t.Errorf("%s: a reader rests", name)
		}
	}
	w.run(3 * time.Second)
	if len(g.jumps()) > 0 || g.sink.halves > 0 || w.b.Readers() != 1 {
		g.wrong("it has %v", &g.sink)
	}
	g.report()
	w.run(time.Second)
	r := closed
	r.Peer, r.Quoted = rtcp, report
	for _, fd := range w.k.OpenFDs() {
		_ = w.k.Reject(fd, r)
	}
	w.run(2200 * time.Millisecond)
	if w.b.Readers() != 0 {
		t.Error("a reader whose RTCP port was open, and is closed, is there after two seconds")
	}
}

// TestClosedPortsOfAHost has many readers of one host vanish at once, whose ICMP is limited. All of
// them end in the end, by their silence if not by ICMP.
func TestClosedPortsOfAHost(t *testing.T) {
	w, f := newRejectingWorld(t, time.Second)
	var all []*guest
	for range 10 {
		all = append(all, w.admit(byJoining, "10.0.1.1", f))
	}
	there := w.admit(overUDP, "10.0.2.1", f)
	there.reportEvery(time.Second, 5*time.Second)
	w.run(time.Second)
	for _, g := range all {
		g.die()
	}
	w.run(5 * time.Second)
	if n := w.b.Readers(); n > 9 {
		t.Errorf("%d readers after five seconds", n)
	}
	w.run(65 * time.Second)
	if n := w.b.Readers(); n != 1 || len(there.jumps()) > 0 || there.sink.halves > 0 {
		t.Errorf("%d readers; the one that is there has %v", n, &there.sink)
	}
}

// TestClosedPortOfAFixedDestination sends to a fixed destination where nobody listens yet: it is
// sent to all the same.
func TestClosedPortOfAFixedDestination(t *testing.T) {
	w, f := newRejectingWorld(t, 0)
	g := w.admit(bySending, "10.0.1.1", f)
	g.die()
	there := w.admit(overUDP, "10.0.2.1", f)
	w.run(5 * time.Second)
	g.revive()
	had := len(g.sink.numbers)
	w.run(time.Second)
	if got := len(g.sink.numbers) - had; !g.fixed.Playing() || got < framesPerSecond-1 || len(there.jumps()) > 0 {
		t.Errorf("it plays: %v, and has %d frames; the other jumps to %v", g.fixed.Playing(), got, there.jumps())
	}
}

// TestClosedPortOfAProgramsReader has the port of a reader close that a program has added: its
// observer is told. One without an observer is tried again.
func TestClosedPortOfAProgramsReader(t *testing.T) {
	w, f := newRejectingWorld(t, 0)
	g := w.admit(byProgram, "10.0.1.1", f)
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.1.2:6000"))
	w.must(err)
	at := cast.Address{RTP: peer.Addr(), RTCP: netip.MustParseAddrPort("10.0.1.2:6001")}
	_, err = w.s.Join(at, nil)
	w.must(err)
	w.run(time.Second)
	g.die()
	peer.Close()
	w.run(2500 * time.Millisecond)
	if n := w.s.Readers(); n != 1 {
		t.Errorf("%d readers; want the one without an observer", n)
	}
	if peer, err = w.k.NewUDPPeer(at.RTP); err != nil {
		t.Fatal(err)
	}
	w.run(3 * time.Second)
	if n, _ := peer.Received(); n < framesPerSecond {
		t.Errorf("it was sent %d packets when its port was open again", n)
	}
}
