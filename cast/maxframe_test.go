package cast_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestTooLargeFrame has frames in the middle of groups be larger than a frame may be: they, and what
// depends on them, are counted and not sent.
func TestTooLargeFrame(t *testing.T) {
	const group, most = 10, 6000
	w, f := newGroupsWorld(t, 1, 5000, group, func(c *cast.Config) { c.MaxFrame = most })
	f.bytes = func(n uint32) int {
		switch n {
		case 4, 21:
			return most + 1
		case 5, 25:
			return most
		}
		return 5000
	}
	overUDP, overTCP := w.admit(overUDP, "10.0.1.1", f), w.admit(overTCP, "10.0.1.2", f)
	w.run(2 * time.Second)
	for _, g := range []*guest{overUDP, overTCP} {
		if jumps := g.jumps(); !slices.Equal(jumps, []uint32{11, 31}) || g.sink.numbers[2] != 3 || g.sink.halves > 0 {
			t.Errorf("%v goes on with %v: %v", g.how, jumps, &g.sink)
		}
	}
	if n := w.s.Figures().Unusable; n != 7+10 {
		t.Errorf("%d frames are unusable", n)
	}
	log := w.log.String()
	if n := strings.Count(log, "cannot be sent"); n != 1 || !strings.Contains(log, "6001 bytes") || !strings.Contains(log, "--max-frame") {
		t.Errorf("the log says %d times that a frame cannot be sent: %s", n, log)
	}
}

// TestTooLargeFrameBeforeAnOpenGroup has frames that lead to a key frame need one before it that was too
// large.
func TestTooLargeFrameBeforeAnOpenGroup(t *testing.T) {
	const group, most = 10, 6000
	w, f := newGroupsWorld(t, 1, 5000, group, func(c *cast.Config) { c.MaxFrame = most })
	f.leading = func(n uint32) bool { return n%group == 2 || n%group == 3 }
	f.bytes = func(n uint32) int {
		if n == 9 {
			return most + 1
		}
		return 5000
	}
	g := w.admit(overTCP, "10.0.1.1", f)
	w.run(2 * time.Second)
	if jumps := g.jumps(); !slices.Equal(jumps, []uint32{11, 14}) || g.sink.numbers[len(g.sink.numbers)-1] < 25 {
		t.Errorf("it goes on with %v: %v", jumps, &g.sink)
	}
	if n := w.s.Figures().Unusable; n != 2+2 {
		t.Errorf("%d frames are unusable", n)
	}
}

func TestMaxFrameIsChecked(t *testing.T) {
	for _, bytes := range []int{-1, 1, 1023, 1<<30 + 1} {
		if err := (cast.Config{MaxFrame: bytes}).Check(); err == nil || err.Error() != "max-frame: must be 1024 to 1073741824 bytes" {
			t.Errorf("%d: %v", bytes, err)
		}
	}
	for _, bytes := range []int{0, 1024, 1 << 30} {
		if err := (cast.Config{MaxFrame: bytes}).Check(); err != nil {
			t.Errorf("%d: %v", bytes, err)
		}
	}
}
