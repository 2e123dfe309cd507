package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// TestLate floods a socket that has a limit, and has one more datagram come when the flood
// is over.
func TestLate(t *testing.T) {
	const (
		perSecond = 5000
		flood     = 10 // times as many
		held      = 1 << 20
	)
	k := sim.New(1)
	l := loop.NewOn(k)
	var late, onTime int
	var last udp.Datagram
	socket, err := udp.Open(l, netip.MustParseAddrPort("192.0.2.1:5005"), udp.Options{
		UDPOptions: loop.UDPOptions{ReceiveBufferBytes: held}, ReceiveLimit: perSecond,
	}, func(d udp.Datagram) {
		last = d
		if d.Late {
			late++
		} else {
			onTime++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if _, ever := socket.Rested(); ever {
		t.Error("a socket has rested before anything came")
	}
	peer, err := k.NewUDPPeer(netip.MustParseAddrPort("198.51.100.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(n int) {
		for range n {
			if err := peer.Send(socket.Local(), []byte("report")); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(d time.Duration) {
		if err := sim.RunFor(l, d); err != nil {
			t.Fatal(err)
		}
	}
	send(1)
	run(time.Millisecond)
	if onTime != 1 {
		t.Fatalf("%d of 1 received on time", onTime)
	}
	for range 100 {
		send(flood * perSecond / 100)
		run(10 * time.Millisecond)
	}
	if got := late + onTime; late < got*8/10 {
		t.Errorf("of a flood %d are received in a second, but only %d late", got, late)
	}
	if at, ever := socket.Rested(); !ever || k.Monotonic()-at > 100*time.Millisecond {
		t.Errorf("it has rested at %v (%v), and now is %v", at, ever, k.Monotonic())
	}
	run(5 * time.Second) // to read what is held
	before := onTime
	send(1)
	run(time.Millisecond)
	if onTime != before+1 || last.Late {
		t.Errorf("long after the flood a datagram is still late: %+v", last)
	}
}
