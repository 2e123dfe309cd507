package udp_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

func anybody(netip.AddrPort) bool { return true }

// newCloned is a broadcast to viewers whom a program at the interface may serve.
func newCloned(t *testing.T, count, entries int, link sim.Link, egress func(c *udp.Clones) sim.Egress) *broadcast {
	t.Helper()
	clones := udp.NewTestClones(entries)
	b := newBroadcast(t, count, link, udp.Options{Clones: clones}, sim.WithEgress(egress(clones)))
	b.fan = b.socket.NewFan()
	for i := range count {
		b.fan.Add(viewer(i), sender.Addr())
	}
	return b
}

func viewer(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 6000)
}

func program(c *udp.Clones) sim.Egress {
	return func(mark uint32, to netip.AddrPort, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
		return c.Program(mark, to, anybody, copyTo)
	}
}

const frameInterval = time.Second / 30

// frame sends a run, and the next frame's time comes.
func (b *broadcast) frame(run udp.Run) {
	b.Helper()
	b.handOver(run)
	b.wait(frameInterval)
}

// Everybody is sent to in the ordinary way at first, then by the program, and every some
// seconds in the ordinary way again.
func TestClonesForEverybody(t *testing.T) {
	const viewers, frames = 130, 900
	b := newCloned(t, viewers, viewers, sim.Link{}, program)
	run := newRun(3, 100, 70)
	var runs []udp.Run
	for i := range frames {
		before := b.socket.Counters().Cloned
		b.frame(run)
		runs = append(runs, run)
		switch cloned := b.socket.Counters().Cloned - before; {
		case i == 0 && cloned > 0:
			t.Errorf("%d of the first frame are cloned, by which they are to be learned", cloned)
		case i > 0 && i < 4 && cloned != viewers:
			t.Errorf("frame %d: %d are cloned, want all", i, cloned)
		case i > 0 && cloned < viewers*3/4:
			t.Errorf("frame %d: %d are cloned, want most, as viewers are learned again one after the other", i, cloned)
		}
	}
	b.complete(runs...)
	c := b.socket.Counters()
	if c.Messages != viewers*frames || c.Bytes != viewers*frames*uint64(len(run.Bytes)) {
		t.Errorf("%+v, want %d messages of %d bytes", c, viewers*frames, len(run.Bytes))
	}
	// In 30 s each is learned 6 to 9 times.
	if ordinary := c.Messages - c.Cloned; ordinary < viewers*6 || ordinary > viewers*9 {
		t.Errorf("%d of %d messages were ordinary ones", ordinary, c.Messages)
	}
}

// A socket that is closed gives the entries back, and its peers may still leave.
func TestClonesAreGivenBack(t *testing.T) {
	clones := udp.NewTestClones(2)
	egress := func(mark uint32, to netip.AddrPort, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
		return clones.Program(mark, to, anybody, copyTo)
	}
	b := newBroadcast(t, 2, sim.Link{}, udp.Options{}, sim.WithEgress(egress))
	for range 3 {
		s, err := udp.Open(b.loop, netip.AddrPortFrom(sender.Addr(), 0), udp.Options{Clones: clones}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.fan = s.NewFan()
		for i := range 2 {
			b.fan.Add(viewer(i), sender.Addr())
		}
		for range 10 {
			b.frame(newRun(2, 100, 70))
		}
		if c := s.Counters(); c.Cloned < 6*2 {
			t.Errorf("%+v, want most frames to be cloned", c)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		b.fan.Remove(0)
	}
}

// A process that may not mark its messages, or a rule that has nowhere for marked ones to
// go, has nobody miss anything.
func TestMarksThatAreRefused(t *testing.T) {
	for _, refusal := range []unix.Errno{unix.EPERM, unix.ENETUNREACH, unix.EINVAL} {
		for _, learned := range []bool{false, true} { // before
			refused := false
			b := newCloned(t, 40, 40, sim.Link{}, program)
			b.kernel.Inject(func(c sim.Call) error {
				if refused && c.Mark != 0 {
					return refusal
				}
				return nil
			})
			refused = !learned
			var runs []udp.Run
			for i := range 300 {
				refused = refused || i == 20
				run := newRun(5, 100, 70)
				run.Bytes[0] = byte(i)
				b.frame(run)
				runs = append(runs, run)
			}
			b.complete(runs...)
			if len(b.reports) > 0 {
				t.Errorf("%v: reported %q", refusal, b.reports)
			}
		}
	}
}

// Whatever fails in between, everybody is sent everything once: viewers behind another
// interface, a table that is too small, queues and buffers that are full, a program that is
// not there for a while, and viewers who come and go.
func TestClonesWhateverHappens(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { cloneWithFaults(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func cloneWithFaults(t *testing.T, random *rand.Rand) {
	count := 1 + random.IntN(200)
	elsewhere := 1 + random.IntN(8)
	fullAt, absent := random.Float64()/20, false
	egress := func(c *udp.Clones) sim.Egress {
		return func(mark uint32, to netip.AddrPort, copyTo func(netip.AddrPort) error) (netip.AddrPort, bool) {
			if absent {
				return to, true
			}
			here := func(a netip.AddrPort) bool { return int(a.Addr().As4()[3])%elsewhere != 1 }
			return c.Program(mark, to, here, func(a netip.AddrPort) error {
				if random.Float64() < fullAt {
					return udp.ErrQueueFull
				}
				return copyTo(a)
			})
		}
	}
	b := newCloned(t, count, 1+random.IntN(2*count), sim.Link{}, egress)
	if random.IntN(2) == 0 {
		b.kernel.SetFaults(sim.Faults{PartialBatches: 0.3})
	}
	blocked := random.Float64() / 20
	b.kernel.Inject(func(c sim.Call) error {
		if c.Name != "Sendmmsg" || random.Float64() >= blocked {
			return nil
		}
		return unix.ENOBUFS
	})
	want := make([][]byte, count)
	joined := make([]int, 0, count) // viewer by index in the fan
	for i := range count {
		joined = append(joined, i)
	}
	for frame := range 80 {
		absent = random.IntN(10) == 0
		run := newRun(1+random.IntN(6), 50+random.IntN(100), 20)
		run.Bytes[0] = byte(frame)
		b.frame(run)
		for _, i := range joined {
			want[i] = append(want[i], run.Bytes...)
		}
		switch i := random.IntN(len(joined)); {
		case random.IntN(2) == 0 && len(joined) > 1:
			b.fan.Remove(i)
			joined[i] = joined[len(joined)-1]
			joined = joined[:len(joined)-1]
		case len(joined) < count:
			for next := range count {
				if !slices.Contains(joined, next) {
					b.fan.Add(viewer(next), sender.Addr())
					joined = append(joined, next)
					break
				}
			}
		}
	}
	for i, got := range b.got {
		if string(got) != string(want[i]) {
			t.Fatalf("viewer %d of %d has %d bytes, or others, want the %d that were sent", i, count, len(got), len(want[i]))
		}
	}
}
