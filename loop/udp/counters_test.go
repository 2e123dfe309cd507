package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// TestReceiveCounters counts what has come, and what was too long for the room.
func TestReceiveCounters(t *testing.T) {
	k := newSim(t, sim.WithAddresses(netip.MustParseAddr("10.0.0.1")))
	l := loop.NewOn(k)
	defer l.Close()
	delivered := 0
	s, err := udp.Open(l, netip.MustParseAddrPort("10.0.0.1:5004"), udp.Options{}, func(d udp.Datagram) { delivered++ })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	peer, err := k.NewUDPPeer(netip.MustParseAddrPort("10.0.0.2:9"))
	if err != nil {
		t.Fatal(err)
	}
	for _, bytes := range []int{0, 1, 100, udp.MaxDatagramBytes, udp.MaxDatagramBytes + 1} {
		if err := peer.Send(s.Local(), make([]byte, bytes)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sim.RunFor(l, time.Second); err != nil {
		t.Fatal(err)
	}
	c := s.Counters()
	if c.Received != 5 || c.Truncated != 1 || c.ReceivedBytes != 101+udp.MaxDatagramBytes || delivered != 4 {
		t.Errorf("%d received, of which %d are truncated, %d bytes, %d delivered; want 5, 1, %d, 4", c.Received, c.Truncated, c.ReceivedBytes, delivered, 101+udp.MaxDatagramBytes)
	}
}
