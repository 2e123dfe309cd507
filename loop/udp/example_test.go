package udp_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// A socket that a timer has send a datagram to another one, ten times a second. The receiver ends
// the loop after the third.
func Example() {
	l, err := loop.New()
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	ctx, end := context.WithCancel(context.Background())
	defer end()

	received := 0
	receiver, err := udp.Open(l, netip.MustParseAddrPort("127.0.0.1:0"), udp.Options{}, func(d udp.Datagram) {
		fmt.Printf("received %q\n", d.Payload) // to keep the payload, copy it
		if received++; received == 3 {
			end()
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer receiver.Close()
	sender, err := udp.Open(l, netip.MustParseAddrPort("127.0.0.1:0"), udp.Options{}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer sender.Close()

	sent := 0
	var beat *loop.Timer
	beat = l.NewTimer(func() {
		sent++
		if err := sender.SendTo(fmt.Appendf(nil, "tick %d", sent), receiver.Local(), netip.Addr{}); err != nil {
			log.Print(err) // this datagram is lost, as any may be
		}
		beat.SetAfter(time.Second / 10)
	})
	beat.SetAfter(0)
	if err := l.Run(ctx); err != nil {
		log.Fatal(err)
	}
	// Output:
	// received "tick 1"
	// received "tick 2"
	// received "tick 3"
}
