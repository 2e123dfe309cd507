package loop_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
)

func TestPostWakesAWaitingLoop(t *testing.T) {
	onBoth(t, func(w *world) {
		ran := false
		go func() {
			if err := w.loop.Post(func() { ran = true }); err != nil {
				t.Error(err)
			}
		}()
		for !ran {
			_, err := w.loop.Turn(loop.Forever)
			w.check(err)
		}
		if n := w.loop.Stats().Posts; n != 1 {
			w.Errorf("Stats.Posts %d, want 1", n)
		}
	})
}

// Each post waits for the one before to have run, so that a single wake-up lost would
// stop the test for good.
func TestNoWakeUpIsLost(t *testing.T) {
	onBoth(t, func(w *world) {
		const rounds = 2000
		count := 0
		done := make(chan struct{})
		go func() {
			for range rounds {
				if err := w.loop.Post(func() { count++; done <- struct{}{} }); err != nil {
					t.Error(err)
				}
				<-done
			}
		}()
		for count < rounds {
			_, err := w.loop.Turn(loop.Forever)
			w.check(err)
		}
	})
}

func TestPostKeepsEachGoroutinesOrder(t *testing.T) {
	onBoth(t, func(w *world) {
		const posters, each = 8, 500
		next := make([]int, posters)
		total := 0
		for p := range posters {
			go func() {
				for i := range each {
					err := w.loop.Post(func() {
						if next[p] != i {
							t.Errorf("goroutine %d: %d ran when it was %d's turn", p, i, next[p])
						}
						next[p]++
						total++
					})
					if err != nil {
						t.Error(err)
					}
				}
			}()
		}
		for total < posters*each {
			_, err := w.loop.Turn(loop.Forever)
			w.check(err)
		}
		if n := w.loop.Stats().Posts; n != posters*each {
			w.Errorf("Stats.Posts %d, want %d", n, posters*each)
		}
	})
}

func TestPostFromInside(t *testing.T) {
	onBoth(t, func(w *world) {
		var order []string
		post := func(name string, f func()) {
			w.check(w.loop.Post(func() {
				order = append(order, name)
				if f != nil {
					f()
				}
			}))
		}
		p := w.pipe()
		p.put("x")
		w.register(p.read, loop.Readable, func(loop.Interest) {
			p.get()
			order = append(order, "handler")
			post("first", func() { post("third", nil) })
			post("second", nil)
		})
		if ran, err := w.loop.Turn(loop.Forever); ran != 3 || err != nil {
			w.Errorf("the first turn ran %d, %v; want the handler and what it posted", ran, err)
		}
		w.until(func(int) bool { return len(order) == 4 })
		if want := []string{"handler", "first", "second", "third"}; !slices.Equal(order, want) {
			w.Errorf("order %v, want %v", order, want)
		}
	})
}

func TestPostAfterClose(t *testing.T) {
	onBoth(t, func(w *world) {
		w.check(w.loop.Post(func() { w.Error("ran after Close") }))
		w.check(w.loop.Close())
		w.wantErr(w.loop.Post(func() {}), loop.ErrClosed)
		_, err := w.loop.Turn(0)
		w.wantErr(err, loop.ErrClosed)
	})
}

// Under the race detector: closing while others post.
func TestPostWhileClosing(t *testing.T) {
	onBoth(t, func(w *world) {
		var all sync.WaitGroup
		var posted atomic.Int64
		started := make(chan struct{}, 4)
		for range 4 {
			all.Go(func() {
				for {
					err := w.loop.Post(func() {})
					if posted.Add(1) == 100 {
						started <- struct{}{}
					}
					if errors.Is(err, loop.ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		<-started
		_, err := w.loop.Turn(time.Millisecond)
		w.check(err)
		w.check(w.loop.Close())
		all.Wait()
	})
}
