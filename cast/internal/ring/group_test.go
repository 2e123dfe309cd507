package ring_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
)

// groups publishes frames a tenth of a second apart, of 100 bytes: 'K' is a key frame, 'd' one that
// others need, and 'x' one that none needs. 'O' is an open key frame, and 'l' one that leads to it.
func groups(t testing.TB, r *ring.Ring, frames string) {
	t.Helper()
	for _, c := range frames {
		f := media.Frame{Params: grouped, Bytes: make([]byte, 100), Key: c == 'K' || c == 'O', Disposable: c == 'x', Open: c == 'O', Leading: c == 'l'}
		f.Captured = time.Duration(r.Newest()+1) * 100 * time.Millisecond
		if _, err := r.Publish(f); err != nil {
			t.Fatal(err)
		}
	}
}

// oldest is the number of the oldest frame in a ring.
func oldest(r *ring.Ring) uint64 {
	for n := uint64(1); ; n++ {
		if r.Get(n) != nil {
			return n
		}
	}
}

// TestWhatIsKept looks which frames of groups are in the ring.
func TestWhatIsKept(t *testing.T) {
	limits := ring.Limits{Frames: 2, Lag: 400 * time.Millisecond, GroupBytes: 2000, GroupTime: 1500 * time.Millisecond}
	for _, c := range []struct {
		name, frames string
		limits       ring.Limits
		first, cut   uint64
	}{
		{"the newest group", "KdddKddddddd", limits, 5, 0},
		{"those within the lag", "KddddddddKd", limits, 7, 0},
		{"a group that lasts too long", "Kdddddddddddddddd", limits, 13, 1},
		{"a group of too many bytes", "KdddddddK", ring.Limits{Frames: 2, Lag: 200 * time.Millisecond, GroupBytes: 500, GroupTime: time.Hour}, 7, 1},
		{"a lag of too many bytes", "Kdddddddd", ring.Limits{Frames: 2, Lag: time.Hour, GroupBytes: 500, GroupTime: time.Hour}, 5, 1},
		{"not fewer than there must be", "Kdddddddd", ring.Limits{Frames: 4, GroupBytes: 100}, 6, 1},
		{"the next group after one that was too large", "KdddddddddddddddddKdd", limits, 17, 1},
	} {
		r := ring.New(c.limits)
		groups(t, r, c.frames)
		if got := oldest(r); got != c.first || r.Cut() != c.cut {
			t.Errorf("%s: frames from %d on are kept, and %d groups were cut; want %d and %d", c.name, got, r.Cut(), c.first, c.cut)
		}
	}
}

// TestCursorsInGroups has cursors that are behind go on, and such as leave frames out.
func TestCursorsInGroups(t *testing.T) {
	limits := ring.Limits{Frames: 2, Lag: 300 * time.Millisecond, GroupBytes: 1000, GroupTime: time.Hour}
	all := ring.Policy{Step: 1}
	for _, c := range []struct {
		name          string
		policy        ring.Policy
		before, after string
		taken         []uint64
		missed        uint64
		wants         bool
	}{
		{"within the newest group it goes on", all, "K", "ddddddd", []uint64{1, 2, 3, 4, 5, 6, 7, 8}, 0, false},
		{"too far behind, to a newer key frame", all, "K", "ddddKdddd", []uint64{1, 6, 7, 8, 9, 10}, 4, false},
		{"not too far behind it takes all", all, "K", "dKdd", []uint64{1, 2, 3, 4, 5}, 0, false},
		{"patient, as far as the ring goes", ring.Policy{Step: 1, Patient: true}, "K", "KdKddd", []uint64{1, 4, 5, 6, 7}, 2, false},
		{"the group was too large, it waits", all, "K", "ddddddddddddddd", []uint64{1}, 15, true},
		{"without those that none needs", ring.Policy{Step: 1, NeededOnly: true}, "K", "xdKx", []uint64{1, 3, 4}, 0, false},
		{"an open group from its beginning: without those that lead to it", all, "O", "lldd", []uint64{1, 4, 5}, 0, false},
		{"too far behind, to an open group", all, "K", "ddddOlldd", []uint64{1, 6, 9, 10}, 4, false},
		{"without those, and lagging", ring.Policy{Step: 1, NeededOnly: true}, "K", "xdxxdxxdxxxxKx", []uint64{1, 14}, 3, false},
	} {
		r := ring.New(limits)
		cursor := r.NewCursor()
		groups(t, r, c.before)
		f, _ := cursor.Next(r, c.policy)
		taken, missed := []uint64{f.Number}, uint64(0)
		groups(t, r, c.after)
		for {
			f, more := cursor.Next(r, c.policy)
			if missed += more; f == nil {
				break
			}
			taken = append(taken, f.Number)
		}
		if !slices.Equal(taken, c.taken) || missed != c.missed || cursor.WantsKey(r) != c.wants {
			t.Errorf("%s: it takes %v, misses %d and wants a key frame: %v; want %v, %d and %v", c.name, taken, missed, cursor.WantsKey(r), c.taken, c.missed, c.wants)
		}
	}
}

// TestCursorAtKey has a cursor begin in the middle of a group, and in one that is not kept.
func TestCursorAtKey(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 2, GroupBytes: 1000, GroupTime: time.Hour})
	if _, ok := r.NewCursorAtKey(); ok {
		t.Error("it begins before the first frame")
	}
	groups(t, r, "KdKddd")
	c, ok := r.NewCursorAtKey()
	for want := uint64(3); want <= 6; want++ {
		if f, missed := c.Next(r, ring.Policy{Step: 1}); !ok || f == nil || f.Number != want || missed > 0 {
			t.Errorf("it takes %v, and missed %d; want frame %d", f, missed, want)
		}
	}
	groups(t, r, "dddddddddddd")
	if _, ok := r.NewCursorAtKey(); ok {
		t.Error("it begins with a frame that is gone")
	}
}

// TestFollows asks which frames can follow which.
func TestFollows(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 20})
	groups(t, r, "KxdxxdK") // and 8 is to come
	for _, c := range []struct {
		had, next uint64
		follows   bool
	}{
		{1, 2, true}, {1, 3, true}, {1, 4, false}, {2, 3, true}, {3, 4, true}, {3, 5, true}, {3, 6, true}, {4, 6, true},
		{1, 7, true}, {0, 7, true}, {0, 2, false}, {6, 8, false}, {7, 8, true}, {0, 8, false},
	} {
		if got := r.Follows(c.had, c.next); got != c.follows {
			t.Errorf("frame %d after %d: %v, want %v", c.next, c.had, got, c.follows)
		}
	}
	groups(t, r, "xx")
	if !r.Follows(7, 10) || !r.Follows(8, 10) {
		t.Error("frames that none needs must be had")
	}
}

// TestFollowsInOpenGroups has those frames that lead to a key frame follow none, as what they need is not
// known, and be needed by no others.
func TestFollowsInOpenGroups(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 20})
	groups(t, r, "KdOlld")
	for _, c := range []struct {
		had, next uint64
		follows   bool
	}{
		{0, 3, false}, {1, 3, false}, {2, 3, true}, {3, 4, false}, {4, 5, false}, {3, 6, true}, {5, 6, true}, {2, 6, false}, {6, 7, true},
	} {
		if got := r.Follows(c.had, c.next); got != c.follows {
			t.Errorf("frame %d after %d: %v, want %v", c.next, c.had, got, c.follows)
		}
	}
	for _, kinds := range []string{"O", "l"} {
		if groups(t, r, kinds); r.Follows(r.Newest(), r.Newest()+1) {
			t.Errorf("the frame after %q may be one that leads to a key frame", kinds)
		}
	}
}

// TestFollowWithKey has a reader go on with an open key frame: it gets those that lead to it.
func TestFollowWithKey(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 20})
	groups(t, r, "Kd")
	begins, follows := r.NewCursor(), ring.Cursor{}
	groups(t, r, "Ol")
	follows.FollowWithKey(r)
	for i, want := range []uint64{3, 4, 5} {
		if i == 2 {
			groups(t, r, "d")
		}
		if got, missed := follows.Next(r, ring.Policy{Step: 1}); got == nil || got.Number != want || missed > 0 || follows.Taken() != want {
			t.Fatalf("frame %v, %d missed, want frame %d", got, missed, want)
		}
	}
	for _, want := range []uint64{3, 5} {
		if got, _ := begins.Next(r, ring.Policy{Step: 1}); got == nil || got.Number != want {
			t.Fatalf("one that begins with it gets %v, want frame %d", got, want)
		}
	}
}

// TestSqueeze looks at the timestamps of those who are caught up.
func TestSqueeze(t *testing.T) {
	edge := uint32(500) // the others are before the wrap
	s := ring.NewSqueeze(edge-57*3000, edge, 57, 58)
	last := s.At(1, edge-57*3000)
	if edge-last != 1500 {
		t.Errorf("the oldest is %d ticks before the live edge, want 1500", edge-last)
	}
	for n := uint32(56); n > 0; n-- {
		at := s.At(58-uint64(n), edge-n*3000)
		if int32(at-last) <= 0 || int32(edge-at) < 0 {
			t.Errorf("frame %d before the edge: %d, after %d", n, at, last)
		}
		last = at
	}
	if s.At(58, edge) != edge || s.At(58, edge+3000) != edge+3000 || s.At(59, edge-1<<31+1) != edge-1<<31+1 {
		t.Error("the live edge and what follows are changed")
	}
	few := ring.NewSqueeze(1000, 1000, 1, 1)
	if few.At(1, 1000) != 1000 || (ring.Squeeze{}).At(1, 7) != 7 {
		t.Error("what need not be squeezed is changed")
	}
}

// TestGroupsNeedNoMemory publishes groups of frames that differ in size: when some are over, no more
// memory is taken.
func TestGroupsNeedNoMemory(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 5, Lag: time.Second, GroupBytes: 10 << 20, GroupTime: 10 * time.Second})
	form := r.NewForm(&flat{})
	form.Use()
	picture := make([]byte, 60_000)
	random := rand.New(rand.NewPCG(1, 1))
	step := func() {
		n := r.Newest()
		f := media.Frame{Params: grouped, Bytes: picture[:1000+random.IntN(2000)], Captured: time.Duration(n) * time.Second / 30}
		if f.Key = n == 0 || random.IntN(60) == 0; f.Key {
			f.Bytes = picture[:50_000+random.IntN(10_000)]
		}
		if _, err := r.Publish(f); err != nil {
			t.Fatal(err)
		}
	}
	for range 600 {
		step()
	}
	if n := testing.AllocsPerRun(6000, step); n > 0.1 {
		t.Errorf("%v allocations per frame", n)
	}
	if large := r.Large(10_000); large > 16 {
		t.Errorf("%d slots have room for a key frame", large)
	}
}
