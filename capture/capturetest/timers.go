package capturetest

import (
	"slices"
	"time"

	"github.com/camcast/camcast/capture"
)

// timer is a capture.Timer on the Host's clock. As in package loop, one that is set in a
// turn fires in a later one.
type timer struct {
	host  *Host
	f     func()
	due   time.Duration
	order uint64
}

// NewTimer makes a timer that is not set.
func (h *Host) NewTimer(f func()) capture.Timer { return &timer{host: h, f: f} }

func (t *timer) Set(due time.Duration) {
	t.Stop()
	t.host.sets++
	t.due, t.order = max(due, t.host.now), t.host.sets
	t.host.timers = append(t.host.timers, t)
}

func (t *timer) SetAfter(d time.Duration) { t.Set(t.host.now + d) }

func (t *timer) Stop() {
	t.host.timers = slices.DeleteFunc(t.host.timers, func(other *timer) bool { return other == t })
}

// next is the timer that fires first, nil if none is set.
func (h *Host) next() (first *timer) {
	for _, t := range h.timers {
		if first == nil || t.due < first.due || t.due == first.due && t.order < first.order {
			first = t
		}
	}
	return first
}

// Timers is how many timers are set.
func (h *Host) Timers() int { return len(h.timers) }

// watch is an fd that is watched.
type watch struct {
	host    *Host
	fd      int
	ready   func()
	stopped bool
}

// Watch has ready called in each turn in which fd is readable.
func (h *Host) Watch(fd int, ready func()) (capture.Watch, error) {
	h.t.Helper()
	if h.FailWatch != nil {
		return nil, h.FailWatch
	}
	if h.Watched(fd) {
		h.t.Errorf("fd %d is watched twice", fd)
	}
	w := &watch{host: h, fd: fd, ready: ready}
	h.watches = append(h.watches, w)
	return w, nil
}

func (w *watch) Stop() error {
	w.stopped = true
	w.host.watches = slices.DeleteFunc(w.host.watches, func(other *watch) bool { return other == w })
	return nil
}

// Watched reports whether fd is watched.
func (h *Host) Watched(fd int) bool {
	return slices.ContainsFunc(h.watches, func(w *watch) bool { return w.fd == fd })
}

// CallReady calls the functions given to Watch, as a watchdog does.
func (h *Host) CallReady() {
	for _, w := range slices.Clone(h.watches) {
		w.ready()
	}
}

func (h *Host) readable() (fds []*watch) {
	for _, w := range h.watches {
		if h.Readable != nil && h.Readable(w.fd) {
			fds = append(fds, w)
		}
	}
	return fds
}
