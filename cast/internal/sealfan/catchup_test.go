package sealfan

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestCatchSlice has many readers be caught up at once, on a machine that is slow to send: they hold the loop no longer than they
// may in a turn, use that time, and get the same share of it.
func TestCatchSlice(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	h.enters("first", gcm, plainForm, 7)
	h.frames("Kddddddddddddddddddddddddd")
	const message = 100 * time.Microsecond
	h.kernel.SetCosts(sim.Costs{Message: message})
	r := h.noteRuns(nil)
	var guests []*guest
	for i := range 40 {
		g := h.enters(fmt.Sprint("guest ", i), gcm, plainForm, 0)
		g.CatchUp()
		guests = append(guests, g)
	}
	longest, turns := time.Duration(0), 0
	for began := h.kernel.Monotonic(); h.kernel.Monotonic()-began < 100*time.Millisecond; turns++ {
		before := h.kernel.ThreadCPU()
		if _, err := h.loop.Turn(time.Second); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, h.kernel.ThreadCPU()-before)
	}
	// A turn may begin with a timer and end with what waits, a slice each.
	if longest > 2*(sending.CatchSlice+message) || longest < sending.CatchSlice || turns > 150 {
		t.Errorf("a turn takes %v at most, of %d in 100 ms", longest, turns)
	}
	least, most := 1<<20, 0
	for _, g := range guests {
		least, most = min(least, r.packets[g.at]), max(most, r.packets[g.at])
	}
	if least < most/2 || least < 100 {
		t.Errorf("one has got %d packets, another one %d", least, most)
	}
}

// TestCatchRateBesideAFullOne has a queue on the way to one reader that is caught up be full: another one does not wait for it.
func TestCatchRateBesideAFullOne(t *testing.T) {
	for _, second := range []bool{false, true} {
		h := newSimHall(t, 1)
		h.packets = 20
		h.enters("first", gcm, plainForm, 7)
		h.frames("Kddddddddddddddddddddddddd")
		full := netip.AddrPort{}
		r := h.noteRuns(func(to netip.AddrPort) error {
			if to == full {
				return unix.ENOBUFS
			}
			return nil
		})
		one, other := h.enters("one", gcm, plainForm, 0), h.enters("other", gcm, plainForm, 0)
		if full = one.at; second {
			full = other.at
			one, other = other, one
		}
		for _, g := range []*guest{one, other} {
			g.CatchUp()
		}
		h.run(20 * time.Millisecond)
		if n := r.packets[other.at]; n < 140 || r.packets[one.at] > 0 {
			t.Errorf("%d packets in 20 ms, %d of the other one", n, r.packets[one.at])
		}
	}
}

// TestCatchingUpWaitsForTheSweep has the socket be full for the sweep, in the middle of a frame, when a reader is to be caught up: it
// waits, and then has all.
func TestCatchingUpWaitsForTheSweep(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	h.enters("first", gcm, plainForm, 7)
	h.frames("Kdd")
	h.fill()
	h.publish('d')
	g := h.enters("guest", gcm, plainForm, 0)
	g.CatchUp()
	h.run(5 * time.Millisecond)
	if !h.fan.groups[0].sweep.Waiting || len(g.came.packets) > 0 {
		t.Fatal("the sweep does not wait")
	}
	h.run(time.Second)
	h.frames("ddd")
	g.has(numbers(1, 7)...)
}
