package cast_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestUnusableFrameInAGroup has frames in the middle of groups that cannot be sent: what depends
// on them is not sent either.
func TestUnusableFrameInAGroup(t *testing.T) {
	const group = 10
	w, f := newGroupsWorld(t, 1, 5000, group, nil)
	f.unusable = func(n uint32) bool { return n == 4 || n == 21 }
	overUDP, overTCP := w.admit(overUDP, "10.0.1.1", f), w.admit(overTCP, "10.0.1.2", f)
	w.run(2 * time.Second)
	for _, g := range []*guest{overUDP, overTCP} {
		if jumps := g.jumps(); !slices.Equal(jumps, []uint32{11, 31}) || g.sink.numbers[2] != 3 {
			t.Errorf("%v goes on with %v: %v", g.how, jumps, &g.sink)
		}
		if figures := g.session().Figures(); figures.Lags != 6+9 || figures.Frames != uint64(len(g.sink.numbers)) {
			t.Errorf("%v: %d lags and %d frames are counted", g.how, figures.Lags, figures.Frames)
		}
	}
	if n := w.s.Figures().Unusable; n != 2 {
		t.Errorf("%d frames are unusable", n)
	}
}

// TestNineFramesInTheMiddle has ten readers over TCP stop in the middle of ten different frames,
// two more than are kept: those two frames are cut short, and everybody goes on.
func TestNineFramesInTheMiddle(t *testing.T) {
	for _, group := range []uint32{1, 3} {
		w, f := newGroupsWorld(t, 1, 230_000, group, func(c *cast.Config) { c.Lag, c.LagTime = 2, time.Millisecond })
		var stuck []*guest
		for i := range 10 {
			stuck = append(stuck, w.admit(overTCP, fmt.Sprintf("10.0.1.%d", i+1), f))
		}
		other := w.admit(overTCP, "10.0.2.1", f)
		w.until(func() bool { return len(other.sink.numbers) == 4 })
		for _, g := range stuck {
			g.stopReading(1000)
			number := f.number
			w.until(func() bool { return f.number > number+group-1 })
			w.run(time.Millisecond)
		}
		w.run(time.Second)
		for _, g := range stuck {
			g.goOnReading()
		}
		w.run(time.Second)
		f.silent = true
		w.run(100 * time.Millisecond)
		halves := uint64(0)
		for _, g := range stuck {
			halves += g.sink.halves
			figures := g.session().Figures()
			if came := uint64(len(g.sink.numbers)); figures.Frames != came || figures.Frames+figures.Lags != uint64(f.number) || len(g.jumps()) != 1 {
				g.wrong("%d frames and %d lags are counted of %d: %v", figures.Frames, figures.Lags, f.number, &g.sink)
			}
		}
		if cut := w.s.Figures().CutShort; cut != 2 || halves != cut {
			t.Errorf("groups of %d: %d frames are cut short, and %d were broken off; want 2", group, cut, halves)
		}
		other.hasAll(1)
	}
}
