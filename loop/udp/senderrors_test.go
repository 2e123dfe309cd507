package udp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
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
				fan.Send(run, udp.Position{}, fan.All(), func(int, error) {})
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

// TestRefusalWithinARun has the kernel refuse a peer in the middle of a run that is sent packet
// by packet: the run ends there for that peer, and the next gets all of it, from packet 0 on.
func TestRefusalWithinARun(t *testing.T) { onBoth(t, testRefusalWithinARun) }

func testRefusalWithinARun(t *testing.T, newKernel kernelMaker) {
	for _, o := range []udp.Options{{NoSegmentation: true}, {NoSegmentation: true, NoBatches: true}} {
		for refused := range 4 {
			l, k := newFaulty(t, newKernel)
			s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			fan := s.NewFan()
			var receivers [3]*receiver
			for i := range receivers {
				receivers[i] = newReceiver(t, l, loopback4)
				fan.Add(receivers[i].socket.Local(), netip.Addr{})
			}
			run := newRun(4, 500, 100)
			k.fail = func(m *loop.Message) error {
				packet := run.Bytes[refused*run.SegmentBytes : min((refused+1)*run.SegmentBytes, len(run.Bytes))]
				if m.Peer() == receivers[1].socket.Local() && bytes.Equal(m.Payload(), packet) {
					return unix.EHOSTUNREACH
				}
				return nil
			}
			var failed []int
			position, outcome := fan.Send(run, udp.Position{}, fan.All(), func(i int, err error) { failed = append(failed, i) })
			if outcome != udp.Done || position != (udp.Position{Peer: 3}) || !slices.Equal(failed, []int{1}) {
				t.Errorf("packet %d refused: %v at %+v, failed %v; want done, and peer 1 alone failed", refused, outcome, position, failed)
			}
			turnUntil(t, l, func() bool {
				return len(receivers[0].got) == 4 && len(receivers[1].got) == refused && len(receivers[2].got) == 4
			})
			receivers[0].check(t, run)
			receivers[2].check(t, run)
			s.Close()
		}
	}
}

// TestRegistrationThatFails has the loop refuse a socket: it is closed.
func TestRegistrationThatFails(t *testing.T) {
	k := newSim(t) // which finds what is left open
	k.Inject(sim.FailNumber("Watch", 1, unix.ENOSPC))
	l := loop.NewOn(k)
	if _, err := udp.Open(l, sender, udp.Options{}, nil); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("error %v, want ENOSPC", err)
	}
	s, err := udp.Open(l, sender, udp.Options{}, nil) // the port is free again
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
