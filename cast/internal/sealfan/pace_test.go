package sealfan

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// runs notes when the kernel takes a run for each guest, since some time. refuse, which may be nil, says which it does not.
type runs struct {
	since   time.Duration
	at      map[netip.AddrPort][]time.Duration
	packets map[netip.AddrPort]int
}

func (h *simHall) noteRuns(refuse func(to netip.AddrPort) error) *runs {
	r := &runs{}
	r.begin(h)
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name != "Sendmmsg" || h.guests[c.Peer] == nil {
			return nil
		}
		if refuse != nil {
			if err := refuse(c.Peer); err != nil {
				return err
			}
		}
		r.at[c.Peer] = append(r.at[c.Peer], (h.kernel.Monotonic() - r.since).Round(time.Millisecond))
		r.packets[c.Peer] += sending.PacketsIn(make([]byte, c.Bytes), max(c.SegmentBytes, 1))
		return nil
	})
	return r
}

// begin forgets what was noted.
func (r *runs) begin(h *simHall) {
	r.since, r.at, r.packets = h.loop.Now(), map[netip.AddrPort][]time.Duration{}, map[netip.AddrPort]int{}
}

func (r *runs) are(t *testing.T, what string, g *guest, milliseconds ...time.Duration) {
	t.Helper()
	want := make([]time.Duration, len(milliseconds))
	for i, ms := range milliseconds {
		want[i] = ms * time.Millisecond
	}
	if !slices.Equal(r.at[g.at], want) {
		t.Errorf("%s: %s is sent runs after %v, want %v", what, g.name, r.at[g.at], want)
	}
}

// TestBurstsAreSpread has the bursts of a frame go out evenly over the spread, the rest of them at once when the next frame is
// there, and over the time that is left when one of them was late.
func TestBurstsAreSpread(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 34 // four runs
	late := false
	var r *runs
	r = h.noteRuns(func(netip.AddrPort) error {
		if now := h.kernel.Monotonic() - r.since; late && now > time.Millisecond && now < 18*time.Millisecond {
			return unix.ENOBUFS
		}
		return nil
	})
	guests := []*guest{h.enters("one", gcm, plainForm, 0), h.enters("two", gcm, plainForm, 0), h.enters("other", cm, plainForm, 0)}
	are := func(what string, milliseconds ...time.Duration) {
		t.Helper()
		for _, g := range guests {
			r.are(t, what, g, milliseconds...)
		}
	}
	h.fan.SetPace(40*time.Millisecond, 20*time.Millisecond)
	h.run(time.Second)
	r.begin(h)
	h.publish('K')
	h.run(40 * time.Millisecond)
	are("alone", 0, 5, 10, 15)
	r.begin(h)
	h.publish('d')
	h.run(7 * time.Millisecond)
	h.publish('d')
	h.run(40 * time.Millisecond)
	are("overtaken", 0, 5, 7, 7, 7, 12, 17, 22)
	h.fan.SetPace(24*time.Millisecond, 20*time.Millisecond)
	late = true
	r.begin(h)
	h.publish('d')
	h.run(40 * time.Millisecond)
	are("late", 0, 18, 20, 22)
	for _, g := range guests {
		g.has(1, 2, 3, 4)
	}
}

// TestFiguresOfSending has readers by both profiles be sent frames, one of them caught up: packets and bytes are counted to the
// last one, of each and of all.
func TestFiguresOfSending(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	guests := []*guest{h.enters("one", gcm, plainForm, 1<<16-7), h.enters("other", cm, atOnce, 0)}
	h.frames("Kddddd")
	caught := h.enters("caught up", gcm, later, 3)
	caught.CatchUp()
	guests = append(guests, caught)
	for range 20 {
		h.frames("d")
	}
	packets, bytes := uint64(0), uint64(0)
	for _, g := range guests {
		octets := 0
		for _, p := range g.wired.packets {
			octets += len(p) - rtp.HeaderBytes
			bytes += uint64(len(p) + g.group.tagBytes)
		}
		packets += uint64(len(g.wired.packets))
		if p, o := g.Sent(); int(p) != len(g.wired.packets) || int(o) != octets {
			t.Errorf("%s: %d packets and %d octets are counted of %d and %d", g.name, p, o, len(g.wired.packets), octets)
		}
		g.has(numbers(1, 26)...)
	}
	if f := h.figures; f.Packets != packets || f.Bytes != bytes || f.Delivered != 3*26 {
		t.Errorf("%d packets, %d bytes, %d frames are counted of %d, %d, %d", f.Packets, f.Bytes, f.Delivered, packets, bytes, 3*26)
	}
}

// TestAgesOfFrames has frames go out at once, and wait behind others: their ages are told, and which of them begin late.
func TestAgesOfFrames(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20 // three runs
	h.enters("one", gcm, plainForm, 0)
	h.enters("other", cm, plainForm, 0)
	h.frames("K")
	f := &h.figures
	const last = 2 * 5 * time.Millisecond / 3
	if f.FirstAge.Count != 1 || f.FirstAge.Max != 0 || f.LastAge.Count != 2 || f.LastAge.Max < last || f.LastAge.Max > last+time.Millisecond || f.Late != 0 || f.Swept != 1 {
		t.Errorf("one frame: %+v, %+v, %d late", f.FirstAge, f.LastAge, f.Late)
	}
	h.fill()
	began := h.loop.Now()
	h.publish('K')
	h.run(5 * time.Millisecond)
	h.publish('K')
	for f.Swept < 3 {
		h.run(time.Millisecond)
	}
	took := h.loop.Now() - began
	if f.FirstAge.Count != 3 || f.FirstAge.Max > took || f.FirstAge.Max < took-10*time.Millisecond || f.LastAge.Max < f.FirstAge.Max || f.Late != 1 {
		t.Errorf("after %v: %d first ages, the longest %v; %d late", took, f.FirstAge.Count, f.FirstAge.Max, f.Late)
	}
	h.fan.SetPace(0, 0)
	h.fill()
	h.publish('K')
	h.run(5 * time.Millisecond)
	h.publish('K')
	h.run(time.Second)
	if f.Late != 1 || f.FirstAge.Count != 5 {
		t.Errorf("a source that does not say how often its frames come: %d late", f.Late)
	}
}

// TestLagsOfSending has the socket be full for many frames: each reader has each frame, or has missed it, but for one that rests.
func TestLagsOfSending(t *testing.T) {
	h := newSimHall(t, 1)
	one, other, rests := h.enters("one", gcm, plainForm, 0), h.enters("other", cm, plainForm, 0), h.enters("rests", gcm, plainForm, 0)
	h.frames("KK")
	rests.Rest(true)
	h.fill()
	leaves := h.enters("leaves", gcm, plainForm, 0)
	h.publish('K')
	if h.fan.Readers() != 4 {
		t.Errorf("%d readers", h.fan.Readers())
	}
	if leaves.Leave(); h.fan.Readers() != 3 {
		t.Errorf("%d readers when one has left in the middle of a frame", h.fan.Readers())
	}
	for range 50 {
		h.frames("K")
	}
	h.run(time.Second)
	for _, g := range []*guest{one, other} {
		if g.Frames()+g.Lags() != h.ring.Newest() || g.Lags() < 10 || g.Frames() != uint64(len(g.whole())) {
			t.Errorf("%s has %d frames and missed %d, of %d", g.name, g.Frames(), g.Lags(), h.ring.Newest())
		}
	}
	if rests.Lags() != 0 || h.figures.Lags != one.Lags()+other.Lags() {
		t.Errorf("%d frames were missed by one that rests, %d by all", rests.Lags(), h.figures.Lags)
	}
}

// TestCatchRate has a reader be caught up no faster than it may be, and no slower than it must be to come near the others.
func TestCatchRate(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	h.enters("first", gcm, plainForm, 7)
	h.frames("Kdddddddddddddddddddddddddddddddddddddddd")
	r := h.noteRuns(nil)
	g := h.enters("guest", gcm, plainForm, 0)
	g.CatchUp()
	for ms := range 400 {
		if ms%10 == 0 {
			h.publish('d')
		}
		h.run(time.Millisecond)
		if !g.catching {
			if ms < 60 || ms > 150 {
				t.Errorf("it is caught up after %d ms", ms)
			}
			return
		}
		if n := r.packets[g.at]; n > hallRun+sending.CatchRate*(ms+1)/1000 || n < sending.CatchRate*ms/2000 {
			t.Fatalf("%d packets in %d ms", n, ms+1)
		}
	}
	t.Error("it is not caught up")
}
