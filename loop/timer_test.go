package loop_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

func newSimWorld(t *testing.T, o ...sim.Option) *world { return newWorld(t, sim.New(1, o...)) }

func TestTimersFireInOrder(t *testing.T) {
	onBoth(t, func(w *world) {
		var fired []int
		start := w.loop.Now()
		for i, ms := range []int{3, 1, 2, 1, 0} {
			w.loop.NewTimer(func() { fired = append(fired, i) }).Set(start + time.Duration(ms)*time.Millisecond)
		}
		w.until(func(int) bool { return len(fired) == 5 })
		if want := []int{4, 1, 3, 2, 0}; !slices.Equal(fired, want) {
			w.Errorf("fired %v, want %v", fired, want)
		}
		if n := w.loop.Stats().Timers; n != 5 {
			w.Errorf("Stats.Timers %d, want 5", n)
		}
	})
}

func TestTimersAreNeverEarly(t *testing.T) {
	onBoth(t, func(w *world) {
		for _, d := range []time.Duration{0, 1, 999, time.Microsecond, 123 * time.Microsecond, time.Millisecond + 1, 3 * time.Millisecond} {
			fired, due := false, w.kernel.Monotonic()+d
			w.loop.NewTimer(func() {
				fired = true
				if w.loop.Now() < due || w.kernel.Monotonic() < due {
					w.Errorf("a timer of %v fired %v early", d, due-w.loop.Now())
				}
			}).Set(due)
			turns := w.loop.Stats().Turns
			w.until(func(int) bool { return fired })
			if n := w.loop.Stats().Turns - turns; n > 2 { // a signal may come between
				w.Errorf("%d turns for a timer of %v: the loop spins", n, d)
			}
		}
	})
}

func TestStopAndSetAgain(t *testing.T) {
	onBoth(t, func(w *world) {
		var fired []string
		never := w.loop.NewTimer(func() { fired = append(fired, "never") })
		never.Stop() // not set
		never.SetAfter(time.Microsecond)
		never.Stop()
		later := w.loop.NewTimer(func() { fired = append(fired, "later") })
		later.SetAfter(time.Microsecond)
		later.SetAfter(2 * time.Millisecond) // replaces the first setting
		victim := w.loop.NewTimer(func() { fired = append(fired, "victim") })
		w.loop.NewTimer(func() { fired = append(fired, "killer"); victim.Stop() }).SetAfter(time.Millisecond)
		victim.SetAfter(time.Millisecond)
		if due, set := victim.Due(); !set || due != w.loop.Now()+time.Millisecond {
			w.Errorf("Due %v, %v", due, set)
		}
		w.until(func(int) bool { return slices.Contains(fired, "later") })
		if want := []string{"killer", "later"}; !slices.Equal(fired, want) {
			w.Errorf("fired %v, want %v", fired, want)
		}
		if _, set := later.Due(); set {
			w.Error("a timer that has fired says it is set")
		}
		if _, ok := w.loop.NextTimer(); ok {
			w.Error("NextTimer, and none is set")
		}
	})
}

// A timer that is set for now while the turn runs waits for the next one.
func TestTimerSetInATurnWaitsForTheNext(t *testing.T) {
	onBoth(t, func(w *world) {
		fired := 0
		var timer *loop.Timer
		timer = w.loop.NewTimer(func() { fired++; timer.Set(w.loop.Now()) })
		timer.Set(0)
		for turn := 1; turn <= 3; turn++ {
			if ran, err := w.loop.Turn(loop.Forever); ran != 1 || err != nil || fired != turn {
				w.Fatalf("turn %d: ran %d, %v, fired %d times", turn, ran, err, fired)
			}
		}
		timer.Stop()
		p := w.pipe()
		p.put("x")
		w.register(p.read, loop.Readable, func(loop.Interest) { p.get(); timer.SetAfter(0) })
		if ran, err := w.loop.Turn(loop.Forever); ran != 1 || err != nil {
			w.Errorf("the turn of the handler ran %d, %v; want the handler alone", ran, err)
		}
		if ran, err := w.loop.Turn(loop.Forever); ran != 1 || err != nil {
			w.Errorf("the next turn ran %d, %v; want the timer", ran, err)
		}
	})
}

// A timer that lags behind and catches up must not keep others from firing.
func TestALaggingTimerStarvesNobody(t *testing.T) {
	w := newSimWorld(t)
	due := w.loop.Now()
	var lagging *loop.Timer
	lagging = w.loop.NewTimer(func() { due++; lagging.Set(due) })
	lagging.Set(due)
	fired := false
	w.loop.NewTimer(func() { fired = true }).SetAfter(time.Second)
	w.sim.Advance(2 * time.Second)
	w.turn()
	if !fired {
		t.Error("a timer was due, and did not fire in the first turn after it")
	}
}

func TestTimersFarAway(t *testing.T) {
	onBoth(t, func(w *world) {
		timer := w.loop.NewTimer(func() { w.Error("fired") })
		timer.SetAfter(math.MaxInt64)
		w.quiet()
		if due, set := timer.Due(); !set || due != math.MaxInt64 {
			w.Errorf("Due %v, %v", due, set)
		}
		timer.SetAfter(math.MinInt64 / 2) // the past
		if due, _ := timer.Due(); due > w.loop.Now() {
			w.Errorf("a time in the past is due at %v, now is %v", due, w.loop.Now())
		}
		timer.Stop()
		w.quiet()
	})
}

func TestTimersAgainstAModel(t *testing.T) {
	w := newSimWorld(t)
	const timers = 40
	type setting struct {
		due   time.Duration
		order int
		set   bool
	}
	var model [timers]setting
	var fired []int
	all := make([]*loop.Timer, timers)
	for i := range all {
		all[i] = w.loop.NewTimer(func() { fired = append(fired, i); model[i].set = false })
	}
	var bytes [4]byte
	for step := range 3000 {
		w.sim.Random(bytes[:])
		i, due := int(bytes[0])%timers, w.loop.Now()+time.Duration(bytes[1])
		switch bytes[2] % 4 {
		case 0:
			all[i].Stop()
			model[i].set = false
		case 1:
			want := []int{}
			now := w.loop.Now() + time.Duration(bytes[3]%32)
			for i, m := range model {
				if m.set && m.due <= now {
					want = append(want, i)
				}
			}
			slices.SortFunc(want, func(a, b int) int {
				if model[a].due != model[b].due {
					return int(model[a].due - model[b].due)
				}
				return model[a].order - model[b].order
			})
			fired = fired[:0]
			w.sim.Advance(time.Duration(bytes[3] % 32))
			_, err := w.loop.Turn(0)
			w.check(err)
			if !slices.Equal(fired, want) {
				t.Fatalf("step %d fired %v, want %v", step, fired, want)
			}
		default:
			all[i].Set(due)
			model[i] = setting{due, step, true}
		}
	}
}

func TestNextTimer(t *testing.T) {
	w := newSimWorld(t)
	a, b := w.loop.NewTimer(func() {}), w.loop.NewTimer(func() {})
	a.SetAfter(2 * time.Second)
	b.SetAfter(time.Second)
	if due, ok := w.loop.NextTimer(); !ok || due != w.loop.Now()+time.Second {
		t.Errorf("NextTimer %v, %v", due, ok)
	}
	began := w.kernel.Monotonic()
	w.turn()
	if took := w.kernel.Monotonic() - began; took != time.Second {
		t.Errorf("the turn took %v, want 1s", took)
	}
}
