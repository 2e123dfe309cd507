package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
)

// results is when the n-th of so many jobs, begun at once, is done, and in which order they
// are.
func results(t *testing.T, seed uint64, jobs int, most time.Duration) (at []time.Duration, order []int) {
	t.Helper()
	w := seeded(t, seed)
	work := sim.NewWorker(w.loop, most)
	at = make([]time.Duration, jobs)
	for i := range jobs {
		began := false
		work(func() func() {
			began = true
			return func() {
				at[i] = w.since()
				order = append(order, i)
			}
		})
		if !began {
			t.Fatal("the job was not run at once")
		}
	}
	if len(order) > 0 {
		t.Fatal("a job was done within the call that began it")
	}
	w.check(sim.RunUntil(w.loop, func() bool { return len(order) == jobs }, time.Hour))
	return at, order
}

func TestWorker(t *testing.T) {
	const jobs, most = 100, time.Second
	at, order := results(t, 1, jobs, most)
	if least, longest := slices.Min(at), slices.Max(at); least > most/10 || longest < most-most/10 || longest > most {
		t.Errorf("done after %v to %v, want all of 0 to %v", least, longest, most)
	}
	if slices.IsSorted(order) {
		t.Error("all are done in the order they were begun")
	}
	again, sameOrder := results(t, 1, jobs, most)
	if !slices.Equal(at, again) || !slices.Equal(order, sameOrder) {
		t.Error("another run with the same seed is another")
	}
	if other, _ := results(t, 2, jobs, most); slices.Equal(at, other) {
		t.Error("another seed makes the same run")
	}
	if at, order := results(t, 1, 3, 0); slices.Max(at) != 0 || !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("without delay: done after %v in the order %v", at, order)
	}
}

func TestWorkerWithoutResult(t *testing.T) {
	w := newWorld(t)
	sim.NewWorker(w.loop, time.Second)(func() func() { return nil })
	_, err := w.loop.Turn(loop.Forever)
	w.wantErr(err, sim.ErrDeadlock)
}

// What a job has for a loop that is closed meanwhile is dropped.
func TestWorkerAndClosedLoop(t *testing.T) {
	w := newWorld(t)
	work := sim.NewWorker(w.loop, time.Second)
	work(func() func() { return func() { t.Error("done on a closed loop") } })
	w.check(w.loop.Close())
	w.Advance(time.Minute)
	_, err := w.loop.Turn(0)
	w.wantErr(err, loop.ErrClosed)
}

func TestWorkerNeedsASimulatedKernel(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	defer func() {
		if recover() == nil {
			t.Error("a worker on a real kernel, whose delays would come from nowhere")
		}
	}()
	sim.NewWorker(l, time.Second)
}
