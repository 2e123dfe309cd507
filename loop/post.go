package loop

import (
	"context"
	"sync"
	"sync/atomic"
)

// This file is the one door through which other goroutines reach the loop, and the
// only place in it that knows of them.

// door is a queue of functions, filled by any goroutine and emptied by the loop's.
type door struct {
	wake  func() error
	mutex sync.Mutex
	queue []func()
	isOff bool
	// knocked is set by the first Post since the loop last looked, which alone
	// pays for the system call that wakes it.
	knocked atomic.Bool
	spare   []func() // the queue that was emptied last, to be filled next
}

// Post has f run on the loop at the end of this turn or in the next, waking it if it
// waits. Any goroutine may call it. Functions run in the order they were posted. It
// returns ErrClosed if the loop is closed, and else an error only when the wake-up
// failed; f is then still run in the next turn.
func (l *Loop) Post(f func()) error {
	d := &l.door
	d.mutex.Lock()
	if d.isOff {
		d.mutex.Unlock()
		return ErrClosed
	}
	d.queue = append(d.queue, f)
	first := d.knocked.CompareAndSwap(false, true)
	var err error
	if first {
		// Within the lock, so that Close cannot close the wake-up fd under it.
		err = d.wake()
	}
	d.mutex.Unlock()
	return err
}

// openDoor runs what was posted. What these functions post waits for the next turn.
func (l *Loop) openDoor() int {
	d := &l.door
	if !d.knocked.Load() { // the usual turn: nobody is there, no lock is taken
		return 0
	}
	d.mutex.Lock()
	d.knocked.Store(false)
	queue := d.queue
	d.queue = d.spare[:0]
	d.mutex.Unlock()
	ran := 0
	for i, f := range queue {
		queue[i] = nil
		if !l.closed { // by one of them
			f()
			ran++
		}
	}
	d.spare = queue
	l.stats.Posts += uint64(ran)
	return ran
}

func (d *door) shut() {
	d.mutex.Lock()
	d.isOff, d.queue = true, nil
	d.mutex.Unlock()
}

// Run turns the loop until ctx is done, and returns nil then. Any other error is
// Turn's.
func (l *Loop) Run(ctx context.Context) error {
	done := false
	stop := context.AfterFunc(ctx, func() {
		// A closed loop has left Run already.
		_ = l.Post(func() { done = true })
	})
	defer stop()
	for !done {
		if _, err := l.Turn(Forever); err != nil {
			return err
		}
	}
	return nil
}
