package loop_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// queuedContext tells when a Do that was given it has posted its function and waits.
type queuedContext struct {
	context.Context
	queued chan struct{}
	once   *sync.Once
}

func (c queuedContext) Done() <-chan struct{} {
	c.isQueued()
	return c.Context.Done()
}

func (c queuedContext) isQueued() { c.once.Do(func() { close(c.queued) }) }

// goDo calls Do on another goroutine and returns when it waits, or has returned. Its result
// comes by the channel.
func (w *world) goDo(ctx context.Context, f func()) <-chan error {
	w.Helper()
	c := queuedContext{ctx, make(chan struct{}), new(sync.Once)}
	result := make(chan error, 1)
	go func() {
		result <- w.loop.Do(c, f)
		c.isQueued()
	}()
	<-c.queued
	return result
}

func TestDo(t *testing.T) {
	onBoth(t, func(w *world) {
		var order []int // written by the loop, and read by the goroutine after each Do
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			defer cancel()
			for i := range 1000 {
				if err := w.loop.Do(context.Background(), func() { order = append(order, i) }); err != nil {
					t.Error(err)
				}
				if len(order) != i+1 || order[i] != i {
					t.Errorf("after Do number %d, %d functions have run", i, len(order))
					return
				}
			}
		}()
		w.check(w.loop.Run(ctx))
		if len(order) != 1000 {
			w.Errorf("%d functions have run, want 1000", len(order))
		}
	})
}

// Do's functions and Post's are one queue.
func TestDoKeepsTheOrder(t *testing.T) {
	onBoth(t, func(w *world) {
		order := ""
		w.check(w.loop.Post(func() { order += "first " }))
		second := w.goDo(context.Background(), func() { order += "second " })
		w.check(w.loop.Post(func() { order += "third" }))
		w.until(func(int) bool { return len(order) == len("first second third") })
		w.check(<-second)
		if order != "first second third" {
			w.Errorf("order %q", order)
		}
	})
}

// A loop that nobody has turned yet may be turned later: Do waits until ctx ends it.
func TestDoGivesUpWithItsContext(t *testing.T) {
	onBoth(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		result := w.goDo(ctx, func() { w.Error("ran after Do gave up") })
		cancel()
		w.wantErr(<-result, context.Canceled)
		_, err := w.loop.Turn(0)
		w.check(err)
		w.wantErr(w.loop.Do(ctx, func() {}), context.Canceled)
		w.quiet() // nothing is posted if ctx is done already
	})
}

// A function that has begun is waited for, though ctx is done meanwhile.
func TestDoWaitsForAFunctionThatRuns(t *testing.T) {
	onBoth(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := false
		var returned atomic.Bool
		result := make(chan error, 1)
		go func() {
			err := w.loop.Do(ctx, func() {
				cancel()
				for range 10_000 {
					runtime.Gosched()
				}
				if returned.Load() {
					t.Error("Do has returned while its function runs")
				}
				ended = true
			})
			returned.Store(true)
			if !ended {
				t.Error("the function has not ended")
			}
			result <- err
		}()
		for !ended {
			_, err := w.loop.Turn(loop.Forever)
			w.check(err)
		}
		w.check(<-result)
	})
}

func TestDoAfterClose(t *testing.T) {
	onBoth(t, func(w *world) {
		waiting := w.goDo(context.Background(), func() { w.Error("ran after Close") })
		w.check(w.loop.Close())
		w.wantErr(<-waiting, loop.ErrClosed)
		w.wantErr(w.loop.Do(context.Background(), func() {}), loop.ErrClosed)
	})
}

// One of Do's functions may close the loop: it has run, the next one has not.
func TestDoClosesTheLoop(t *testing.T) {
	onBoth(t, func(w *world) {
		first := w.goDo(context.Background(), func() { w.check(w.loop.Close()) })
		second := w.goDo(context.Background(), func() { w.Error("ran after Close") })
		w.wantErr(w.loop.Run(context.Background()), loop.ErrClosed)
		w.check(<-first)
		w.wantErr(<-second, loop.ErrClosed)
	})
}

func TestDoAfterRun(t *testing.T) {
	onBoth(t, func(w *world) {
		background := context.Background()
		ctx, cancel := context.WithCancel(background)
		cancel()
		w.check(w.loop.Run(ctx))
		never := func() { w.Error("ran though Do returned ErrNotRunning") }
		w.wantErr(w.loop.Do(background, never), loop.ErrNotRunning)
		w.wantErr(w.loop.Do(background, never), loop.ErrNotRunning)

		ran := false
		for range 2 { // Turn takes Do's again, and so does Run
			w.quiet()
			result := w.goDo(background, func() { ran = true })
			w.turn()
			w.check(<-result)
			if !ran {
				w.Error("not run by Turn")
			}
		}
		w.check(w.loop.Run(ctx))
		w.wantErr(w.loop.Do(background, never), loop.ErrNotRunning)
		again, cancelAgain := context.WithCancel(background)
		w.check(w.loop.Post(func() {
			go func() {
				defer cancelAgain()
				if err := w.loop.Do(background, func() {}); err != nil {
					t.Errorf("in the second Run: %v", err)
				}
			}()
		}))
		w.check(w.loop.Run(again))
		w.check(w.loop.Close())
		w.wantErr(w.loop.Do(background, never), loop.ErrClosed)
	})
}

// brokenAfter is a kernel whose polling breaks after some Waits.
type brokenAfter struct {
	loop.Kernel
	waits int
}

func (k *brokenAfter) Wait(ready []loop.Ready, timeout time.Duration) (int, error) {
	if k.waits--; k.waits < 0 {
		return 0, unix.EBADF
	}
	return k.Kernel.Wait(ready, timeout)
}

// What waits when Run returns is released, and not run by a later turn.
func TestRunReleasesDo(t *testing.T) {
	onBoth(t, func(w *world) {
		k := &brokenAfter{w.kernel, 1}
		w.loop = loop.NewOn(k)
		var waiting <-chan error
		w.check(w.loop.Post(func() {
			waiting = w.goDo(context.Background(), func() { w.Error("ran after Run") })
		}))
		w.wantErr(w.loop.Run(context.Background()), unix.EBADF)
		w.wantErr(<-waiting, loop.ErrNotRunning)
		k.waits = 1
		_, err := w.loop.Turn(0)
		w.check(err)
	})
}

// deaf is a kernel that cannot be woken.
type deaf struct{ loop.Kernel }

func (deaf) Wake() error { return unix.EBADF }

func TestDoThatCannotWakeTheLoop(t *testing.T) {
	onBoth(t, func(w *world) {
		w.loop = loop.NewOn(deaf{w.kernel})
		w.wantErr(w.loop.Do(context.Background(), func() { w.Error("ran though Do failed") }), unix.EBADF)
		_, err := w.loop.Turn(0)
		w.check(err)
	})
}

// A panic is the loop's caller's to recover; Do must not wait for what it has ended.
func TestDoOfAFunctionThatPanics(t *testing.T) {
	onBoth(t, func(w *world) {
		result := w.goDo(context.Background(), func() { panic("on purpose") })
		func() {
			defer func() {
				if recover() == nil {
					w.Error("the panic is swallowed")
				}
			}()
			_, _ = w.loop.Turn(0)
		}()
		w.wantErr(<-result, loop.ErrNotRunning)
	})
}

// A hundred goroutines call Do while Run ends, is called again, ends and the loop is
// closed. None hangs, and each function has run if and only if its Do says so.
func TestDoWhileRunEndsAndTheLoopCloses(t *testing.T) {
	onBoth(t, func(w *world) {
		const callers = 100
		var all sync.WaitGroup
		var calls atomic.Int64
		many := make(chan struct{}, 1) // a further thousand calls have succeeded
		for range callers {
			all.Go(func() {
				for {
					ran := false
					err := w.loop.Do(context.Background(), func() { ran = true })
					if ran != (err == nil) {
						t.Errorf("Do returned %v, and its function has run: %v", err, ran)
					}
					switch {
					case err == nil:
						if calls.Add(1)%1000 == 0 {
							select {
							case many <- struct{}{}:
							default:
							}
						}
					case errors.Is(err, loop.ErrNotRunning):
						runtime.Gosched() // until the next Run, or Close
					case errors.Is(err, loop.ErrClosed):
						return
					default:
						t.Error(err)
						return
					}
				}
			})
		}
		for range 3 {
			ctx, cancel := context.WithCancel(context.Background())
			go func() { <-many; cancel() }()
			w.check(w.loop.Run(ctx))
		}
		w.check(w.loop.Close())
		all.Wait()
		if n := calls.Load(); n < 3000 {
			w.Errorf("%d calls have succeeded, want 3000 and more", n)
		}
	})
}
