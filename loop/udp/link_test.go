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

// What a loopback interface never does: links that are slow, narrow or cannot cut.

var (
	sender  = netip.MustParseAddrPort("192.0.2.1:5004")
	viewers = netip.MustParsePrefix("10.0.0.0/8")
)

// broadcast is a socket on a simulated machine with viewers far away, each of whom
// remembers what came.
type broadcast struct {
	*testing.T
	kernel  *sim.Kernel
	loop    *loop.Loop
	socket  *udp.Socket
	fan     *udp.Fan
	reports []string
	got     [][]byte // by viewer
}

func newBroadcast(t *testing.T, count int, link sim.Link, o udp.Options, settings ...sim.Option) *broadcast {
	t.Helper()
	b := &broadcast{T: t, kernel: newSim(t, settings...), got: make([][]byte, count)}
	b.loop = loop.NewOn(b.kernel)
	b.kernel.SetLink(viewers, link)
	o.Report = func(what string) { b.reports = append(b.reports, what) }
	var err error
	if b.socket, err = udp.Open(b.loop, sender, o, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.socket.Close(); err != nil {
			t.Error(err)
		}
	})
	b.fan = b.socket.NewFan()
	for i := range count {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 6000)
		p, err := b.kernel.NewUDPPeer(at)
		if err != nil {
			t.Fatal(err)
		}
		p.OnReceive(func(d sim.Datagram) { b.got[i] = append(b.got[i], d.Payload...) })
		b.fan.Add(at, netip.Addr{})
	}
	return b
}

// send sends a run to everybody and waits as often as it must, as a sweep does: for
// the socket when it is full, for a moment when what is behind it is.
func (b *broadcast) send(run udp.Run) (full, congested int) {
	b.Helper()
	full, congested = b.handOver(run)
	b.wait(time.Minute) // the last ones arrive
	return full, congested
}

// handOver sends a run, and does not wait until it has arrived.
func (b *broadcast) handOver(run udp.Run) (full, congested int) {
	b.Helper()
	position, done := udp.Position{}, false
	var goOn func()
	again := b.loop.NewTimer(func() { goOn() })
	goOn = func() {
		var outcome udp.Outcome
		position, outcome = b.fan.Send(run, position, b.fan.All(), func(i int, err error) { b.Errorf("viewer %d: %v", i, err) })
		switch outcome {
		case udp.Done:
			done = true
		case udp.Full:
			full++
			if err := b.socket.WhenWritable(goOn); err != nil {
				b.Fatal(err)
			}
		case udp.Congested:
			congested++
			again.SetAfter(time.Millisecond)
		case udp.Broken:
			b.Fatalf("broken at %+v", position)
		}
	}
	goOn()
	if err := sim.RunUntil(b.loop, func() bool { return done }, time.Minute); err != nil {
		b.Fatal(err)
	}
	return full, congested
}

func (b *broadcast) wait(d time.Duration) {
	b.Helper()
	if err := sim.RunFor(b.loop, d); err != nil {
		b.Fatal(err)
	}
}

// complete checks that everybody has each byte of the runs once, in order.
func (b *broadcast) complete(runs ...udp.Run) {
	b.Helper()
	var want []byte
	for _, run := range runs {
		want = append(want, run.Bytes...)
	}
	for i, got := range b.got {
		if string(got) != string(want) {
			b.Fatalf("viewer %d has %d bytes, or others, want the %d that were sent", i, len(got), len(want))
		}
	}
}

// A socket that is full parks the send in the middle of a fan, of a peer even, and
// nobody is sent anything twice or not at all.
func TestFullSocketGoesOnWhereItStopped(t *testing.T) {
	run := newRun(16, 1200, 700)
	slow := sim.Link{Delay: 10 * time.Millisecond, BytesPerSecond: 20_000_000, Shared: true}
	tests := map[string]struct {
		options udp.Options
		faults  sim.Faults
	}{
		"segmented":       {},
		"packets":         {options: udp.Options{NoSegmentation: true}},
		"one by one":      {options: udp.Options{NoSegmentation: true, NoBatches: true}},
		"partial batches": {faults: sim.Faults{PartialBatches: 0.5}},
		"partial packets": {options: udp.Options{NoSegmentation: true}, faults: sim.Faults{PartialBatches: 0.5}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBroadcast(t, 100, slow, test.options)
			b.kernel.SetFaults(test.faults)
			full, _ := b.send(run)
			b.complete(run)
			if full < 3 || b.socket.Counters().Blocked != uint64(full) {
				t.Errorf("%d times full, %+v: the test shows nothing", full, b.socket.Counters())
			}
		})
	}
}

func TestCongestionGoesOnWhereItStopped(t *testing.T) {
	for _, o := range []udp.Options{{}, {NoSegmentation: true}} {
		b := newBroadcast(t, 100, sim.Link{}, o)
		b.kernel.Inject(func(c sim.Call) error {
			if c.Name == "Sendmmsg" && c.Number%30 == 0 {
				return unix.ENOBUFS
			}
			return nil
		})
		run := newRun(5, 1000, 10)
		if full, congested := b.send(run); full != 0 || congested == 0 {
			t.Errorf("%d times full, %d times congested", full, congested)
		}
		b.complete(run)
	}
}

// Links that refuse segments, as cards and tunnels do, are found out once and served
// packet by packet; who is behind others keeps them.
func TestLinksThatDoNotCut(t *testing.T) {
	one := netip.MustParsePrefix("10.0.0.1/32")
	run := newRun(8, 1200, 1100)
	for name, link := range map[string]sim.Link{
		"no segmentation": {NoSegmentation: true},
		"slow, too":       {NoSegmentation: true, Delay: time.Millisecond, BytesPerSecond: 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroadcast(t, 3, sim.Link{}, udp.Options{})
			b.kernel.SetLink(one, link)
			b.send(run)
			first := b.socket.Counters().Messages
			b.send(run)
			b.complete(run, run)
			if second := b.socket.Counters().Messages - first; first != 2+8 || second != 2+8 {
				t.Errorf("%d messages, then %d; want 2 whole ones and 8 packets each time", first, second)
			}
			if len(b.reports) != 1 {
				t.Errorf("reports %q, want one", b.reports)
			}
		})
	}
}

// A link with a smaller MTU than the packets takes them in fragments.
func TestNarrowLink(t *testing.T) {
	b := newBroadcast(t, 3, sim.Link{MTU: 1000}, udp.Options{})
	run := newRun(8, 1200, 1100)
	b.send(run)
	b.complete(run)
	if n := b.socket.Counters().Messages; n != 3*8 || len(b.reports) != 1 {
		t.Errorf("%d messages, reports %q; want 24 and one report", n, b.reports)
	}
}

func TestKernelWithoutSegmentation(t *testing.T) {
	b := newBroadcast(t, 3, sim.Link{}, udp.Options{}, sim.WithoutSegmentation())
	run := newRun(8, 1200, 1100)
	b.send(run)
	b.complete(run)
	if b.socket.Segments() || len(b.reports) != 1 {
		t.Errorf("segments %v, reports %q; want none and one report", b.socket.Segments(), b.reports)
	}
}
