package udp_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// ownRuns are two runs for each peer, of three packets and of one, with bytes of their own.
func ownRuns(peers int) (runs []udp.OwnRun) {
	for i := range 2 * peers {
		run := newRun(1+i%2*2, 1200, 700)
		copy(run.Bytes, fmt.Sprintf("%04d", i))
		runs = append(runs, udp.OwnRun{Peer: i / 2, Bytes: run.Bytes})
	}
	return runs
}

// sendOwn sends runs and waits as often as it must.
func (b *broadcast) sendOwn(runs []udp.OwnRun, failed func(int, error)) (full int) {
	b.Helper()
	position, done := udp.Position{}, false
	var goOn func()
	again := b.loop.NewTimer(func() { goOn() })
	goOn = func() {
		var outcome udp.Outcome
		position, outcome = b.fan.SendOwn(runs, 1200, position, failed)
		switch outcome {
		case udp.Done:
			done = true
		case udp.Full:
			full++
			if err := b.socket.WhenWritable(goOn); err != nil {
				b.Fatal(err)
			}
		case udp.Congested:
			again.SetAfter(time.Millisecond)
		case udp.Broken:
			b.Fatalf("broken at %+v", position)
		}
	}
	goOn()
	if err := sim.RunUntil(b.loop, func() bool { return done }, time.Minute); err != nil {
		b.Fatal(err)
	}
	b.wait(time.Minute)
	return full
}

// TestOwnRuns has peers be sent bytes of their own, in every way that a kernel and a link may have it.
func TestOwnRuns(t *testing.T) {
	const peers = 100
	narrow := func(b *broadcast) {
		b.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/27"), sim.Link{NoSegmentation: true})
	}
	for name, test := range map[string]struct {
		link    sim.Link
		options udp.Options
		faults  sim.Faults
		prepare func(*broadcast)
		full    bool
		reports int
	}{
		"segmented":   {},
		"packets":     {options: udp.Options{NoSegmentation: true}},
		"one by one":  {options: udp.Options{NoBatches: true}},
		"partial":     {faults: sim.Faults{PartialBatches: 0.5}},
		"full":        {link: sim.Link{BytesPerSecond: 20_000_000, Shared: true}, full: true},
		"full, plain": {link: sim.Link{BytesPerSecond: 20_000_000, Shared: true}, options: udp.Options{NoSegmentation: true}, full: true},
		"some links":  {prepare: narrow, reports: 1},
		"congested": {prepare: func(b *broadcast) {
			narrow(b)
			b.kernel.Inject(func(c sim.Call) error {
				if c.Name == "Sendmmsg" && c.Number%30 == 0 {
					return unix.ENOBUFS
				}
				return nil
			})
		}, reports: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroadcast(t, peers, test.link, test.options)
			b.own()
			b.kernel.SetFaults(test.faults)
			if test.prepare != nil {
				test.prepare(b)
			}
			runs := ownRuns(peers)
			full := b.sendOwn(runs, func(i int, err error) { t.Errorf("run %d: %v", i, err) })
			total := uint64(0)
			for i, got := range b.got {
				total += uint64(len(got))
				if want := append(bytes.Clone(runs[2*i].Bytes), runs[2*i+1].Bytes...); !bytes.Equal(got, want) {
					t.Fatalf("viewer %d has %d bytes, or others, want %d", i, len(got), len(want))
				}
			}
			if full > 0 != test.full || len(b.reports) != test.reports || b.socket.Counters().Bytes != total {
				t.Errorf("%d times full, reports %q, %d bytes counted of %d", full, b.reports, b.socket.Counters().Bytes, total)
			}
		})
	}
}

// own has the viewers be peers of a fan for bytes of their own.
func (b *broadcast) own() {
	peers := b.fan
	b.fan = b.socket.NewOwnFan()
	for i := range peers.Len() {
		b.fan.Add(peers.Peer(i), netip.Addr{})
	}
}

// TestOwnRunsOfOnePacket has links refuse every message that says how it is to be cut, also those of one packet, as kernels
// before 6.11 do where a link cannot checksum: all arrive, and nobody fails.
func TestOwnRunsOfOnePacket(t *testing.T) {
	const peers = 10
	b := newBroadcast(t, peers, sim.Link{}, udp.Options{})
	b.own()
	b.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && c.SegmentBytes > 0 && c.Peer == b.fan.Peer(3) {
			return unix.EIO
		}
		return nil
	})
	runs := ownRuns(peers) // the first of each peer's has one packet
	for times := 1; times <= 2; times++ {
		b.sendOwn(runs, func(i int, err error) { t.Errorf("run %d: %v", i, err) })
		for i, got := range b.got {
			if want := times * (len(runs[2*i].Bytes) + len(runs[2*i+1].Bytes)); len(got) != want {
				t.Errorf("viewer %d has %d bytes, want %d", i, len(got), want)
			}
		}
	}
	if len(b.reports) != 1 {
		t.Errorf("reports %q", b.reports)
	}
}

// TestOwnRunsErrors has two peers who cannot be reached, by errors of which one may mean the link: others are
// not concerned, and the second is still sent segmented messages when it can be reached. Then it moves.
func TestOwnRunsErrors(t *testing.T) {
	b := newBroadcast(t, 5, sim.Link{}, udp.Options{})
	b.own()
	away := true
	for i, errno := range []unix.Errno{unix.EHOSTUNREACH, unix.EINVAL} {
		b.kernel.Inject(func(c sim.Call) error {
			if away && c.Name == "Sendmmsg" && c.Peer == b.fan.Peer(1+2*i) {
				return errno
			}
			return nil
		})
	}
	failed := map[int]bool{}
	runs := ownRuns(5)
	b.sendOwn(runs, func(i int, _ error) { failed[i] = true })
	if len(failed) != 4 || !failed[2] || !failed[3] || !failed[6] || !failed[7] || len(b.got[1])+len(b.got[3]) > 0 {
		t.Errorf("failed: %v", failed)
	}
	away = false
	b.fan.Move(3, b.fan.Peer(4), netip.Addr{})
	before := b.socket.Counters().Messages
	b.sendOwn(runs, nil)
	if n := b.socket.Counters().Messages - before; n != 10 || len(b.reports) > 0 || len(b.got[1]) == 0 || len(b.got[3]) > 0 {
		t.Errorf("%d messages of 10, reports %q", n, b.reports)
	}
	if want := 2*(len(runs[8].Bytes)+len(runs[9].Bytes)) + len(runs[6].Bytes) + len(runs[7].Bytes); len(b.got[4]) != want {
		t.Errorf("%d bytes have come to where viewer 3 has moved, want %d", len(b.got[4]), want)
	}
}

// TestOwnRunsAllocateNothing sends to peers behind links that cut and that do not.
func TestOwnRunsAllocateNothing(t *testing.T) {
	b := newBroadcast(t, 100, sim.Link{}, udp.Options{})
	b.own()
	b.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/26"), sim.Link{NoSegmentation: true})
	b.kernel.Inject(func(c sim.Call) error { // nothing arrives, for which the simulated kernel would need room
		switch {
		case c.Name != "Sendmmsg":
			return nil
		case c.SegmentBytes > 0 && c.Bytes > c.SegmentBytes:
			return unix.EIO
		}
		return unix.EHOSTUNREACH
	})
	runs := ownRuns(100)
	send := func() { b.fan.SendOwn(runs, 1200, udp.Position{}, func(int, error) {}) }
	send()
	if n := testing.AllocsPerRun(5, send); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
