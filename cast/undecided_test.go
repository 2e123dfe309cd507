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

// crowdAt has a host ask to join from so many ports, with valid cookies. It answers no more than
// the challenges.
func crowdAt(w *world, host string, ports int) {
	w.t.Helper()
	for i := range ports {
		peer, err := w.k.NewUDPPeer(netip.AddrPortFrom(netip.MustParseAddr(host), uint16(1024+i)))
		if err != nil {
			w.t.Fatal(err)
		}
		client := join.NewClient("cam", 5, join.Nonce{1})
		peer.OnReceive(func(d sim.Datagram) {
			if !join.Is(d.Payload) {
				return
			}
			if out, _ := client.Receive(w.k.Monotonic(), d.Payload, nil); len(out) > 0 {
				if err := peer.Send(rtpAddr, out); err != nil {
					w.t.Fatal(err)
				}
			}
		})
		if err := peer.Send(rtpAddr, client.Start(w.l.Now(), nil)); err != nil {
			w.t.Fatal(err)
		}
		if i%100 == 99 {
			w.run(10 * time.Millisecond)
		}
	}
}

// TestOneHostCannotFillTheGate has the gate not answer one host, which asks from 5000 ports and
// over some connections. The gate is asked about a part of them alone, and at once about the
// readers of other hosts. When its time is over the host may ask again.
func TestOneHostCannotFillTheGate(t *testing.T) {
	const most = 256
	for _, host := range []string{"10.0.9.9", "2001:db8:9::9"} {
		t.Run(host, func(t *testing.T) {
			g := &gate{decide: admitAt("10.0.1.")}
			w := newWorldAt(t, 1, []netip.Addr{serverAddr, server6Addr}, func(c *cast.Config) {
				c.RTP, c.Gate = netip.MustParseAddrPort("[::]:5004"), g
			})
			began := w.l.Now()
			ipv6 := strings.Contains(host, ":")
			if ipv6 { // each from an address of its own, in one /64
				crowd6(w, 1000)
			} else {
				crowdAt(w, host, 5000)
			}
			if n := len(g.asked); n != most || cast.Counts(w.b).Undecided != most {
				t.Errorf("the gate was asked %d times, %d are counted, want %d", n, cast.Counts(w.b).Undecided, most)
			}
			if !ipv6 {
				status, head := w.connect(host).ask("DESCRIBE", streamURL, "")
				if status != 503 || !strings.Contains(head, "Retry-After: 1") {
					t.Errorf("a connection of the host is answered by %s", head)
				}
			}
			j := w.joins("10.0.1.1:7000", "cam")
			watching := w.watch("10.0.1.2", false)
			w.run(time.Second)
			if watching.row(20); j.client.Accepted() == nil || j.frames < 20 {
				t.Errorf("accepted %v, %d frames", j.client.Accepted(), j.frames)
			}
			w.run(began + cast.GateTimeout + 2*time.Second - w.l.Now())
			if n := cast.Counts(w.b); n.Undecided != 0 || n.Addresses > 4 {
				t.Errorf("after the gate's time: %+v", n)
			}
			asked := len(g.asked)
			again := w.joins(netip.AddrPortFrom(netip.MustParseAddr("10.0.9.9"), 9000).String(), "cam")
			w.run(time.Second)
			if len(g.asked) != asked+1 || again.err != nil {
				t.Errorf("asked %d times more, %v", len(g.asked)-asked, again.err)
			}
		})
	}
}

// crowd6 has so many addresses of one /64 ask to join.
func crowd6(w *world, addresses int) {
	w.t.Helper()
	for i := range addresses {
		w.joinsAt(fmt.Sprintf("[2001:db8:9::%x]:7000", i), netip.AddrPortFrom(server6Addr, 5004), "cam")
		if i%100 == 99 {
			w.run(10 * time.Millisecond)
		}
	}
}

// TestUndecidedAreCounted has requests be decided and withdrawn in all ways: none stays counted.
func TestUndecidedAreCounted(t *testing.T) {
	w, g := newGatedWorld(t)
	for _, err := range []error{nil, errors.New("no")} {
		v := w.connect("10.0.1.1")
		v.tell("DESCRIBE", streamURL, "")
		w.until(func() bool { return cast.Counts(w.b).Undecided == 1 })
		g.answers[len(g.answers)-1](cast.Grant{}, err)
		g.answers[len(g.answers)-1](cast.Grant{}, err)
		w.until(func() bool { return len(v.answers) == 1 })
		if n := cast.Counts(w.b).Undecided; n != 0 {
			t.Errorf("answered by %v: %d are counted", err, n)
		}
		v.tell("DESCRIBE", streamURL, "")
		w.until(func() bool { return cast.Counts(w.b).Undecided == 1 })
		v.conn.Reset()
		w.run(100 * time.Millisecond)
		if n := cast.Counts(w.b).Undecided; n != 0 {
			t.Errorf("hung up: %d are counted", n)
		}
	}
}
