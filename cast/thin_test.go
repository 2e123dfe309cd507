package cast_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestSlowReaderBesideHealthyOnes has one reader behind a link of half the stream's rate
// with a small queue, beside up to twenty others.
func TestSlowReaderBesideHealthyOnes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		interval time.Duration
		delay    time.Duration
		scan     int
		healthy  int
	}{
		{400 * time.Millisecond, 20 * time.Millisecond, 20000, 2},
		{time.Second, 20 * time.Millisecond, 20000, 20},
		{5 * time.Second, 20 * time.Millisecond, 20000, 2},
		{500 * time.Millisecond, 2 * time.Second, 20000, 1}, // reports tell of the past
		{time.Second, 20 * time.Millisecond, 140_000, 1},    // a frame is more than the queue takes
	} {
		t.Run(fmt.Sprint(c.interval, c.delay, c.scan), func(t *testing.T) {
			w := newWorld(t, 1, func(c *cast.Config) { c.Spread = cast.DefaultSpread })
			w.camera.scan = c.scan
			slow := reportOf(w.watch("10.0.2.1", false))
			all := []*reporter{slow}
			for i := range c.healthy {
				all = append(all, reportOf(w.watch(fmt.Sprintf("10.0.1.%d", i+1), false)))
			}
			w.run(time.Second)
			line := netip.MustParsePrefix("10.0.2.1/32")
			w.k.SetLink(line, sim.Link{Delay: c.delay, BytesPerSecond: c.scan * 104 / 100 * framesPerSecond / 2, QueueBytes: 64 * 1452})
			w.reportFor(15*time.Second, c.interval, all...)
			if f := w.s.Figures(); f.Thinned != 1 || f.ThinnedMore == 0 {
				t.Errorf("%d readers are thinned, by %d steps", f.Thinned, f.ThinnedMore)
			}
			mark := slow.mark()
			w.reportFor(30*time.Second, c.interval, all...)
			if lost := slow.lostSince(mark); lost >= 2 || slow.touched-mark.touched < 30*framesPerSecond/5 {
				t.Errorf("%.1f %% of %d frames are lost after 15 s", lost, slow.touched-mark.touched)
			}
			w.k.SetLink(line, sim.Link{Delay: c.delay})
			w.reportFor(60*time.Second, c.interval, all...)
			if f := w.s.Figures(); f.Thinned != 0 || f.ThinnedLess != f.ThinnedMore {
				t.Errorf("%d readers are thinned a minute after the link's recovery; %d steps down, %d up", f.Thinned, f.ThinnedMore, f.ThinnedLess)
			}
			mark = slow.mark()
			w.reportFor(2*time.Second+2*c.delay, c.interval, all...)
			if lost := slow.lostSince(mark); lost > 0 || slow.touched-mark.touched < 2*framesPerSecond-1 {
				t.Errorf("%.1f %% of the frames are missing at the end", lost)
			}
			for _, r := range all[1:] {
				r.row()
			}
		})
	}
}

// TestGapsOfThinnedReaders has a reader of large frames lose most of what it is sent: it is
// thinned, but no gap is so long that a player would take it for a new stream (RFC 3550,
// appendix A.1).
func TestGapsOfThinnedReaders(t *testing.T) {
	const maxDropout = 3000
	w := newWorld(t, 1, nil)
	w.camera.scan = 700_000
	r := reportOf(w.watch("10.0.2.1", false))
	line := netip.MustParsePrefix("10.0.2.1/32")
	w.run(time.Second)
	w.k.SetLink(line, sim.Link{Loss: 0.9})
	w.reportFor(5*time.Second, time.Second, r)
	if f := w.s.Figures(); f.Thinned != 1 || f.ThinnedMore < 2 {
		t.Fatalf("%d readers are thinned, by %d steps", f.Thinned, f.ThinnedMore)
	}
	w.k.SetLink(line, sim.Link{})
	w.run(time.Second)
	last, begun, longest := uint16(0), false, uint16(0)
	r.rtp.OnReceive(func(d sim.Datagram) {
		sequence := binary.BigEndian.Uint16(d.Payload[2:])
		if begun {
			longest = max(longest, sequence-last)
		}
		last, begun = sequence, true
	})
	w.run(time.Second)
	if longest < maxDropout/3 || longest >= maxDropout {
		t.Errorf("the longest gap is of %d packets, want some, under %d", longest, maxDropout)
	}
}

// TestHalfFramesAndDuplicates has readers whose reports make them change between the
// rates all the time, behind a socket that is full now and then: nobody gets a frame twice,
// out of order, or half.
func TestHalfFramesAndDuplicates(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		w := newWorld(t, seed, func(c *cast.Config) { c.Spread, c.Burst, c.Lag = cast.DefaultSpread, 2, 3 })
		w.k.Inject(everyNth(7, unix.EAGAIN))
		random := rand.New(rand.NewPCG(seed, 1))
		var all []*reporter
		for i := range 6 {
			all = append(all, reportOf(w.watch(fmt.Sprintf("10.0.1.%d", i+1), false)))
		}
		deepest := uint64(0)
		for round := range 200 {
			w.run(time.Duration(random.IntN(1000)) * time.Millisecond)
			deepest = max(deepest, w.s.Figures().Thinned)
			for _, r := range all {
				if random.IntN(3) > 0 {
					if round%100 < 20 { // as if much were lost, or nothing
						r.received -= min(r.received, uint32(random.IntN(2)*random.IntN(120)))
					}
					r.send()
				}
			}
		}
		for _, r := range all {
			r.inOrder()
			if len(r.whole) < 500 {
				t.Errorf("seed %d: %v has %d frames", seed, r.conn.Addr(), len(r.whole))
			}
			if status, _ := r.ask("TEARDOWN", streamURL, ""); status != 200 {
				t.Errorf("TEARDOWN: %d", status)
			}
		}
		f := w.s.Figures()
		if deepest < 4 || f.ThinnedLess < 10 {
			t.Errorf("seed %d: at most %d were thinned, and %d steps taken back: the test tests little", seed, deepest, f.ThinnedLess)
		}
		w.run(time.Second)
		if f := w.s.Figures(); f.Thinned != 0 || w.s.Readers() != 0 {
			t.Errorf("seed %d: %d thinned, %d readers are left", seed, f.Thinned, w.s.Readers())
		}
	}
}

// TestMoveToALaterSweep moves a reader to a sweep that is behind the reader's own, as
// another one's queue is full there: it gets no frame again.
func TestMoveToALaterSweep(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Lag = 20 })
	stuck, moved := reportOf(w.watch("10.0.1.1", false)), reportOf(w.watch("10.0.1.2", false))
	suffer := func(r *reporter) {
		r.received -= 10
		r.send()
		w.run(time.Millisecond)
	}
	for range 3 {
		w.run(600 * time.Millisecond)
		suffer(stuck)
	}
	suffer(moved)
	w.run(1200 * time.Millisecond)
	if f := w.s.Figures(); f.Thinned != 1 {
		t.Fatalf("%d readers are thinned, want 1", f.Thinned)
	}
	full := true
	fail := sim.FailTo(netip.MustParsePrefix("10.0.1.1/32"), unix.ENOBUFS)
	w.k.Inject(func(c sim.Call) error {
		if full {
			return fail(c)
		}
		return nil
	})
	publish := func(frames int) {
		for range frames {
			w.camera.number++
			if err := w.s.Publish(w.camera.frame(w.camera.number)); err != nil {
				t.Fatal(err)
			}
			w.run(2 * time.Millisecond)
		}
	}
	publish(5)
	suffer(moved)
	publish(2)
	full = false
	w.run(time.Second)
	if f := w.s.Figures(); f.Thinned != 2 {
		t.Errorf("%d readers are thinned, want 2", f.Thinned)
	}
	stuck.inOrder()
	moved.inOrder()
}

// TestCountOfLostComesToItsEnd has a reader whose count of lost packets goes no further, as
// it does after hours: it is thinned and restored all the same.
func TestCountOfLostComesToItsEnd(t *testing.T) {
	w := newWorld(t, 1, nil)
	r := reportOf(w.watch("10.0.1.1", false))
	r.limit = 40
	line := netip.MustParsePrefix("10.0.1.1/32")
	w.run(time.Second)
	w.k.SetLink(line, sim.Link{Loss: 0.2})
	w.reportFor(5*time.Second, time.Second, r)
	if f := w.s.Figures(); f.Thinned != 1 {
		t.Errorf("%d readers are thinned, want 1", f.Thinned)
	}
	w.k.SetLink(line, sim.Link{})
	w.reportFor(30*time.Second, time.Second, r)
	if f := w.s.Figures(); f.Thinned != 0 {
		t.Errorf("%d readers are thinned, want 0", f.Thinned)
	}
}

// TestWithheldIsNotLost has a reader lose a tenth for some seconds, and be thinned for
// longer: what it was not sent is not told as lost.
func TestWithheldIsNotLost(t *testing.T) {
	w := newWorld(t, 1, nil)
	r := reportOf(w.watch("10.0.1.1", false))
	line := netip.MustParsePrefix("10.0.1.1/32")
	w.run(time.Second)
	w.k.SetLink(line, sim.Link{Loss: 0.1})
	w.reportFor(5*time.Second, time.Second, r)
	w.k.SetLink(line, sim.Link{})
	w.reportFor(60*time.Second, time.Second, r)
	dropped := w.k.Counters().Lost
	if status, _ := r.ask("TEARDOWN", streamURL, ""); status != 200 {
		t.Errorf("TEARDOWN: %d", status)
	}
	if want := fmt.Sprintf(" packets_lost=%d ", dropped); dropped < 100 || !strings.Contains(w.log.String(), want) {
		t.Errorf("%d packets were lost, and the log does not say%s", dropped, want)
	}
	if gone := int(r.highest-r.base+1-r.received) - int(dropped); gone < 1000 {
		t.Errorf("only %d packets were withheld", gone)
	}
}

// TestAdaptOff thins nobody.
func TestAdaptOff(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Adapt = cast.AdaptOff })
	r := reportOf(w.watch("10.0.1.1", false))
	w.k.SetLink(netip.MustParsePrefix("10.0.1.1/32"), sim.Link{Loss: 0.2})
	w.reportFor(10*time.Second, time.Second, r)
	if f := w.s.Figures(); f.Thinned+f.ThinnedMore > 0 {
		t.Errorf("%d readers are thinned", f.Thinned)
	}
}

// TestNonsenseInReports has readers report anything: others are not touched.
func TestNonsenseInReports(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		random := rand.New(rand.NewPCG(seed, 2))
		liars := []*reporter{reportOf(w.watch("10.0.1.1", false)), reportOf(w.watch("10.0.1.2", false))}
		honest := reportOf(w.watch("10.0.1.3", false))
		w.run(100 * time.Millisecond)
		for range 200 {
			w.run(600 * time.Millisecond)
			liars[0].tell(random.Uint32N(256), random.Uint32(), random.Uint32())
			liars[1].tell(random.Uint32N(256), random.Uint32N(100), liars[1].highest+random.Uint32N(30))
			honest.send()
		}
		for _, r := range liars {
			r.inOrder()
		}
		honest.row()
	}
}
