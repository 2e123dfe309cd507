package loop

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// This file is the only one of the package that knows of other goroutines: Post and Do hand
// functions over to the loop's.

// ErrNotRunning is returned by Do when Run has returned and nobody turns the loop.
var ErrNotRunning = errors.New("loop: not running")

// postQueue holds functions that any goroutine appends and the loop runs.
type postQueue struct {
	wake  func() error
	mutex sync.Mutex
	queue []func()
	// closed: the loop is closed. stopped: Run has returned, and the loop has not turned
	// since. Only the loop's goroutine writes them, with the mutex locked; so it may read
	// them without.
	closed, stopped bool
	// over is closed when closed or stopped is set; it releases the Do calls that wait.
	over chan struct{}
	// woken is set by the first Post since the loop last looked, which alone makes
	// the system call that wakes the loop.
	woken atomic.Bool
	spare []func() // the queue that was run last, to be filled next
}

// Post has f run on the loop at the end of this turn or in the next, waking it if it
// waits. Any goroutine may call it. Functions run in the order they were posted. It
// returns ErrClosed if the loop is closed, and else an error only when the wake-up
// failed; f is then still run in the next turn.
func (l *Loop) Post(f func()) error {
	q := &l.posts
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed {
		return ErrClosed
	}
	return q.add(f)
}

// add appends f and wakes the loop. The mutex is locked: Close must not close the wake-up
// fd meanwhile.
func (q *postQueue) add(f func()) error {
	q.queue = append(q.queue, f)
	if !q.woken.CompareAndSwap(false, true) {
		return nil
	}
	return q.wake()
}

// Do has f run on the loop, as Post does, and returns nil when f has returned. Any
// goroutine may call it but the loop's own, which would wait for itself.
//
// Do returns an error only if f was not run and will not be: ctx.Err() if ctx is done before
// the loop begins with f; ErrClosed if the loop is closed; ErrNotRunning if Run has returned,
// until Run or Turn is called again; another one if the loop cannot be woken. Before the
// first Run or Turn, and between two Turns, it waits. If ctx is done while f runs, Do waits
// until f has returned. If f panics, Do returns ErrNotRunning.
func (l *Loop) Do(ctx context.Context, f func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{f: f, done: make(chan struct{})}
	over, err := l.posts.addCall(c)
	if err == nil {
		select {
		case <-c.done:
			return c.err
		case <-ctx.Done():
			err = ctx.Err()
		case <-over:
			err = l.posts.state()
		}
	}
	if c.claim() {
		return err
	}
	<-c.done
	return c.err
}

// call is one Do.
type call struct {
	f func()
	// claimed is set by the loop when it begins with f, or by Do when it gives up:
	// whichever is first.
	claimed atomic.Bool
	done    chan struct{} // closed when f has returned
	err     error         // written before done is closed
}

func (c *call) claim() bool { return c.claimed.CompareAndSwap(false, true) }

// run is what is posted.
func (c *call) run() {
	if !c.claim() {
		return
	}
	c.err = ErrNotRunning // if f panics: Do must not wait for it any longer
	defer close(c.done)
	c.f()
	c.err = nil
}

// addCall posts c, and returns the channel that is closed when the loop ends.
func (q *postQueue) addCall(c *call) (over <-chan struct{}, err error) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed || q.stopped {
		return nil, q.reason()
	}
	return q.over, q.add(c.run)
}

// state is the reason why over was closed.
func (q *postQueue) state() error {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return q.reason()
}

func (q *postQueue) reason() error {
	if q.closed {
		return ErrClosed
	}
	return ErrNotRunning
}

// runPosts runs what was posted. What these functions post waits for the next turn.
func (l *Loop) runPosts() int {
	q := &l.posts
	if !q.woken.Load() { // the usual turn: nothing was posted, no lock is taken
		return 0
	}
	q.mutex.Lock()
	q.woken.Store(false)
	queue := q.queue
	q.queue = q.spare[:0]
	q.mutex.Unlock()
	ran := 0
	for i, f := range queue {
		queue[i] = nil
		if !l.closed { // by one of them
			f()
			ran++
		}
	}
	q.spare = queue
	l.stats.Posts += uint64(ran)
	return ran
}

// close ends the queue for good: what was posted is dropped.
func (q *postQueue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if !q.stopped {
		close(q.over)
	}
	q.closed, q.queue = true, nil
}

// stop releases the Do calls that wait, and refuses new ones until start.
func (q *postQueue) stop() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if !q.closed && !q.stopped {
		q.stopped = true
		close(q.over)
	}
}

// start takes Do calls, at first and again after stop.
func (q *postQueue) start() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.stopped, q.over = false, make(chan struct{})
}

// Run turns the loop until ctx is done, and returns nil then. Any other error is
// Turn's. When it returns, calls of Do that wait are released with ErrNotRunning.
func (l *Loop) Run(ctx context.Context) error {
	defer l.posts.stop()
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
