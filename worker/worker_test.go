package worker_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/camcast/camcast/worker"
)

// piece is a piece of work of a bench.
type piece struct {
	number, coded int
	buffer        []byte
}

// bench has a worker on it, whose jobs and results run when the test says so.
type bench struct {
	*worker.Worker[piece]
	job    func() func()
	result func()
	done   []int
	freed  int
	onDone func()
}

func newBench() *bench {
	b := &bench{}
	b.Worker = worker.New(
		func(job func() func()) { b.job = job },
		func(p *piece) { p.coded, p.buffer = 10*p.number, append(p.buffer[:0], byte(p.number)) },
		func(p *piece) {
			b.done = append(b.done, p.coded)
			if b.onDone != nil {
				b.onDone()
			}
		})
	return b
}

func (b *bench) add(number int) { b.Add(func(p *piece) { p.number = number }) }
func (b *bench) code()          { b.result, b.job = b.job(), nil }
func (b *bench) finish()        { b.result() }
func (b *bench) end()           { b.code(); b.finish() }
func (b *bench) close()         { b.Close(func() { b.freed++ }) }
func (b *bench) check(t *testing.T, dropped int, done ...int) {
	t.Helper()
	if !slices.Equal(b.done, done) || b.Dropped() != uint64(dropped) {
		t.Errorf("done %v, %d dropped; want %v, %d", b.done, b.Dropped(), done, dropped)
	}
}

// TestNewestWaits adds pieces while one is under way, at each moment of it.
func TestNewestWaits(t *testing.T) {
	b := newBench()
	if b.Busy() {
		t.Error("busy before there was anything")
	}
	b.add(1)
	b.add(2)
	b.add(3)
	b.check(t, 1)
	b.code()
	b.add(4)
	b.check(t, 2)
	b.onDone = func() { b.onDone = nil; b.add(5) }
	b.finish()
	b.check(t, 3, 10)
	if !b.Busy() {
		t.Error("not busy while the newest is coded")
	}
	b.end()
	b.check(t, 3, 10, 50)
	if b.Busy() || b.job != nil {
		t.Error("busy when all is done")
	}
	b.add(6)
	b.end()
	b.check(t, 3, 10, 50, 60)
	b.onDone = func() { b.onDone = nil; b.add(8) } // when nothing waits
	b.add(7)
	b.end()
	b.end()
	b.check(t, 3, 10, 50, 60, 70, 80)
}

// TestClose closes the worker at each moment. What it uses is freed once, and not while it is used.
func TestClose(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(b *bench)
		done int
	}{
		{"idle", func(b *bench) { b.close() }, 0},
		{"a job that has not begun", func(b *bench) { b.add(1); b.add(2); b.close() }, 0},
		{"a job that has ended", func(b *bench) { b.add(1); b.code(); b.close(); b.finish() }, 0},
		{"within done", func(b *bench) { b.add(1); b.add(2); b.onDone = b.close; b.end() }, 1},
		{"after done", func(b *bench) { b.add(1); b.end(); b.close() }, 1},
		{"and adds more", func(b *bench) { b.close(); b.add(1) }, 0},
		{"twice", func(b *bench) { b.add(1); b.close(); b.close() }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			c.do(b)
			if b.freed != 0 {
				t.Errorf("freed %d times on the loop's goroutine", b.freed)
			}
			b.code()
			if b.freed != 1 || len(b.done) != c.done || b.job != nil {
				t.Errorf("freed %d times in the end, %d done, another job: %v; want 1 and %d", b.freed, len(b.done), b.job != nil, c.done)
			}
		})
	}
}

// TestGoroutines runs jobs on goroutines while the worker is closed: the race detector watches.
func TestGoroutines(t *testing.T) {
	for round := range 200 {
		synctest.Test(t, func(t *testing.T) {
			results := make(chan func(), 2) // of the last piece, and of closing
			last, freed := 0, atomic.Int32{}
			inUse := 1 // what code uses and free frees
			w := worker.New(
				func(job func() func()) { go func() { results <- job() }() },
				func(p *piece) { p.coded = p.number * inUse },
				func(p *piece) {
					if p.coded <= last {
						t.Errorf("%d after %d", p.coded, last)
					}
					last = p.coded
				})
			for n := range round % 7 {
				w.Add(func(p *piece) { p.number = n + 1 })
				select {
				case done := <-results:
					done()
				default:
				}
			}
			w.Close(func() { inUse = 0; freed.Add(1) })
			synctest.Wait()
			if n := freed.Load(); n != 1 {
				t.Errorf("freed %d times", n)
			}
		})
	}
}

func TestNoAllocations(t *testing.T) {
	var done func()
	w := worker.New(func(job func() func()) { done = job() }, func(*piece) {}, func(*piece) {})
	data := []byte("a frame")
	step := func() {
		for range 3 {
			w.Add(func(p *piece) { p.buffer = append(p.buffer[:0], data...) })
		}
		done()
		done()
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
