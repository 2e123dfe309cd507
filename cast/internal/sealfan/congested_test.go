package sealfan

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCongestedReaders has a queue on the way to some readers be full for a moment, and then always: the others wait for it once,
// and then no more, and nobody else misses a frame.
func TestCongestedReaders(t *testing.T) {
	h := newSimHall(t, 1)
	full := func(netip.AddrPort) bool { return false }
	r := h.noteRuns(func(to netip.AddrPort) error {
		if full(to) {
			return unix.ENOBUFS
		}
		return nil
	})
	var guests []*guest
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		guests = append(guests, h.enters(name, gcm, plainForm, 0))
	}
	bad := []*guest{guests[1], guests[4]}
	isBad := func(to netip.AddrPort) bool { return to == bad[0].at || to == bad[1].at }
	latest := func() (last time.Duration) {
		for _, g := range guests {
			for _, at := range r.at[g.at] {
				last = max(last, at)
			}
		}
		return last
	}
	frame := func(what string, want time.Duration, unreachable uint64) {
		t.Helper()
		before := h.figures.Unreachable
		r.begin(h)
		h.publish('K')
		h.run(100 * time.Millisecond)
		if got := latest(); got != want {
			t.Errorf("%s: the last reader is sent the frame after %v, want %v", what, got, want)
		}
		if n := h.figures.Unreachable - before; n != unreachable {
			t.Errorf("%s: %d readers were not reached", what, n)
		}
	}
	frame("nothing is full", 0, 0)
	full = func(to netip.AddrPort) bool { return isBad(to) && h.kernel.Monotonic()-r.since < 10*time.Millisecond }
	frame("full for a moment", 10*time.Millisecond, 0)
	full = isBad
	frame("full", 30*time.Millisecond, 2)
	frame("full again", 0, 2)
	full = func(to netip.AddrPort) bool { return to == bad[0].at }
	frame("one of them is full", 0, 1)
	full = func(netip.AddrPort) bool { return false }
	frame("nothing is full again", 0, 0)
	full = isBad
	frame("full once more", 30*time.Millisecond, 2)
	for i, g := range guests {
		want := numbers(1, 7)
		switch {
		case i == 1:
			want = []uint64{1, 2, 6}
		case i == 4:
			want = []uint64{1, 2, 5, 6}
		}
		g.has(want...)
	}
}

// TestCatchingUpCongested has a queue on the way to a reader that is caught up be full for a moment, or for longer than it may: it
// waits for the next key frame then.
func TestCatchingUpCongested(t *testing.T) {
	for _, c := range []struct {
		full   time.Duration
		caught bool
	}{{29 * time.Millisecond, true}, {40 * time.Millisecond, false}} {
		h := newSimHall(t, 1)
		h.enters("first", gcm, plainForm, 7)
		h.frames("Kdd")
		g := h.enters("guest", gcm, plainForm, 0)
		began := h.kernel.Monotonic()
		h.noteRuns(func(to netip.AddrPort) error {
			if to == g.at && h.kernel.Monotonic()-began < c.full {
				return unix.ENOBUFS
			}
			return nil
		})
		g.CatchUp()
		h.run(29 * time.Millisecond)
		if !g.catching {
			t.Errorf("full for %v: it is given up too soon", c.full)
		}
		h.run(2 * time.Millisecond)
		if !c.caught && g.catching {
			t.Errorf("full for %v: it is not given up", c.full)
		}
		h.run(100 * time.Millisecond)
		h.frames("dKd")
		if c.caught {
			g.has(1, 2, 3, 4, 5, 6)
		} else {
			g.has(5, 6)
		}
	}
}
