package cast_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// thread is the one that a job runs on.
type thread struct{ id, nice int }

func thisThread(t *testing.T) thread {
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // of this thread; the system call returns 20 less it
	if err != nil {
		t.Error(err)
	}
	return thread{unix.Gettid(), 20 - raw}
}

// threadOf runs a job and what it returns on the loop, and says which thread the job ran on.
func threadOf(t *testing.T, l *loop.Loop, work func(job func() func())) (of thread) {
	t.Helper()
	hasRun := false
	work(func() func() {
		ran := thisThread(t)
		return func() { of, hasRun = ran, true }
	})
	synctest.Wait()
	if err := sim.RunFor(l, time.Millisecond); err != nil || !hasRun {
		t.Fatalf("the job's result has run: %v; %v", hasRun, err)
	}
	return of
}

// TestCodingIsNice has jobs that code pictures run at a lower priority, one after another on one thread,
// and other jobs between them at the usual one. When the Broadcaster is closed no goroutine is left, which
// synctest checks, and jobs still run.
func TestCodingIsNice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := loop.NewOn(sim.New(1))
		defer l.Close()
		b, err := cast.New(l, cast.Config{})
		if err != nil {
			t.Fatal(err)
		}
		usual, first := threadOf(t, l, b.Config().Work), threadOf(t, l, b.Config().Code)
		if want := min(usual.nice+10, 19); first.nice != want {
			t.Fatalf("a job that codes has nice %d, others %d; want %d", first.nice, usual.nice, want)
		}
		for range 20 {
			if next := threadOf(t, l, b.Config().Code); next != first {
				t.Fatalf("the next job that codes has %+v, the first one had %+v", next, first)
			}
			if other := threadOf(t, l, b.Config().Work); other.nice != usual.nice || other.id == first.id {
				t.Fatalf("another job has %+v; want nice %d, and not thread %d", other, usual.nice, first.id)
			}
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if late := threadOf(t, l, b.Config().Code); late.nice != first.nice {
			t.Errorf("a job that codes has nice %d after Close, want %d", late.nice, first.nice)
		}
	})
}

// TestCodingOfManyStreams has twenty jobs code pictures at once, twice: each has a thread of its own, and no
// job waits for another one.
func TestCodingOfManyStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const jobs = 20
		l := loop.NewOn(sim.New(1))
		defer l.Close()
		b, err := cast.New(l, cast.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		for round := range 2 {
			goOn, begun, done := make(chan struct{}), make(chan thread, jobs), 0
			for range jobs {
				b.Config().Code(func() func() {
					begun <- thisThread(t)
					<-goOn
					return func() { done++ }
				})
			}
			synctest.Wait()
			threads := map[thread]bool{}
			for range len(begun) {
				threads[<-begun] = true
			}
			close(goOn)
			synctest.Wait()
			if err := sim.RunFor(l, time.Millisecond); err != nil || len(threads) != jobs || done != jobs {
				t.Errorf("round %d: %d threads, %d jobs done, %v; want %d", round, len(threads), done, err, jobs)
			}
		}
	})
}

// TestCodeOfTheProgram has the program run jobs that code pictures by what it gives for them, or by Work.
func TestCodeOfTheProgram(t *testing.T) {
	for _, hasCode := range []bool{false, true} {
		var ran string
		config := cast.Config{Work: func(func() func()) { ran = "by Work" }}
		want := "by Work"
		if hasCode {
			config.Code, want = func(func() func()) { ran = "by Code" }, "by Code"
		}
		l := loop.NewOn(sim.New(1))
		b, err := cast.New(l, config)
		if err != nil {
			t.Fatal(err)
		}
		if b.Config().Code(nil); ran != want {
			t.Errorf("%s, want %s", ran, want)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
