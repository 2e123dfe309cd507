package sim_test

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// keeper is the handler under test: it answers each datagram and forgets a sender who
// has been silent for ten seconds.
type keeper struct {
	socket *udp.Socket
	timers map[netip.AddrPort]*loop.Timer
}

func newKeeper(l *loop.Loop, local netip.AddrPort) (k *keeper, err error) {
	k = &keeper{timers: map[netip.AddrPort]*loop.Timer{}}
	k.socket, err = udp.Open(l, local, udp.Options{}, func(d udp.Datagram) {
		from := d.From
		if k.timers[from] == nil {
			k.timers[from] = l.NewTimer(func() {
				delete(k.timers, from)
				fmt.Println(from, "is forgotten")
			})
		}
		k.timers[from].SetAfter(10 * time.Second)
		if err := k.socket.SendTo([]byte("seen"), from, netip.Addr{}); err != nil {
			fmt.Println(from, err)
		}
	})
	return k, err
}

// A deterministic test of a handler: two senders, a slow link, an hour of time.
func Example() {
	k := sim.New(1)
	l := loop.NewOn(k)
	server := netip.MustParseAddrPort("192.0.2.1:5000") // the machine's address
	if _, err := newKeeper(l, server); err != nil {
		log.Fatal(err)
	}

	k.SetLink(netip.MustParsePrefix("10.0.0.2/32"), sim.Link{Delay: 80 * time.Millisecond})
	for _, name := range []string{"10.0.0.1:7", "10.0.0.2:7"} {
		peer, err := k.NewUDPPeer(netip.MustParseAddrPort(name))
		if err != nil {
			log.Fatal(err)
		}
		peer.OnReceive(func(d sim.Datagram) {
			fmt.Printf("%v hears %q after %v\n", name, d.Payload, k.Monotonic()-sim.Start)
		})
		if err := peer.Send(server, []byte("here")); err != nil {
			log.Fatal(err)
		}
	}
	if err := sim.RunFor(l, time.Hour); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 10.0.0.1:7 hears "seen" after 0s
	// 10.0.0.2:7 hears "seen" after 80ms
	// 10.0.0.1:7 is forgotten
	// 10.0.0.2:7 is forgotten
}

// Each system call writes a line, the same in each run with the same seed.
func ExampleKernel_Trace() {
	k := sim.New(1)
	k.Trace(os.Stdout)
	l := loop.NewOn(k)
	fd, err := k.NewTicker(time.Second / 25)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := l.Register(fd, loop.Readable, func(loop.Interest) {
		if _, err := k.ReadTicks(fd); err != nil {
			log.Fatal(err)
		}
	}); err != nil {
		log.Fatal(err)
	}
	if err := sim.RunFor(l, 50*time.Millisecond); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 0.000000000 Watch fd=2000000000 want=0x1 -> 0
	// 0.040000000 Wait timeout=50ms 0x100000000:0x1 -> 1
	// 0.040000000 Read fd=2000000000 room=8 crc=a988dff7 -> 8
	// 0.050000000 Wait timeout=10ms -> 0
}
