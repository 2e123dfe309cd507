package udp_test

import (
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// TestOrders begins each frame with another viewer, and has the viewers be sent to from two addresses: each gets
// every frame once, from its own address, and no order has more packets than the queue of an interface takes.
func TestOrders(t *testing.T) {
	const count, mostPackets = 130, 960
	sources := [2]netip.Addr{sender.Addr(), loopback4}
	for _, packets := range []int{1, 30, 64} {
		clones := udp.NewTestClones(count)
		longest := 0
		b := newBroadcast(t, 0, sim.Link{}, udp.Options{Clones: clones}, sim.WithEgress(
			func(mark uint32, to netip.AddrPort, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
				sent := 1
				defer func() { longest = max(longest, sent) }()
				return clones.Program(mark, to, anybody, func(a netip.AddrPort) error { sent++; return copyTo(a) })
			}))
		var got [count]int
		for i := range count {
			p, err := b.kernel.NewUDPPeer(viewer(i))
			if err != nil {
				t.Fatal(err)
			}
			source := sources[i*2/count]
			p.OnReceive(func(d sim.Datagram) {
				if got[i]++; d.From.Addr() != source {
					t.Errorf("viewer %d gets a packet from %v, want it from %v", i, d.From, source)
				}
			})
			b.fan.Add(viewer(i), source)
		}
		frames := 0
		for _, first := range []int{0, 1, 60, 100, count - 1} {
			position, outcome := b.fan.Send(newRun(packets, 100, 70), udp.Position{Peer: first}, udp.Peers{End: first + count, Ring: count}, nil)
			if outcome != udp.Done || position != (udp.Position{Peer: first + count}) {
				t.Fatalf("%d packets from viewer %d on: %v at %+v", packets, first, outcome, position)
			}
			b.wait(frameInterval)
			frames++
			for i, n := range got {
				if n != frames*packets {
					t.Fatalf("%d packets from viewer %d on: viewer %d has %d, want %d", packets, first, i, n, frames*packets)
				}
			}
		}
		if want := min(mostPackets/packets, 64); longest != want {
			t.Errorf("%d packets: at most %d copies are made at once, want %d", packets, longest, want)
		}
	}
}
