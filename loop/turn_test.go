package loop_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
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
		for range 2 { // Turn waits for all of its time, though a function that was posted wakes it
			end := w.kernel.Monotonic() + 2*time.Millisecond
			ran, err := w.loop.Turn(2 * time.Millisecond)
			w.check(err)
			if early := end - w.kernel.Monotonic(); ran != 0 || early > 0 {
				w.Fatalf("a turn ran %d, and ended %v early", ran, early)
			}
			p := w.pipe()
			p.put("x")
			r := w.register(p.read, loop.Readable, func(loop.Interest) {
				p.get()
				w.check(w.loop.Post(func() {})) // in this turn, and its wake-up in the next
			})
			w.turn()
			w.check(r.Unregister())
		}
	})
}

// interrupted is a kernel whose Wait ends early some times, after a third of its time, as
// with a signal.
type interrupted struct {
	loop.Kernel
	sim   *sim.Kernel
	often int
	asked []time.Duration
}

func (k *interrupted) Wait(ready []loop.Ready, timeout time.Duration) (int, error) {
	k.asked = append(k.asked, timeout)
	if k.often == 0 {
		return k.Kernel.Wait(ready, timeout)
	}
	k.often--
	k.sim.Advance(timeout / 3)
	return 0, nil
}

// A wait that is interrupted goes on for the rest of its time, be that a timeout's or a
// timer's.
func TestInterruptedTurn(t *testing.T) {
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		timeout, timer time.Duration
		ran            int
		asked          []time.Duration
	}{
		"timeout":     {timeout: 27 * ms, timer: time.Hour, asked: []time.Duration{27 * ms, 18 * ms, 12 * ms, 8 * ms}},
		"timer":       {timeout: time.Hour, timer: 27 * ms, ran: 1, asked: []time.Duration{27 * ms, 18 * ms, 12 * ms, 8 * ms}},
		"timer alone": {timeout: loop.Forever, timer: 27 * ms, ran: 1, asked: []time.Duration{27 * ms, 18 * ms, 12 * ms, 8 * ms}},
		"end of time": {timeout: math.MaxInt64, timer: 27 * ms, ran: 1, asked: []time.Duration{27 * ms, 18 * ms, 12 * ms, 8 * ms}},
		"not at all":  {timeout: 0, timer: 27 * ms, asked: []time.Duration{0}},
	} {
		t.Run(name, func(t *testing.T) {
			simulated := sim.New(1)
			k := &interrupted{Kernel: simulated, sim: simulated, often: 3}
			l := loop.NewOn(k)
			l.NewTimer(func() {}).SetAfter(c.timer)
			ran, err := l.Turn(c.timeout)
			if err != nil || ran != c.ran || !slices.Equal(k.asked, c.asked) {
				t.Errorf("ran %d, %v, after waits of %v; want %d and %v", ran, err, k.asked, c.ran, c.asked)
			}
			if at, want := k.Monotonic()-sim.Start, min(c.timer, max(c.timeout, 0)); c.timeout >= 0 && at != want || l.Now() != k.Monotonic() {
				t.Errorf("ended after %v, and now is %v; want %v", at, l.Now()-sim.Start, want)
			}
		})
	}
}

// A wait without end that is interrupted goes on, until something is posted.
func TestInterruptedWithoutEnd(t *testing.T) {
	simulated := sim.New(1, sim.WithRealWakeups())
	k := &interrupted{Kernel: simulated, sim: simulated, often: 3}
	l := loop.NewOn(k)
	ran := false
	waiting := make(chan struct{})
	go func() {
		<-waiting
		if err := l.Post(func() { ran = true }); err != nil {
			t.Error(err)
		}
	}()
	k.Kernel = waitTold{simulated, waiting}
	n, err := l.Turn(loop.Forever)
	if n != 1 || err != nil || !ran || len(k.asked) != 4 || k.asked[3] >= 0 {
		t.Errorf("ran %d, %v, after waits of %v; want one, after four for ever", n, err, k.asked)
	}
}

// waitTold is a kernel that tells when Wait is called first.
type waitTold struct {
	loop.Kernel
	waiting chan struct{}
}

func (k waitTold) Wait(ready []loop.Ready, timeout time.Duration) (int, error) {
	close(k.waiting)
	return k.Kernel.Wait(ready, timeout)
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

// TestTurnCPU has a turn use CPU time on both kernels, and another one none.
func TestTurnCPU(t *testing.T) {
	const long, least = 40 * time.Millisecond, 10 * time.Millisecond
	onBoth(t, func(w *world) {
		w.check(w.loop.Post(func() {
			if w.sim != nil {
				w.sim.Spend(least)
				return
			}
			for began := w.kernel.ThreadCPU(); w.kernel.ThreadCPU()-began < least; {
			}
		}))
		w.turn()
		w.check(w.loop.Post(func() {}))
		w.turn()
		w.quiet() // a turn that runs nothing is not counted
		w.loop.NewTimer(func() {}).Set(w.kernel.Monotonic() + long)
		w.turn() // waiting uses none
		s := w.loop.Stats()
		if c := &s.TurnCPU; c.Count != 3 || c.Max < least || c.Sum >= least+long || c.Quantile(0.5) >= least || c.Quantile(0.999) != c.Max {
			t.Errorf("%d turns used %v: p50 %v, p99.9 %v, max %v; want one of three to have used %v",
				c.Count, c.Sum, c.Quantile(0.5), c.Quantile(0.999), c.Max, least)
		}
		if w.sim != nil && (s.TurnCPU.Sum != least || s.MaxTurn != least) {
			t.Errorf("CPU time %v, longest turn %v; want %v", s.TurnCPU.Sum, s.MaxTurn, least)
		}
	})
}

// TestTurnCPUOfTurnsOnOtherThreads has each turn run by another goroutine, on a thread of its
// own, whose CPU time so far is not the turn's.
func TestTurnCPUOfTurnsOnOtherThreads(t *testing.T) {
	w := newWorld(t, nil)
	for range 3 {
		turned := make(chan struct{})
		go func() {
			defer close(turned)
			runtime.LockOSThread() // for good: the thread ends with the goroutine
			for w.kernel.ThreadCPU() < 20*time.Millisecond {
			}
			if err := w.loop.Post(func() {}); err != nil {
				t.Error(err)
			}
			if ran, err := w.loop.Turn(0); ran != 1 || err != nil {
				t.Errorf("ran %d, %v", ran, err)
			}
		}()
		<-turned
	}
	if s := w.loop.Stats(); s.TurnCPU.Count != 3 || s.TurnCPU.Max >= 20*time.Millisecond {
		t.Errorf("%d turns, the longest used %v", s.TurnCPU.Count, s.TurnCPU.Max)
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
