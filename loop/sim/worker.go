package sim

import (
	"fmt"
	"time"

	"github.com/camcast/camcast/loop"
)

// NewWorker returns a stand-in for a worker: a goroutine that does what a loop must not wait
// for, such as opening a device or coding a picture, and hands the result over by Loop.Post.
//
// The function it returns runs job at once, and what job returns, done, on the loop: after a
// delay of 0 to most that comes from the kernel's seed, in a later turn. So a test sees
// the same run each time, and with another seed another order of what happens meanwhile. Each
// job has a delay of its own: of two, the second may be done first, as with several workers. A
// most of 0 or less is no delay; job may return nil when there is nothing to hand over.
//
// The loop must be on a Kernel of this package, or NewWorker panics. Call the worker on the
// loop's goroutine. If the loop is closed before the delay has passed, done is dropped, as a
// function that was posted is.
func NewWorker(l *loop.Loop, most time.Duration) func(job func() (done func())) {
	k, ok := l.Kernel().(*Kernel)
	if !ok {
		panic(fmt.Sprintf("sim: a worker on a loop with a %T: its delays come from a *sim.Kernel", l.Kernel()))
	}
	return func(job func() (done func())) {
		done := job()
		if done == nil {
			return
		}
		delay := time.Duration(0)
		if most > 0 {
			delay = time.Duration(k.random.Int64N(int64(most) + 1))
		}
		l.NewTimer(done).SetAfter(delay)
	}
}
