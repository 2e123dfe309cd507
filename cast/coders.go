package cast

import (
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// codingNice is how much higher the nice value (setpriority(2)) of threads that code pictures is than
	// the process's own.
	codingNice = 10
	// maxIdleCoders is how many threads wait for the next job. When there are more, those that have done
	// theirs end.
	maxIdleCoders = 16
)

// coders run jobs that code pictures (Config.Code), each on a thread of lower priority. A picture
// takes a CPU for so long that the loop and viewers on the same machine would wait for it.
//
// A thread codes nothing else, as not every process may raise a priority again. It is kept for the next
// job: a new thread for each picture takes time, and libraries keep memory for each thread.
type coders struct {
	post func(f func()) error // Loop.Post
	jobs chan func() (done func())
	// idle is how many threads wait for a job, or will soon: no job has to wait for another one.
	idle   atomic.Int32
	closed bool
}

func newCoders(post func(f func()) error) *coders {
	return &coders{post: post, jobs: make(chan func() (done func()), maxIdleCoders)}
}

// run runs a job, and what it returns on the loop. It is called on the loop's goroutine, also after close.
func (c *coders) run(job func() (done func())) {
	if c.closed || c.idle.Load() == 0 {
		go c.code(job)
		return
	}
	c.idle.Add(-1) // nobody else takes one
	c.jobs <- job
}

// code runs jobs on a thread of their own until the coders are closed.
func (c *coders) code(job func() (done func())) {
	runtime.LockOSThread() // which is never undone: the thread ends with this goroutine
	lowerPriority()
	for isOpen := true; isOpen; job, isOpen = <-c.jobs {
		done := job()
		// done may have the next job run, for which this thread shall be idle already.
		isKept := c.keep()
		if done != nil {
			_ = c.post(done) // if the loop is closed it does not run: nothing may run elsewhere
		}
		if !isKept {
			return
		}
	}
}

// keep counts one more as idle, or reports that there are enough.
func (c *coders) keep() bool {
	for {
		n := c.idle.Load()
		if n >= maxIdleCoders || c.idle.CompareAndSwap(n, n+1) {
			return n < maxIdleCoders
		}
	}
}

// close has the threads end, each when it has done its job.
func (c *coders) close() {
	if !c.closed {
		c.closed = true
		close(c.jobs)
	}
}

// lowerPriority lowers that of the calling thread. If that fails, the thread runs as others do.
func lowerPriority() {
	if raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil { // the system call returns 20 less the nice value
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 20-raw+codingNice)
	}
}
