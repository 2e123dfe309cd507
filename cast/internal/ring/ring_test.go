package ring_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// grouped are frames that depend on each other, as H.264's do.
var grouped = &media.Params{Format: media.H264}

// publish puts frames into a ring: 'K' is a key frame, 'd' one that depends on those before.
func publish(t testing.TB, r *ring.Ring, frames string) {
	t.Helper()
	for _, c := range frames {
		if _, err := r.Publish(media.Frame{Params: grouped, Bytes: fmt.Append(nil, r.Newest()+1), Key: c == 'K'}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCursor has a cursor join after some frames, then go on as frames come.
func TestCursor(t *testing.T) {
	all, keys, second := ring.Policy{Step: 1}, ring.Policy{Step: 1, KeysOnly: true}, ring.Policy{Step: 2}
	for _, c := range []struct {
		name   string
		policy ring.Policy
		window int
		before string   // what came before it joined
		then   []string // what comes, and after each the cursor takes all it can
		taken  []uint64
		missed uint64
	}{
		{"every frame of JPEG", all, 3, "KK", []string{"K", "KK"}, []uint64{3, 4, 5}, 0},
		{"too far behind: the newest", all, 3, "", []string{"K", "KKKKK"}, []uint64{1, 6}, 4},
		{"just not too far behind", all, 3, "", []string{"K", "KKK"}, []uint64{1, 2, 3, 4}, 0},
		{"joined and at once too far behind", all, 2, "K", []string{"KKKK"}, []uint64{5}, 3},
		{"every second frame", second, 3, "K", []string{"K", "K", "KK"}, []uint64{2, 4}, 0},
		{"every second frame, too far behind", second, 3, "", []string{"KK", "KKKKKKK"}, []uint64{2, 8}, 2},
		{"joined within a group: the next key frame", all, 5, "Kd", []string{"d", "d", "Kd"}, []uint64{5, 6}, 0},
		{"joined before anything", all, 5, "", []string{"dd", "Kd"}, []uint64{3, 4}, 0},
		{"lagged: the newest key frame in the ring", all, 3, "", []string{"K", "dddKd"}, []uint64{1, 5, 6}, 3},
		{"lagged: no key frame in the ring, wait for one", all, 2, "", []string{"K", "dddd", "d", "Kd"}, []uint64{1, 7, 8}, 5},
		{"lagged beyond several key frames: the newest", all, 4, "", []string{"K", "dKdKdKd"}, []uint64{1, 7, 8}, 5},
		{"a key frame that it has had is not gone back to", all, 3, "", []string{"Kd", "ddd", "ddddK"}, []uint64{1, 2, 3, 4, 5, 10}, 4},
		{"key frames only", keys, 4, "", []string{"Kd", "dd", "Kdd", "K"}, []uint64{1, 5, 8}, 0},
		{"key frames only, joined within a group", keys, 4, "Kd", []string{"dK"}, []uint64{4}, 0},
		{"key frames only, too far behind", keys, 3, "", []string{"K", "dKdKdKd"}, []uint64{1, 7}, 2},
		{"key frames only, none in the ring", keys, 2, "", []string{"K", "Kddd", "K"}, []uint64{1, 6}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ring.New(ring.Limits{Frames: c.window})
			publish(t, r, c.before)
			cursor := r.NewCursor()
			var taken []uint64
			missed := uint64(0)
			for _, frames := range c.then {
				publish(t, r, frames)
				for {
					next := cursor.Peek(r, c.policy)
					f, more := cursor.Next(r, c.policy)
					missed += more
					if f == nil {
						break
					}
					if next != f.Number || cursor.Taken() != f.Number || cursor.Last() != f.Number {
						t.Errorf("frame %d: Peek said %d, Taken says %d and Last %d", f.Number, next, cursor.Taken(), cursor.Last())
					}
					taken = append(taken, f.Number)
				}
			}
			if !slices.Equal(taken, c.taken) || missed != c.missed {
				t.Errorf("took %v and missed %d, want %v and %d", taken, missed, c.taken, c.missed)
			}
		})
	}
}

// TestPins has ten readers stand in the middle of ten frames, one more than fits: the oldest
// frame is given up, the others and a frame that is held stay.
func TestPins(t *testing.T) {
	const window = 1
	r := ring.New(ring.Limits{Frames: window})
	r.AddHolder()
	publish(t, r, "K")
	held := r.Last()
	held.Hold()
	var pins [10]ring.Pin
	for i := range pins {
		publish(t, r, "K")
		pins[i].Set(r.Last())
	}
	publish(t, r, "KKK")
	if held.Number != 1 || string(held.Bytes) != "1" {
		t.Errorf("the frame that is held has become number %d, %q", held.Number, held.Bytes)
	}
	for i := range pins {
		wantGone := i < len(pins)-8 // spareFrames
		if f := pins[i].Held(); (f == nil) != wantGone || pins[i].GivenUp() != wantGone {
			t.Errorf("pin %d: frame %v, given up %v; want given up %v", i, f != nil, pins[i].GivenUp(), wantGone)
		} else if f != nil && string(f.Bytes) != fmt.Sprint(i+2) {
			t.Errorf("pin %d: frame %q", i, f.Bytes)
		}
		pins[i].Release()
		pins[i].Release() // does nothing
	}
	publish(t, r, "KKKKKKKKKKKK")
	if held.Number != 1 {
		t.Error("the frame that is held was given up")
	}
	held.Release()
	publish(t, r, "KKKKKKKKKKKKKKKK")
	if held.Number == 1 {
		t.Error("a frame is kept that nobody holds")
	}
}

// layout lays a frame out as one packet of its bytes, and refuses those of a length.
type layout struct {
	laid   []uint64
	refuse int
}

func (l *layout) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	l.laid = append(l.laid, f.Number)
	if len(f.Bytes) == l.refuse {
		return rtp.Packets{}, errors.New("refused")
	}
	return rtp.Packets{Bytes: append(dst, f.Bytes...), Count: 1}, nil
}

func TestForms(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 8})
	l := &layout{refuse: 2}
	form := r.NewForm(l)
	publish(t, r, "KdKdd")
	if len(l.laid) > 0 || form.Of(r.Last()) != nil {
		t.Errorf("frames %v are laid out for nobody", l.laid)
	}
	form.Use()
	if !slices.Equal(l.laid, []uint64{3, 4, 5}) || form.Of(r.Last()) == nil || form.Of(r.Get(2)) != nil {
		t.Errorf("laid out from %v, want from the newest key frame, 3, on", l.laid)
	}
	form.Use()
	publish(t, r, "dd")
	if w := form.Of(r.Get(7)); w == nil || string(w.Bytes) != "7" || w.First != 4 || form.Packets() != 5 {
		t.Errorf("frame 7 is %+v, %d packets in all", w, form.Packets())
	}
	form.Release()
	publish(t, r, "d")
	form.Release()
	publish(t, r, "d")
	if n := len(l.laid); n != 6 {
		t.Errorf("%d frames are laid out, want 6", n)
	}
	form.Use() // frame 3 was laid out before
	if !slices.Equal(l.laid[6:], []uint64{9}) {
		t.Errorf("when it is used again %v are laid out, want what is new", l.laid[6:])
	}
	if _, err := r.Publish(media.Frame{Params: grouped, Bytes: make([]byte, 2)}); err == nil || form.Of(r.Last()) != nil {
		t.Errorf("a frame that cannot be laid out: %v, %v", err, form.Of(r.Last()))
	}
}

// TestNoAllocations publishes frames in a form in use, and has a cursor follow.
func TestNoAllocations(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 5})
	form := r.NewForm(&flat{})
	form.Use()
	cursor := r.NewCursor()
	frame := media.Frame{Params: &media.Params{Format: media.JPEG}, Bytes: make([]byte, 40000), Captured: time.Second, Key: true}
	step := func() {
		if _, err := r.Publish(frame); err != nil {
			t.Fatal(err)
		}
		if f, missed := cursor.Next(r, ring.Policy{Step: 1}); f == nil || missed > 0 || form.Of(f) == nil {
			t.Fatalf("%v, %d missed", f, missed)
		}
	}
	for range 20 {
		step()
	}
	if n := testing.AllocsPerRun(100, step); n > 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

type flat struct{}

func (flat) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	return rtp.Packets{Bytes: append(dst, f.Bytes...), Count: 1}, nil
}

// TestFirst has everybody be early and late about as often, soon.
func TestFirst(t *testing.T) {
	for _, n := range []int{1, 2, 7, 4096, 10_000, 7919} {
		turns, late := 100, make([]int, n)
		for turn := range turns {
			first := ring.First(uint32(turn), n)
			for i := range n / 10 { // the last ones
				late[(first+n-1-i)%n]++
			}
		}
		if most := slices.Max(late); most > turns/10+5 {
			t.Errorf("of %d readers one is among the last tenth %d times of %d", n, most, turns)
		}
	}
}

// TestUnsent has a frame that a cursor took be impossible to send: what depends on it is missed.
func TestUnsent(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 8})
	all := ring.Policy{Step: 1}
	early := r.NewCursor()
	publish(t, r, "Kd")
	early.Next(r, all)
	joins := r.NewCursor()
	publish(t, r, "K")
	before := joins
	f, _ := joins.Next(r, all)
	joins.Unsent(f, &before)
	before = early
	f, _ = early.Next(r, all)
	early.Unsent(f, &before)
	publish(t, r, "ddKd")
	for name, c := range map[string]struct {
		cursor *ring.Cursor
		want   []uint64
		missed uint64
	}{"it had something": {&early, []uint64{3, 4, 5, 6, 7}, 0}, "it had nothing": {&joins, []uint64{6, 7}, 0}} {
		var taken []uint64
		missed := uint64(0)
		for {
			f, more := c.cursor.Next(r, all)
			if missed += more; f == nil {
				break
			}
			taken = append(taken, f.Number)
		}
		if !slices.Equal(taken, c.want) || missed != c.missed {
			t.Errorf("%s: it takes %v and misses %d, want %v and %d", name, taken, missed, c.want, c.missed)
		}
	}
	late := r.NewCursor()
	publish(t, r, "Kd")
	late.Next(r, all)
	before = late
	f, _ = late.Next(r, all)
	if late.Unsent(f, &before); late.Taken() != 8 {
		t.Errorf("it has taken frame %d, want 8", late.Taken())
	}
	publish(t, r, "ddK")
	if f, missed := late.Next(r, all); f == nil || f.Number != 12 || missed != 2 {
		t.Errorf("it goes on with %v and misses %d, want frame 12 and 2", f, missed)
	}
}

// twice lays frames out as those of another form, twice.
type twice struct{ base *ring.Form }

func (l *twice) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	w := l.base.Of(f)
	if w == nil {
		return rtp.Packets{}, errors.New("not laid out")
	}
	return rtp.Packets{Bytes: append(append(dst, w.Bytes...), w.Bytes...), Count: 2}, nil
}

// TestFormOf has a form be made of another one, which is in use while it is.
func TestFormOf(t *testing.T) {
	r := ring.New(ring.Limits{Frames: 8})
	l := &layout{}
	base := r.NewForm(l)
	form := r.NewFormOf(base, &twice{base})
	publish(t, r, "KK")
	form.Use()
	if w := form.Of(r.Last()); w == nil || string(w.Bytes) != "22" || !base.InUse() || len(l.laid) != 1 {
		t.Errorf("frame 2 is %+v; laid out for the other form: %v", w, l.laid)
	}
	base.Use()
	form.Use()
	publish(t, r, "K")
	if w := form.Of(r.Last()); w == nil || string(w.Bytes) != "33" || form.Packets() != 4 {
		t.Errorf("frame 3 is %+v", w)
	}
	form.Release()
	form.Release()
	publish(t, r, "K")
	if form.Of(r.Last()) != nil || base.Of(r.Last()) == nil {
		t.Error("the form that nobody uses is made, or not the one that somebody does")
	}
	form.Use()
	base.Release()
	if w := form.Of(r.Last()); w == nil || string(w.Bytes) != "44" || !base.InUse() {
		t.Errorf("frame 4 is %+v", w)
	}
	if form.Release(); base.InUse() {
		t.Error("the other form is still in use")
	}
}
