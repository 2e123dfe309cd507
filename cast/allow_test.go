package cast_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/join"
	"github.com/camcast/camcast/proto/rtcp"
)

// networks are prefixes.
func networks(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// TestAllow has readers come from networks that are allowed and others, by each way.
func TestAllow(t *testing.T) {
	inside, outside := []string{"10.0.1.1", "2001:db8:1::1"}, []string{"10.0.2.1", "2001:db8:2::1"}
	here := networks("10.0.1.0/24", "2001:db8:1::/48")
	for _, c := range []struct {
		name      string
		allow     cast.Allow
		rtsp, rtp bool // whether those outside are served
	}{
		{"all", cast.Allow{}, true, true},
		{"both", cast.Allow{RTSP: here, RTP: here}, false, false},
		{"RTSP", cast.Allow{RTSP: here}, false, true},
		{"RTP", cast.Allow{RTP: here}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newLimitedWorld(t, func(config *cast.Config) { config.Allow = c.allow })
			for _, ip := range inside {
				w.watchFrom(ip, true)
				w.watchFrom(ip, false)
				w.checkJoins(ip, true)
			}
			readers := w.b.Readers()
			for _, ip := range outside {
				if v := w.connectFrom(ip); c.rtsp {
					w.checkTransports(v, c.rtp)
				} else {
					w.checkNotAllowed(v)
				}
				w.checkJoins(ip, c.rtp)
			}
			want := 0
			for _, served := range []bool{c.rtsp, c.rtsp && c.rtp, c.rtp} { // TCP, UDP, join
				if served {
					want += len(outside)
				}
			}
			if got := w.b.Readers() - readers; got != want {
				t.Errorf("%d readers outside, want %d", got, want)
			}
			if logged := strings.Contains(w.log.String(), "is not allowed"); logged == (c.rtsp && c.rtp) {
				t.Errorf("it is logged that an address is not allowed: %v", logged)
			}
		})
	}
}

// checkJoins has somebody ask to join. One who is not allowed gets no answer.
func (w *world) checkJoins(ip string, allowed bool) {
	w.t.Helper()
	j := w.joinsAt(netip.AddrPortFrom(netip.MustParseAddr(ip), 7000).String(), netip.AddrPortFrom(w.serverFor(ip), 5004), "cam")
	w.run(time.Second)
	datagrams, _ := j.peer.Received()
	if accepted := j.client.Accepted() != nil; accepted != allowed || !allowed && datagrams > 0 {
		w.t.Errorf("joining from %s: accepted %v, %d datagrams", ip, accepted, datagrams)
	}
}

// checkTransports has a viewer ask for TCP, and then another one of its address for UDP.
func (w *world) checkTransports(v *viewer, udp bool) {
	w.t.Helper()
	if status := v.setupTCP(); status != 200 {
		w.t.Errorf("SETUP over TCP: %d", status)
	}
	v.play()
	other, want := w.connectFrom(v.conn.Addr().Addr().String()), 200
	if !udp {
		want = 461
	}
	if status := other.setupUDP(); status != want {
		w.t.Errorf("SETUP over UDP: %d, want %d", status, want)
	}
	if udp {
		other.play()
	}
}

// checkNotAllowed wants a connection to be refused and closed.
func (w *world) checkNotAllowed(v *viewer) {
	w.t.Helper()
	w.run(10 * time.Millisecond)
	if !v.conn.Ended() || len(v.answers) != 1 || !strings.HasPrefix(v.answers[0], "RTSP/1.0 403 Forbidden: the address is not allowed\r\n") {
		w.t.Errorf("ended %v, answered by %q", v.conn.Ended(), v.answers)
	}
}

// TestAllowOfAddressesThatAreWrittenOtherwise compares mapped addresses, zones and host bits.
func TestAllowOfAddressesThatAreWrittenOtherwise(t *testing.T) {
	for _, c := range []struct {
		network, peer string
		allowed       bool
	}{
		{"192.0.2.0/24", "192.0.2.1", true},
		{"192.0.2.0/24", "::ffff:192.0.2.1", true},
		{"::ffff:192.0.2.0/120", "192.0.2.1", true},
		{"::ffff:192.0.2.0/120", "192.0.3.1", false},
		{"192.0.2.77/24", "192.0.2.1", true},
		{"192.0.2.77/32", "192.0.2.1", false},
		{"fe80::/10", "fe80::1%eth0", true},
		{"::/0", "192.0.2.1", false},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"0.0.0.0/0", "192.0.2.1", true},
	} {
		w := newWorld(t, 1, func(config *cast.Config) { config.Allow.RTSP = networks(c.network) })
		err := w.b.Connected(cast.RTSP, netip.AddrPortFrom(netip.MustParseAddr(c.peer), 1))
		if (err == nil) != c.allowed || err != nil && cast.RefusalOf(err).Kind != cast.Forbidden {
			t.Errorf("%s within %s: %v", c.peer, c.network, err)
		}
	}
	for _, wrong := range []netip.Prefix{{}, netip.MustParsePrefix("::ffff:1.2.3.4/64")} {
		for _, allow := range []cast.Allow{{RTSP: []netip.Prefix{wrong}}, {RTP: []netip.Prefix{wrong}}} {
			if err := (cast.Config{Allow: allow}).Check(); err == nil || !strings.Contains(err.Error(), "allow: a network is not valid") {
				t.Errorf("%v: error %v", wrong, err)
			}
		}
	}
}

// TestAllowIsAskedBeforeTheGate has a front ask by itself about an address that is not allowed.
func TestAllowIsAskedBeforeTheGate(t *testing.T) {
	g := &gate{}
	w := newWorld(t, 1, func(c *cast.Config) {
		c.Gate, c.Allow = g, cast.Allow{RTSP: networks("10.0.1.0/24"), RTP: networks("10.0.2.0/24")}
	})
	for _, c := range []struct {
		protocol cast.Protocol
		peer     string
		allowed  bool
	}{
		{cast.RTSP, "10.0.1.1:1", true}, {cast.RTSP, "10.0.2.1:1", false},
		{cast.Join, "10.0.1.1:1", false}, {cast.Join, "10.0.2.1:1", true},
	} {
		var got error
		asked := len(g.answers)
		w.b.Admit(cast.Request{Protocol: c.protocol, Peer: netip.MustParseAddrPort(c.peer), Stream: "cam", Action: cast.Watch},
			func(_ cast.Grant, err error) { got = err })
		if refused := got != nil && cast.RefusalOf(got).Kind == cast.Forbidden; refused == c.allowed || (len(g.answers) > asked) != c.allowed {
			t.Errorf("%v from %s: %v, the gate was asked %d times", c.protocol, c.peer, got, len(g.answers)-asked)
		}
	}
}

// TestReadersOfTheProgramAreAlwaysAllowed has a program send where nobody may join: the reports
// from there are read, also on the RTP port.
func TestReadersOfTheProgramAreAlwaysAllowed(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Allow.RTP = networks("10.0.1.0/24") })
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.2.1:7000"))
	if err != nil {
		t.Fatal(err)
	}
	var o reportCounter
	if _, err := w.s.Join(cast.Address{RTP: peer.Addr(), RTCP: peer.Addr()}, &o); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	if err := peer.Send(rtpAddr, rtcp.AppendReceiverReport(nil, rtcp.ReceptionReport{SSRC: w.s.SSRC()}, "reader")); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	if datagrams, _ := peer.Received(); datagrams == 0 || o != 1 || strings.Contains(w.log.String(), "not allowed") {
		t.Errorf("sent %d datagrams, %d reports", datagrams, o)
	}
}

// reportCounter counts the RTCP of a reader.
type reportCounter int

func (c *reportCounter) RTCP([]byte) { *c++ }
func (c *reportCounter) Lost(error)  {}

// TestFloodFromAnAddressThatIsNotAllowed logs a line a second.
func TestFloodFromAnAddressThatIsNotAllowed(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Allow.RTP = networks("10.0.1.0/24") })
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.0.2.1:7000"))
	if err != nil {
		t.Fatal(err)
	}
	request := join.AppendRequest(nil, join.Request{SSRC: 5, Nonce: join.Nonce{9}, Stream: []byte("cam")})
	for range 100 {
		for range 100 {
			if err := peer.Send(rtpAddr, request); err != nil {
				t.Fatal(err)
			}
		}
		w.run(50 * time.Millisecond)
	}
	if n := strings.Count(w.log.String(), "the address is not allowed"); n < 4 || n > 7 {
		t.Errorf("%d lines for 10000 datagrams in 5 s", n)
	}
	if answers, _ := peer.Received(); answers > 0 {
		t.Errorf("%d answers", answers)
	}
}

// TestRefusedConnectionsCostLess counts what a connection allocates that is not allowed, and one
// that is.
func TestRefusedConnectionsCostLess(t *testing.T) {
	cost := map[bool]float64{}
	for _, allow := range []bool{false, true} {
		w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) {
			c.MaxConnectionsPerAddress = cast.NoLimit
			if !allow {
				c.Allow.RTSP = networks("10.0.1.0/24")
			}
		})
		cost[allow] = testing.AllocsPerRun(100, func() {
			conn, err := w.k.DialTCP(netip.MustParseAddrPort("10.0.2.1:0"), rtspAddr)
			if err != nil {
				t.Fatal(err)
			}
			w.run(10 * time.Millisecond)
			conn.Take()
			if conn.Ended() == allow {
				t.Fatalf("ended: %v", conn.Ended())
			}
		})
	}
	if cost[false] >= cost[true] {
		t.Errorf("%v allocations for one that is refused, %v for one that is admitted", cost[false], cost[true])
	}
}
