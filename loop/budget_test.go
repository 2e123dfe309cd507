package loop_test

import (
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
)

// owner has work of so many units of 100 us, and notes when it has done one.
type owner struct {
	task *loop.Task
	left int
}

func (w *world) addOwner(b *loop.Budget, name string, units int, done *[]string) *owner {
	o := &owner{left: units}
	o.task = b.NewTask(func() {
		for o.left > 0 {
			o.left--
			*done = append(*done, name)
			w.sim.Spend(100 * time.Microsecond)
			if b.Spent(w.kernel.Monotonic()) {
				if o.left > 0 {
					o.task.Later()
				}
				return
			}
		}
	})
	return o
}

// TestBudget has three owners with more to do than fits into a turn.
func TestBudget(t *testing.T) {
	w := newSimWorld(t)
	b := w.loop.NewBudget(time.Millisecond)
	var done []string
	owners := []*owner{w.addOwner(b, "a", 12, &done), w.addOwner(b, "b", 4, &done), w.addOwner(b, "c", 1, &done)}
	var timed []time.Duration
	w.check(w.loop.Post(func() {
		for _, o := range owners {
			o.task.Do()
			o.task.Do() // once is enough
		}
	}))
	w.turn() // the first has all of the budget, as nobody waits yet
	if want := slices.Repeat([]string{"a"}, 10); !slices.Equal(done, want) || b.PutOff() != 3 {
		t.Errorf("%q after a turn, want %q; put off %d times, want 3", done, want, b.PutOff())
	}
	if due, ok := w.loop.NextTimer(); !ok || due != w.loop.Now() {
		t.Errorf("the next turn is due at %v, %v; want now", due, ok)
	}
	done = nil
	for range 2 {
		timer := w.loop.NewTimer(func() { timed = append(timed, w.kernel.Monotonic()-w.loop.Now()) })
		timer.Set(w.loop.Now())
		if ran, err := w.loop.Turn(loop.Forever); ran == 0 || err != nil { // it must not wait
			t.Fatalf("ran %d, %v", ran, err)
		}
		done = append(done, "|")
	}
	// While others wait each has a share, of one unit. Who is alone makes way for nobody.
	want := []string{"a", "b", "c", "|", "a", "b", "b", "b", "|"}
	if !slices.Equal(done, want) {
		t.Errorf("%q, want %q", done, want)
	}
	if slices.Max(timed) != 0 {
		t.Errorf("timers had to wait %v", timed)
	}
	if _, ok := w.loop.NextTimer(); ok {
		t.Error("a turn is due though nothing waits")
	}
	if s := w.loop.Stats(); s.PutOff != b.PutOff() || s.TurnCPU.Max != time.Millisecond {
		t.Errorf("put off %d times, the budget says %d; longest turn %v", s.PutOff, b.PutOff(), s.TurnCPU.Max)
	}
}

// TestBudgetsAreApart spends one budget, and wants another one whole.
func TestBudgetsAreApart(t *testing.T) {
	w := newSimWorld(t)
	var done []string
	spent, other := w.loop.NewBudget(time.Millisecond), w.loop.NewBudget(time.Millisecond)
	a, b := w.addOwner(spent, "a", 20, &done), w.addOwner(other, "b", 5, &done)
	w.check(w.loop.Post(func() {
		if ran := a.task.Do(); !ran || a.left != 10 {
			t.Errorf("ran: %v, %d units left", ran, a.left)
		}
		if ran := b.task.Do(); !ran || b.left != 0 {
			t.Errorf("ran: %v, %d units left", ran, b.left)
		}
		if spent.Spent(w.kernel.Monotonic()) {
			t.Error("spent, outside of a task")
		}
	}))
	w.turn()
}

// TestBudgetWithAShare has a task that always has more to do: it gets its share of the time, and the
// loop sleeps for the rest, but for what was saved before.
func TestBudgetWithAShare(t *testing.T) {
	w := newSimWorld(t)
	b := w.loop.NewBudget(time.Millisecond)
	b.LimitShare(0.25)
	var done []string
	o := w.addOwner(b, "a", 1e6, &done)
	w.check(w.loop.Post(func() { o.task.Do() }))
	w.turn()
	end, turns := w.loop.Now()+time.Second, 0
	for ; w.loop.Now() < end; turns++ {
		if _, err := w.loop.Turn(loop.Forever); err != nil {
			t.Fatal(err)
		}
	}
	spent := w.loop.Stats().TurnCPU.Sum
	if least, most := 249*time.Millisecond, 254*time.Millisecond; spent < least || spent > most {
		t.Errorf("%v of a second were used, want %v to %v", spent, least, most)
	}
	if turns > 260 || w.loop.Stats().TurnCPU.Max > time.Millisecond {
		t.Errorf("%d turns of up to %v, want about 250 of a millisecond", turns, w.loop.Stats().TurnCPU.Max)
	}
	if due, ok := w.loop.NextTimer(); !ok || due <= w.loop.Now() || due > w.loop.Now()+4*time.Millisecond {
		t.Errorf("the next turn is due at %v, %v; now is %v", due, ok, w.loop.Now())
	}

	// A timer that is due before is not late, and a task may use what is left for it then.
	fired := time.Duration(0)
	at := w.loop.Now() + time.Millisecond
	w.loop.NewTimer(func() { fired = w.loop.Now() }).Set(at)
	w.turn()
	if fired != at {
		t.Errorf("a timer fired at %v, want %v", fired, at)
	}
}

// TestShareOfAHeldUpTask has a task take much longer than it may, as when its thread has no CPU for a
// while. The next one waits for a moment only.
func TestShareOfAHeldUpTask(t *testing.T) {
	w := newSimWorld(t)
	b := w.loop.NewBudget(time.Millisecond)
	b.LimitShare(0.25)
	var done []string
	next := w.addOwner(b, "next", 1, &done)
	w.check(w.loop.Post(func() {
		b.NewTask(func() { w.sim.Spend(10 * time.Second) }).Do()
		next.task.Do()
	}))
	w.turn()
	began := w.kernel.Monotonic()
	if len(done) > 0 {
		t.Error("it did not wait")
	}
	w.turn()
	if took := w.kernel.Monotonic() - began; len(done) == 0 || took > 20*time.Millisecond {
		t.Errorf("%q was done after %v", done, took)
	}
}

func TestTaskStopsAndBudgetCloses(t *testing.T) {
	w := newSimWorld(t)
	var done []string
	b := w.loop.NewBudget(time.Millisecond)
	first, stopped, dropped := w.addOwner(b, "first", 10, &done), w.addOwner(b, "stopped", 1, &done), w.addOwner(b, "dropped", 100, &done)
	w.check(w.loop.Post(func() {
		for _, o := range []*owner{first, stopped, dropped} {
			o.task.Do()
		}
		stopped.task.Stop()
	}))
	w.turn()
	w.turn()
	if want := slices.Concat(slices.Repeat([]string{"first"}, 10), slices.Repeat([]string{"dropped"}, 10)); !slices.Equal(done, want) {
		t.Errorf("%q, want %q", done, want)
	}
	b.Close()
	w.quiet()
	if dropped.task.Do() || stopped.task.Do() || dropped.left != 90 {
		t.Error("a task runs though its budget is closed, or it was stopped")
	}
	w.quiet()
	w.loop.NewBudget(time.Millisecond).Close() // one for which nothing waits
}

func TestBudgetsAllocateNothing(t *testing.T) {
	onBoth(t, func(w *world) {
		b := w.loop.NewBudget(time.Nanosecond) // so each other task has to wait
		f := func() {}
		tasks := []*loop.Task{b.NewTask(f), b.NewTask(f), b.NewTask(f)}
		post := func() {
			for _, t := range tasks {
				t.Do()
			}
		}
		w.mustNotAllocate("tasks", func() {
			w.check(w.loop.Post(post))
			for range len(tasks) {
				if _, err := w.loop.Turn(time.Millisecond); err != nil {
					w.Error(err)
				}
			}
		})
	})
}

// TestCloseOfOneBudget closes one of three while the tasks of all wait: those of the others go on.
func TestCloseOfOneBudget(t *testing.T) {
	w := newSimWorld(t)
	var done []string
	var budgets []*loop.Budget
	var owners []*owner
	for _, name := range []string{"a", "b", "c"} {
		b := w.loop.NewBudget(200 * time.Microsecond)
		budgets = append(budgets, b)
		owners = append(owners, w.addOwner(b, name, 6, &done), w.addOwner(b, name, 6, &done))
	}
	w.check(w.loop.Post(func() {
		for _, o := range owners {
			o.task.Do()
		}
	}))
	w.turn()
	done = nil
	budgets[1].Close()
	for range 10 {
		if _, ok := w.loop.NextTimer(); !ok {
			break
		}
		w.turn()
	}
	w.quiet()
	if a, b, c := count(done, "a"), count(done, "b"), count(done, "c"); a != 10 || b != 0 || c != 10 {
		t.Errorf("after the first turn a did %d, b %d, c %d; want 10, 0, 10", a, b, c)
	}
}

func count(names []string, name string) (n int) {
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

// TestEarliestShare has tasks of three budgets wait for their shares: the loop goes on when the first of them has it.
func TestEarliestShare(t *testing.T) {
	w := newSimWorld(t)
	var done []string
	var owners []*owner
	for name, part := range map[string]float64{"slow": 0.01, "fast": 0.5, "middle": 0.1} {
		b := w.loop.NewBudget(time.Millisecond)
		b.LimitShare(part)
		o := w.addOwner(b, name, 1000, &done)
		owners = append(owners, o)
	}
	w.check(w.loop.Post(func() {
		for _, o := range owners {
			o.task.Do()
		}
	}))
	for range 40 {
		w.turn()
	}
	slow, middle, fast := count(done, "slow"), count(done, "middle"), count(done, "fast")
	if fast < 3*middle || middle < 3*slow {
		t.Errorf("of %v fast did %d units, middle %d, slow %d", w.kernel.Monotonic(), fast, middle, slow)
	}
}
