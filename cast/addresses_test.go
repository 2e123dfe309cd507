package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
)

// playAt asks for RTP over UDP at two ports, and returns the statuses of SETUP and PLAY, with the
// answer to the last one that was sent.
func (v *viewer) playAt(rtp, rtcp int) (setup, play int, head string) {
	v.w.t.Helper()
	setup = v.setup(fmt.Sprintf("RTP/AVP;unicast;client_port=%d-%d", rtp, rtcp))
	if head = v.answers[len(v.answers)-1]; setup == 200 {
		play, head = v.ask("PLAY", v.url(), "")
	}
	return setup, play, head
}

// TestAddressesAreKept has somebody at the same address as other readers go through their ports, by
// RTP and by RTCP, and the readers lose nothing. It asks for 30 s.
func TestAddressesAreKept(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		v := w.watch("10.0.1.1", false) // at ports 20000 and 20001
		r := reportOf(v)
		j := w.joins("10.0.1.1:7000", "cam")
		w.until(func() bool { return j.client.Accepted() != nil })
		joined := newest(w)
		for range 10 {
			for _, ports := range [][2]int{{20000, 20001}, {20001, 20000}, {20000, 30001}, {30000, 20001}, {20001, 30001}, {7000, 7001}, {30000, 7000}} {
				walker := w.connect("10.0.1.1")
				setup, play, head := walker.playAt(ports[0], ports[1])
				if setup != 200 || play != 453 || !strings.Contains(head, "Not Enough Bandwidth: another reader is at 10.0.1.1:") || !strings.Contains(head, "\r\nRetry-After: ") {
					t.Errorf("seed %d: at ports %v SETUP %d, PLAY %d, %s", seed, ports, setup, play, head)
				}
				walker.conn.Close()
			}
			w.run(3 * time.Second)
			r.send()
			joined.Alive()
		}
		if w.b.Readers() != 2 || !joined.Playing() {
			t.Errorf("seed %d: %d readers, the one who joined plays: %v", seed, w.b.Readers(), joined.Playing())
		}
		r.row()
		if !strings.Contains(w.log.String(), "reader refused: another reader is at 10.0.1.1:") {
			t.Errorf("seed %d: the log does not say why", seed)
		}
	}
}

// TestJoiningAtAnAddress has somebody join at the address of a session's RTP, and of its RTCP.
func TestJoiningAtAnAddress(t *testing.T) {
	for port := 20000; port <= 20001; port++ {
		w := newWorld(t, 1, nil)
		v := w.watch("10.0.1.1", false)
		v.rtp.Close()
		v.rtcp.Close()
		at := fmt.Sprintf("10.0.1.1:%d", port)
		j := w.joins(at, "cam")
		j.peer.OnReceive(func(d sim.Datagram) {
			if d.From == rtpAddr { // else it is the session's
				j.receive(d)
			}
		})
		w.run(time.Second)
		if refusal, ok := errors.AsType[*join.RefusedError](j.err); !ok || refusal.Reason != join.Unavailable {
			t.Errorf("at %s: %v", at, j.err)
		}
		if s := newest(w); w.b.Readers() != 1 || s.Protocol() != cast.RTSP {
			t.Errorf("at %s: %d readers, %v", at, w.b.Readers(), s.Protocol())
		}
	}
}

// TestAddressOfASilentSession has a player vanish and start again with one of its ports: it may play
// when the session before has been silent for 10 s, and that one ends then.
func TestAddressOfASilentSession(t *testing.T) {
	for _, ports := range [][2]int{{20000, 20001}, {20000, 30001}, {30000, 20001}} {
		var h hooks
		w := newWorld(t, 1, h.use)
		first := w.watch("10.0.1.1", false)
		w.run(20 * time.Second)
		reportOf(first)
		w.must(first.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), []byte{0x80, 201, 0, 1, 0, 0, 0, 0}))
		first.conn.Close()
		began := w.k.Monotonic()
		again := w.connect("10.0.1.1")
		if setup, play, head := again.playAt(ports[0], ports[1]); setup != 200 || play != 453 || !strings.Contains(head, "Retry-After: 10\r\n") {
			t.Errorf("at once: %s", head)
		}
		w.run(9500*time.Millisecond - (w.k.Monotonic() - began))
		if status, head := again.ask("PLAY", streamURL, ""); status != 453 || !strings.Contains(head, "Retry-After: 1\r\n") {
			t.Errorf("after 9.5 s: %s", head)
		}
		w.run(10010*time.Millisecond - (w.k.Monotonic() - began))
		again.session = "" // which has ended, as it has not played
		if setup, play, head := again.playAt(ports[0], ports[1]); setup != 200 || play != 200 {
			t.Errorf("after 10 s: %s", head)
		}
		if len(h.told) != 3 || !strings.HasSuffix(h.told[1], "left: another reader has come to its address") || w.b.Readers() != 1 {
			t.Errorf("the program was told %q; %d readers", h.told, w.b.Readers())
		}
	}
}

// TestAddressWithinAConnection has a player set up again on its connection, at the same ports, and
// play: the session before ends. PLAY again of a session that plays or has paused is fine.
func TestAddressWithinAConnection(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.1.1", false)
	v.play()
	v.ask("PAUSE", streamURL, "")
	v.play()
	v.session = ""
	if setup, play, head := v.playAt(20000, 20001); setup != 200 || play != 200 {
		t.Errorf("SETUP %d, PLAY %d: %s", setup, play, head)
	}
	if w.b.Readers() != 1 || sessions(w) != 1 {
		t.Errorf("%d readers, %d sessions", w.b.Readers(), sessions(w))
	}
}

// TestProgramsReadersKeepTheirAddress has somebody play at the address of a reader that the program
// has added.
func TestProgramsReadersKeepTheirAddress(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.run(100 * time.Millisecond)
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:7000"), RTCP: netip.MustParseAddrPort("10.0.1.1:7001")}
	r, err := w.s.Join(at, nil)
	w.must(err)
	w.run(time.Minute)
	v := w.connect("10.0.1.1")
	if _, play, head := v.playAt(7000, 7001); play != 453 {
		t.Errorf("PLAY: %s", head)
	}
	r.Leave()
	if status, head := v.ask("PLAY", streamURL, ""); status != 200 {
		t.Errorf("PLAY when it has left: %s", head)
	}
}

// TestLowPorts has readers ask for frames at ports of services.
func TestLowPorts(t *testing.T) {
	for _, low := range []bool{false, true} {
		w := newWorld(t, 1, func(c *cast.Config) { c.LowPorts = low })
		for i, ports := range [][2]int{{53, 54}, {1023, 1024}, {1024, 1023}, {40000, 1}} {
			setup, play, head := w.connect(fmt.Sprintf("10.0.2.%d", i+1)).playAt(ports[0], ports[1])
			if low && (setup != 200 || play != 200) || !low && (setup != 461 || !strings.Contains(head, "Unsupported Transport: port ")) {
				t.Errorf("low ports %v, %v: SETUP %d, PLAY %d: %s", low, ports, setup, play, head)
			}
		}
		if setup, play, head := w.connect("10.0.1.2").playAt(1024, 1025); setup != 200 || play != 200 {
			t.Errorf("ports 1024-1025: %s", head)
		}
		v := w.connect("10.0.1.3") // the next offer is taken
		if status := v.setup("RTP/AVP;unicast;client_port=53-54,RTP/AVP/TCP;unicast;interleaved=0-1"); status != 200 {
			t.Errorf("UDP at port 53 or TCP: %d", status)
		}
		j := w.joins("10.0.1.4:1023", "cam")
		w.run(time.Second)
		got, _ := j.peer.Received()
		if accepted := j.client.Accepted() != nil; accepted != low || j.err != nil || !low && got > 0 {
			t.Errorf("low ports %v, who joins from port 1023: accepted %v, %v, got %d datagrams", low, accepted, j.err, got)
		}
		d := cast.Destination{Peer: netip.MustParseAddrPort("10.0.4.1:53")} // the program's own wish
		_, err := w.s.SendTo(d)
		w.must(err)
		_, err = w.s.Join(cast.Address{RTP: netip.MustParseAddrPort("10.0.5.1:53"), RTCP: netip.MustParseAddrPort("10.0.5.1:54")}, nil)
		w.must(err)
	}
}

// TestOwnAddress has somebody on the server's machine ask for frames at the server's own ports, by
// each of its addresses: none of it is granted. Elsewhere these ports are as good as others.
func TestOwnAddress(t *testing.T) {
	w := newWorldAt(t, 1, []netip.Addr{serverAddr, secondAddr}, nil)
	fixed, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.0.4.1:7000")})
	w.must(err)
	port := int(cast.FixedPort(fixed))
	for _, from := range []string{"10.0.0.1", "10.0.0.2"} {
		for _, to := range []netip.Addr{serverAddr, secondAddr} {
			for _, ports := range [][2]int{{5004, 5005}, {5005, 5004}, {40000, 5004}, {40000, 5005}, {5004, 40000}, {port, port + 1}} {
				v := w.connectTo(from, netip.AddrPortFrom(to, 8554))
				setup, _, head := v.playAt(ports[0], ports[1])
				if setup != 461 || !strings.Contains(head, "is the server's own") {
					t.Errorf("from %s to %v, ports %v: SETUP %d, %s", from, to, ports, setup, head)
				}
				v.conn.Close()
			}
		}
	}
	v := w.connect("10.0.1.1")
	if setup, play, head := v.playAt(5004, 5005); setup != 200 || play != 200 {
		t.Errorf("from elsewhere: SETUP %d, PLAY %d, %s", setup, play, head)
	}
}

// TestEchoIsNoSignOfLife has two readers send back all that they are sent, to the server's ports:
// they time out.
func TestEchoIsNoSignOfLife(t *testing.T) {
	var h hooks
	w := newWorld(t, 1, h.use)
	v := w.watch("10.0.1.1", false)
	j := w.joins("10.0.1.2:7000", "cam")
	w.until(func() bool { return j.client.Accepted() != nil })
	echo := func(peer *sim.UDPPeer, to uint16) {
		peer.OnReceive(func(d sim.Datagram) { w.must(peer.Send(netip.AddrPortFrom(serverAddr, to), d.Payload)) })
	}
	echo(v.rtp, 5005)
	echo(v.rtcp, 5005)
	echo(j.peer, 5004)
	w.run(59 * time.Second)
	if w.b.Readers() != 2 {
		t.Errorf("%d readers before the timeout", w.b.Readers())
	}
	w.run(6 * time.Second)
	if w.b.Readers() != 0 {
		t.Errorf("%d readers after the timeout; the program was told %q", w.b.Readers(), h.told)
	}
}
