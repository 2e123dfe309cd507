package loop_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

func TestTurnEnd(t *testing.T) {
	onBoth(t, func(w *world) {
		var order []string
		w.loop.AtTurnEnd(func() { order = append(order, "end") })
		w.loop.AtTurnEnd(func() { order = append(order, "second") })
		w.quiet()
		p := w.pipe()
		p.put("x")
		w.register(p.read, loop.Readable, func(loop.Interest) { p.get(); order = append(order, "handler") })
		w.loop.NewTimer(func() { order = append(order, "timer") }).Set(0)
		w.check(w.loop.Post(func() { order = append(order, "post") }))
		w.turn()
		w.quiet() // the posted wake-up
		if want := []string{"handler", "timer", "post", "end", "second"}; !slices.Equal(order, want) {
			w.Errorf("order %v, want %v", order, want)
		}
	})
}

func TestTurnTimeout(t *testing.T) {
	onBoth(t, func(w *world) {
		w.loop.NewTimer(func() { w.Error("fired before its time") }).Set(w.kernel.Monotonic() + time.Hour)
		end := w.kernel.Monotonic() + 2*time.Millisecond
		for turns := 1; w.kernel.Monotonic() < end; turns++ {
			ran, err := w.loop.Turn(end - w.kernel.Monotonic())
			w.check(err)
			if ran != 0 || turns > 3 { // signals may end one early
				w.Fatalf("turn %d ran %d", turns, ran)
			}
		}
	})
}

func TestNowStandsStillDuringATurn(t *testing.T) {
	w := newSimWorld(t)
	p, q := w.pipe(), w.pipe()
	p.put("x")
	q.put("x")
	var seen []time.Duration
	slow := func(loop.Interest) {
		seen = append(seen, w.loop.Now())
		w.sim.Advance(time.Second)
	}
	w.register(p.read, loop.Readable, slow)
	w.register(q.read, loop.Readable, slow)
	w.turn()
	if len(seen) != 2 || seen[0] != seen[1] {
		t.Errorf("handlers of one turn saw %v", seen)
	}
	if s := w.loop.Stats(); s.MaxTurn != 2*time.Second || s.InHandlers != 2*time.Second || s.Events != 2 || s.Turns != 1 {
		t.Errorf("%+v", s)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	onBoth(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		p := w.pipe()
		p.put("x")
		w.register(p.read, loop.Readable, func(loop.Interest) { p.get(); cancel() })
		w.check(w.loop.Run(ctx))
		w.check(w.loop.Run(ctx)) // done already
		p.put("y")
		w.turn() // the loop goes on
	})
}

func TestRunFailsWithTheKernel(t *testing.T) {
	w := newWorld(t, nil)
	broken := loop.NewOn(failingWait{w.kernel})
	if err := broken.Run(context.Background()); !errors.Is(err, unix.EBADF) {
		t.Errorf("error %v, want EBADF", err)
	}
}

// failingWait is a kernel whose polling has broken.
type failingWait struct{ loop.Kernel }

func (failingWait) Wait([]loop.Ready, time.Duration) (int, error) { return 0, unix.EBADF }

func TestAHandlerMayCloseTheLoop(t *testing.T) {
	onBoth(t, func(w *world) {
		calls := 0
		once := func() {
			if calls++; calls == 1 {
				w.check(w.loop.Close())
			}
		}
		p, q := w.pipe(), w.pipe()
		p.put("x")
		q.put("x")
		r := w.register(p.read, loop.Readable, func(loop.Interest) { once() })
		w.register(q.read, loop.Readable, func(loop.Interest) { once() })
		w.loop.NewTimer(once).Set(0)
		w.check(w.loop.Post(once))
		w.loop.AtTurnEnd(once)
		if err := w.loop.Run(context.Background()); !errors.Is(err, loop.ErrClosed) {
			w.Errorf("Run returned %v, want ErrClosed", err)
		}
		if calls != 1 {
			w.Errorf("%d calls, want none after Close", calls-1)
		}
		// What is left can be tidied up.
		w.check(r.Want(loop.Writable))
		w.check(r.Unregister())
		_, err := w.loop.Register(q.read, loop.Readable, func(loop.Interest) {})
		w.wantErr(err, loop.ErrClosed)
		if _, ok := w.loop.FD(); ok {
			w.Error("a closed loop has an FD")
		}
	})
}

// A loop within another: readable when it has something to do.
func TestFDInAnOuterLoop(t *testing.T) {
	outer, inner := newWorld(t, nil), newWorld(t, nil)
	fd, ok := inner.loop.FD()
	if !ok {
		t.Fatal("no FD on Linux")
	}
	ran := 0
	outer.register(fd, loop.Readable, func(loop.Interest) {
		n, err := inner.loop.Turn(0)
		inner.check(err)
		ran += n
	})
	outer.quiet()
	p := inner.pipe()
	inner.register(p.read, loop.Readable, func(loop.Interest) { p.get() })
	p.put("x")
	outer.turn()
	inner.check(inner.loop.Post(func() {}))
	outer.turn()
	outer.quiet()
	if ran != 2 {
		t.Errorf("the inner loop ran %d, want 2", ran)
	}
	if _, ok := newSimWorld(t).loop.FD(); ok {
		t.Error("a simulated kernel has no FD")
	}
}
