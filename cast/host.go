package cast

import (
	"fmt"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
)

// Now is the time at which this turn of the loop began.
func (c *supervisor) Now() time.Duration { return c.stream.broadcaster.loop.Now() }

// Wall is the time of day.
func (c *supervisor) Wall() time.Time { return c.stream.broadcaster.loop.Kernel().Wall() }

// NewTimer makes a timer on the loop.
func (c *supervisor) NewTimer(f func()) capture.Timer { return c.stream.broadcaster.loop.NewTimer(f) }

// Post hands f over to the loop.
func (c *supervisor) Post(f func()) error { return c.stream.broadcaster.loop.Post(f) }

// Work runs a job where it may wait.
func (c *supervisor) Work(job func() (done func())) { c.stream.broadcaster.config.Work(job) }

// Code runs a job that codes a picture for long.
func (c *supervisor) Code(job func() (done func())) { c.stream.broadcaster.config.Code(job) }

// Watch has ready called when fd is readable. The conditions are not looked at: an error
// reported by a camera driver can be spurious, so the source's own call decides.
func (c *supervisor) Watch(fd int, ready func()) (capture.Watch, error) {
	w := &watch{supervisor: c, fd: fd, ready: ready}
	if err := w.begin(); err != nil {
		return nil, fmt.Errorf("cannot be watched: %w", err)
	}
	c.watches = append(c.watches, w)
	return w, nil
}

// watch is an fd of a source that the loop watches.
type watch struct {
	supervisor   *supervisor
	fd           int
	ready        func()
	registration *loop.Registration // nil while it could not be registered
	stopped      bool
}

func (w *watch) begin() (err error) {
	w.registration, err = w.supervisor.stream.broadcaster.loop.Register(w.fd, loop.Readable, func(loop.Interest) { w.ready() })
	return err
}

// unregister takes the fd off the loop.
func (w *watch) unregister() (err error) {
	if w.registration != nil {
		err = w.registration.Unregister()
		w.registration = nil
	}
	return err
}

// Stop ends the watch.
func (w *watch) Stop() error {
	if w.stopped {
		return nil
	}
	w.stopped = true
	c := w.supervisor
	for i, other := range c.watches {
		if other == w {
			c.watches = append(c.watches[:i], c.watches[i+1:]...)
			break
		}
	}
	return w.unregister()
}
