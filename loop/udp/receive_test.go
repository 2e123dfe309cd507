package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// TestMostInATurn has more datagrams wait than are taken in a turn: 128 without a budget, and what the budget
// has time for with one, but never without end.
func TestMostInATurn(t *testing.T) {
	for _, budgeted := range []bool{false, true} {
		k := newSim(t)
		l := loop.NewOn(k)
		o, most := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 16 << 20}}, 4*32
		if budgeted {
			o.Budget, most = l.NewBudget(time.Millisecond), 64*32 // handlers that take no time leave it unspent
		}
		got := 0
		s, err := udp.Open(l, sender, o, func(udp.Datagram) { got++ })
		if err != nil {
			t.Fatal(err)
		}
		peer, err := k.NewUDPPeer(netip.MustParseAddrPort("198.51.100.1:9"))
		if err != nil {
			t.Fatal(err)
		}
		flood := 2*most + 5
		for range flood {
			if err := peer.Send(s.Local(), []byte("report")); err != nil {
				t.Fatal(err)
			}
		}
		if err := sim.RunUntil(l, func() bool { return got > 0 }, time.Second); err != nil {
			t.Fatal(err)
		}
		for _, want := range []int{most, 2 * most, flood, flood} {
			if got != want {
				t.Errorf("budget: %v: %d datagrams after another turn, want %d", budgeted, got, want)
			}
			if _, err := l.Turn(0); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestEachGetsABatch has so many sockets wait for one small budget that the share of each is nothing: each
// receives datagrams and ICMP messages all the same, a batch at a time.
func TestEachGetsABatch(t *testing.T) {
	k := newSim(t)
	l := loop.NewOn(k)
	rejected := 0
	o := udp.Options{Budget: l.NewBudget(time.Nanosecond), Room: udp.NewRoom(), Rejected: func(loop.Rejection) { rejected++; k.Spend(time.Microsecond) }}
	peer, err := k.NewUDPPeer(netip.MustParseAddrPort("198.51.100.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	const sockets = 5
	for range sockets {
		s, err := udp.Open(l, netip.AddrPortFrom(sender.Addr(), 0), o, func(udp.Datagram) { got++; k.Spend(time.Microsecond) })
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := peer.Send(s.Local(), []byte("report")); err != nil {
			t.Fatal(err)
		}
	}
	for _, fd := range k.OpenFDs() {
		if err := k.Reject(fd, loop.Rejection{Errno: unix.EHOSTUNREACH}); err != nil {
			t.Fatal(err)
		}
	}
	for turn := 0; got < sockets || rejected < sockets; turn++ {
		if _, err := l.Turn(time.Second); err != nil || turn > 4*sockets {
			t.Fatalf("%d of %d have received, %d had a rejection after %d turns, %v", got, sockets, rejected, turn, err)
		}
	}
}
