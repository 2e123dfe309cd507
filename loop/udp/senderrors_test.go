package udp_test

import (
	"net/netip"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// TestErrorsAllocateNothing has the kernel refuse sends, as it does very often when many
// peers are gone or a queue is full.
func TestErrorsAllocateNothing(t *testing.T) { onBoth(t, testErrorsAllocateNothing) }

func testErrorsAllocateNothing(t *testing.T, newKernel kernelMaker) {
	for _, o := range []udp.Options{{}, {NoSegmentation: true}, {NoBatches: true}} {
		for _, errno := range []error{unix.EHOSTUNREACH, unix.EAGAIN, unix.ENOBUFS} {
			l, k := newFaulty(t, newKernel)
			s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			fan := s.NewFan()
			for range 10 {
				fan.Add(netip.MustParseAddrPort("127.9.9.9:9"), netip.Addr{})
			}
			k.fail = func(*loop.Message) error { return errno }
			k.batches = make([]int, 0, 10_000)
			run, peer := newRun(16, 1400, 1000), fan.Peer(0)
			send := func() {
				fan.Send(run, udp.Place{}, fan.All(), func(int, error) {})
				_ = s.SendTo(run.Bytes[:1000], peer, netip.Addr{})
			}
			if n := testing.AllocsPerRun(10, send); n != 0 {
				t.Errorf("%v, NoSegmentation %v, NoBatches %v: %v allocations per send, want none", errno, o.NoSegmentation, o.NoBatches, n)
			}
			if s.Counters().Messages != 0 {
				t.Errorf("%v: %d messages were sent", errno, s.Counters().Messages)
			}
			s.Close()
		}
	}
}
