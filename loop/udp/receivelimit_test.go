package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// TestReceiveLimit floods a socket, and wants no more than it may receive in each second;
// what comes slower than that is received at once.
func TestReceiveLimit(t *testing.T) {
	k := sim.New(1, sim.WithAddresses(netip.MustParseAddr("10.0.0.1")))
	l := loop.NewOn(k)
	var received int
	var latest, late time.Duration
	options := udp.Options{ReceiveLimit: 1000}
	s, err := udp.Open(l, netip.MustParseAddrPort("10.0.0.1:5005"), options, func(d udp.Datagram) {
		received++
		latest = k.Monotonic()
	})
	if err != nil {
		t.Fatal(err)
	}
	peer, err := k.NewUDPPeer(netip.MustParseAddrPort("10.0.0.2:9"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(perMillisecond int, spaced time.Duration, times int) {
		for range times {
			at := k.Monotonic()
			for range perMillisecond {
				if err := peer.Send(s.Local(), []byte("report")); err != nil {
					t.Fatal(err)
				}
			}
			if err := sim.RunFor(l, spaced); err != nil {
				t.Fatal(err)
			}
			late = max(late, latest-at)
		}
	}
	send(1, 10*time.Millisecond, 200) // 100 a second
	if received != 200 || late > time.Millisecond {
		t.Errorf("%d of 200 received, up to %v late", received, late)
	}
	for second := range 3 {
		received = 0
		send(50, time.Millisecond, 1000) // 50000
		if received < 900 || received > 1300 {
			t.Errorf("second %d of a flood: %d received, want about 1000", second, received)
		}
	}
	// The flood over, and what waited of it read, all is as before.
	if err := sim.RunFor(l, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	received = 0
	send(1, 10*time.Millisecond, 100)
	if received != 100 {
		t.Errorf("%d of 100 received after the flood", received)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sim.RunFor(l, time.Second); err != nil { // no timer is left
		t.Fatal(err)
	}
}
