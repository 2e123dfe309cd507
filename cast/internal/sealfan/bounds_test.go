package sealfan

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/srtp"
	"golang.org/x/sys/unix"
)

// TestLostWithTheThirdFrame has a reader not be reached by three frames that are far apart, or by many in less than five seconds.
func TestLostWithTheThirdFrame(t *testing.T) {
	for _, c := range []struct {
		apart time.Duration
		lost  int // with which frame
	}{{time.Hour, 3}, {3 * time.Second, 3}, {2500 * time.Millisecond, 3}, {2499 * time.Millisecond, 4}, {time.Second, 6}, {100 * time.Millisecond, 51}} {
		h := newSimHall(t, 1)
		g := h.enters("guest", gcm, plainForm, 0)
		h.kernel.Inject(sim.FailTo(netip.PrefixFrom(g.at.Addr(), 32), unix.EHOSTUNREACH))
		lost := 0
		for n := 1; n < 100 && g.lost == 0; n++ {
			h.publish('K')
			lost = n
			h.run(c.apart)
		}
		if lost != c.lost {
			t.Errorf("frames %v apart: it is lost with frame %d, want %d", c.apart, lost, c.lost)
		}
	}
}

// TestResentInASecond has a reader ask for packets again: when it has been sent as many as it may be, it is sent more after a
// second, and not before.
func TestResentInASecond(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	h.frames("K")
	ask := func(want int) {
		t.Helper()
		n := 0
		for range 2 * resentMost {
			if g.Resend(uint16(g.came.highest)) {
				if n++; n%waitingPerReader == 0 { // no more of them wait
					h.turn()
				}
			}
		}
		if n != want {
			t.Errorf("%d packets are sent again, want %d", n, want)
		}
	}
	ask(resentMost)
	h.run(999 * time.Millisecond)
	ask(0)
	h.run(time.Millisecond)
	ask(resentMost)
	ask(0)
}

// TestSome has all readers of several groups be visited in lots of any size: each once, but for one that has left.
func TestSome(t *testing.T) {
	h := newSimHall(t, 1)
	var guests []*guest
	for i := range 10 {
		guests = append(guests, h.enters("guest", []srtp.Profile{gcm, cm}[i%2], []Form{plainForm, atOnce}[i/5], 0))
	}
	h.frames("K")
	h.fill()
	h.publish('K')
	guests[4].Leave() // it is in the list until the frame is sent
	for lot := 1; lot <= 11; lot++ {
		var round Round
		visited, calls := map[*Reader]int{}, 0
		for done := false; !done; calls++ {
			n := 0
			done = h.fan.Some(&round, lot, func(r *Reader) { visited[r]++; n++ })
			if n > lot || n == 0 && !done {
				t.Fatalf("%d are visited of a lot of %d", n, lot)
			}
		}
		if len(visited) != 9 || visited[&guests[4].Reader] > 0 || calls > 9/lot+1 {
			t.Errorf("in lots of %d: %d readers are visited by %d calls", lot, len(visited), calls)
		}
		for _, n := range visited {
			if n != 1 {
				t.Errorf("in lots of %d: one is visited %d times", lot, n)
			}
		}
	}
	if h.fan.Some(new(Round), 0, func(*Reader) { t.Error("one is visited of a lot of none") }) {
		t.Error("a lot of none is done")
	}
	visited := map[*Reader]int{}
	h.fan.Each(func(r *Reader) {
		visited[r]++
		r.Leave() // which takes it out of the list at once, but for those in the middle of a frame
	})
	if len(visited) != 9 || visited[&guests[4].Reader] > 0 || h.fan.Readers() != 0 {
		t.Errorf("%d readers are visited, %d are left", len(visited), h.fan.Readers())
	}
}

// TestRated has a reader say how much its way carries: it counts as loss from half of what it is sent on, measured over half a second.
func TestRated(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	g.Rated(1)
	if g.rate.loss != 0 {
		t.Error("the first estimate counts")
	}
	for _, c := range []struct {
		after  time.Duration
		octets uint32
		bits   uint64
		loss   uint32
	}{
		{500 * time.Millisecond, 62_500, 500_000, 0}, {500 * time.Millisecond, 62_500, 499_999, 128}, {499 * time.Millisecond, 0, 1 << 40, 128},
		{time.Millisecond, 62_500, 250_000, 192}, {2 * time.Second, 250_000, 250_000, 192}, {500 * time.Millisecond, 62_500, 0, 256},
		{500 * time.Millisecond, 62_500, 1_000_000, 0}, {500 * time.Millisecond, 62_500, 1<<64 - 1, 0}, {500 * time.Millisecond, 0, 0, 0},
	} {
		h.run(c.after)
		g.octets += c.octets
		if g.Rated(c.bits); g.rate.loss != c.loss {
			t.Errorf("%d octets in %v by a way of %d bits/s: a loss of %d, want %d", c.octets, c.after, c.bits, g.rate.loss, c.loss)
		}
	}
}

// TestBrokenSocket has a socket no longer work: that its readers miss the frames is counted, and those behind the other socket have
// them all.
func TestBrokenSocket(t *testing.T) {
	h := newSimHall(t, 1)
	stays, broken := h.enters("stays", gcm, plainForm, 0), h.enters("broken", gcm, plainForm, 0)
	broken.Move(Address{Socket: h.other, Peer: broken.at})
	works := true
	h.noteRuns(func(to netip.AddrPort) error {
		if to == broken.at && !works {
			return unix.EBADF
		}
		return nil
	})
	h.frames("KK")
	works = false
	h.frames("KKK")
	works = true
	h.frames("dKd")
	stays.has(numbers(1, 8)...)
	broken.has(1, 2, 7, 8)
	if broken.Lags() != 3 || h.figures.Lags != 3 || h.figures.Unreachable != 0 {
		t.Errorf("%d frames are missed, %d by all", broken.Lags(), h.figures.Lags)
	}
}

// TestLastOfAForm has the last reader of a form leave: nothing is laid out in it any more, and those of another form, and of the same
// one behind another socket, go on.
func TestLastOfAForm(t *testing.T) {
	h := newSimHall(t, 1)
	stays, leaves, moved := h.enters("stays", gcm, plainForm, 0), h.enters("leaves", gcm, atOnce, 0), h.enters("moved", gcm, plainForm, 0)
	moved.Move(Address{Socket: h.other, Peer: moved.at})
	h.frames("K")
	leaves.Leave()
	h.frames("dd")
	if len(h.fan.groups) != 2 || len(h.fan.layouts) != 1 || h.fan.layouts[0] != stays.group.layout {
		t.Errorf("%d groups, %d layouts", len(h.fan.groups), len(h.fan.layouts))
	}
	stays.has(1, 2, 3)
	moved.has(1, 2, 3)
	leaves.has(1)
	stays.Leave()
	moved.Leave()
	if len(h.fan.groups)+len(h.fan.layouts) > 0 || h.ring.InUse() {
		t.Error("something is left of readers who have left")
	}
}

// TestFormsOf counts the forms that only some of the readers want, those who have left in the middle of a frame not among them.
func TestFormsOf(t *testing.T) {
	h := newSimHall(t, 1)
	a, b, c := h.enters("a", gcm, plainForm, 0), h.enters("b", gcm, atOnce, 0), h.enters("c", gcm, atOnce, 0)
	of := func(some ...*guest) int {
		return h.fan.FormsOf(func(r *Reader) bool {
			return slices.ContainsFunc(some, func(g *guest) bool { return &g.Reader == r })
		})
	}
	if !h.fan.Has(plainForm) || !h.fan.Has(atOnce) || h.fan.Has(later) {
		t.Error("it has other forms")
	}
	if of() != 0 || of(a) != 1 || of(b) != 0 || of(b, c) != 1 || of(a, b, c) != 2 {
		t.Errorf("%d, %d, %d, %d, %d forms", of(), of(a), of(b), of(b, c), of(a, b, c))
	}
	h.frames("K")
	h.fill()
	h.publish('K')
	if c.Leave(); of(b) != 1 {
		t.Errorf("%d forms when another reader is leaving", of(b))
	}
}
