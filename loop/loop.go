package loop

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Loop is a readiness loop: handlers of fds, timers, and functions handed over by
// other goroutines, all run one after the other by the goroutine that calls Run or
// Turn. All its methods but Post and Do belong to that goroutine.
type Loop struct {
	kernel  Kernel
	slots   []slot
	free    []uint32 // slots without a registration
	ready   [maxEvents]Ready
	now     time.Duration
	timers  timerHeap
	posts   postQueue
	budgets []*Budget
	turnEnd []func()
	stats   Stats
	closed  bool
}

// slot holds one registration at a time. Its generation counts the registrations it
// has held, so that an event of an earlier one is recognised.
type slot struct {
	generation uint32
	taken      *Registration
}

// Handler is called when its fd is ready, with the conditions that hold. It must
// not wait: everybody else does meanwhile. It may register, change and unregister
// any fd, its own included.
type Handler func(conditions Interest)

// Registration is a handler's claim on an fd.
type Registration struct {
	loop    *Loop
	handler Handler
	fd      int
	slot    uint32
	want    Interest
}

// ErrClosed is returned by a loop that has been closed.
var ErrClosed = errors.New("loop: closed")

// New makes a loop on the Linux kernel. It fails when the process is out of file
// descriptors.
func New() (*Loop, error) {
	kernel, err := NewKernel()
	if err != nil {
		return nil, fmt.Errorf("loop: %w", err)
	}
	return NewOn(kernel), nil
}

// NewOn makes a loop on a kernel of the caller's choice, which it then owns.
func NewOn(kernel Kernel) *Loop {
	l := &Loop{kernel: kernel, now: kernel.Monotonic()}
	l.posts.wake = kernel.Wake
	l.posts.start()
	return l
}

// Kernel is what the loop runs on, for packages that make socket calls.
func (l *Loop) Kernel() Kernel { return l.kernel }

// FD is an fd that is readable (poll(2), another epoll) when one of the loop's fds is
// ready or something was posted, for those who own an outer loop: they call Turn(0)
// then, and at NextTimer. It stays the loop's. ok is false if the kernel has none, as
// a simulated one.
func (l *Loop) FD() (fd int, ok bool) {
	if k, has := l.kernel.(interface{ FD() int }); has && !l.closed {
		return k.FD(), true
	}
	return -1, false
}

// Now is the time on CLOCK_MONOTONIC at which this turn began: the same for all
// handlers of a turn.
func (l *Loop) Now() time.Duration { return l.now }

// AtTurnEnd has f called at the end of each turn that ran anything, after all
// handlers and before the loop waits again: the place to flush what they queued.
// Hooks run in the order they were added and stay for the loop's life.
func (l *Loop) AtTurnEnd(f func()) { l.turnEnd = append(l.turnEnd, f) }

// Register has h called whenever fd meets one of the conditions in want, or has
// failed or hung up. The fd stays the caller's: it must be unregistered before it
// is closed. A regular file or a directory cannot be registered (EPERM).
func (l *Loop) Register(fd int, want Interest, h Handler) (*Registration, error) {
	if l.closed {
		return nil, ErrClosed
	}
	var at uint32
	if n := len(l.free); n > 0 {
		at, l.free = l.free[n-1], l.free[:n-1]
	} else {
		at = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[at]
	s.generation++
	if s.generation == 0 { // wrapped: 0 would make slot 0's token the wake-up's
		s.generation = 1
	}
	r := &Registration{loop: l, handler: h, fd: fd, slot: at, want: want}
	if err := l.kernel.Watch(fd, want, r.token()); err != nil {
		l.free = append(l.free, at)
		if errors.Is(err, unix.EPERM) {
			return nil, fmt.Errorf("loop: register: a regular file is always ready and cannot be watched: %w", err)
		}
		return nil, fmt.Errorf("loop: register %w", err)
	}
	s.taken = r
	return r, nil
}

func (r *Registration) token() uint64 {
	return uint64(r.slot) | uint64(r.loop.slots[r.slot].generation)<<32
}

// FD is the registered fd.
func (r *Registration) FD() int { return r.fd }

// Want changes the conditions that are waited for. It costs a system call only when
// they differ from those before. It does nothing after Unregister, or once the loop
// is closed.
func (r *Registration) Want(want Interest) error {
	if r.loop.slots[r.slot].taken != r || want == r.want || r.loop.closed {
		return nil
	}
	if err := r.loop.kernel.Rewatch(r.fd, want, r.token()); err != nil {
		return fmt.Errorf("loop: change %w", err)
	}
	r.want = want
	return nil
}

// Unregister takes the fd off the loop. The handler will not be called again, not
// even for events already collected in this turn, whether or not the fd's number is
// reused meanwhile. The fd stays open. Unregistering twice does nothing.
func (r *Registration) Unregister() error {
	s := &r.loop.slots[r.slot]
	if s.taken != r {
		return nil
	}
	s.taken = nil
	r.loop.free = append(r.loop.free, r.slot)
	if r.loop.closed { // the kernel's side is gone, and its fds may be others' by now
		return nil
	}
	if err := r.loop.kernel.Unwatch(r.fd); err != nil {
		return fmt.Errorf("loop: unregister %w", err)
	}
	return nil
}

// Forever is the timeout for a Turn that waits until something happens.
const Forever time.Duration = -1

// Turn waits for the first of: an fd that is ready, a timer that is due, a posted
// function, the timeout (negative: none). Then it runs all that is due, and the
// turn-end hooks, and returns how many handlers, timers, posted functions and queued
// tasks it ran: none if the timeout came first. It does not wait while tasks are queued that have
// time left in the next turn.
// A signal does not end the wait.
// Its error means that the kernel no longer answers: the loop is of no more use.
func (l *Loop) Turn(timeout time.Duration) (int, error) {
	if l.closed {
		return 0, ErrClosed
	}
	if l.posts.stopped {
		l.posts.start()
	}
	before := l.now
	due, set := l.NextTimer()
	n, err := l.wait(timeout)
	if err != nil {
		return 0, fmt.Errorf("loop: wait: %w", err)
	}
	if set {
		l.countStall(before, due)
	}
	l.stats.Turns++
	return l.run(l.ready[:n]), nil
}

// run runs all that is due, and the turn-end hooks. It stays on one thread, whose CPU time it
// measures.
func (l *Loop) run(ready []Ready) (ran int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := l.kernel.ThreadCPU()
	sets := l.timers.sets
	ran = l.dispatch(ready)
	ran += l.fireTimers(sets)
	ran += l.runPosts()
	ran += l.runBudgets()
	if ran == 0 || l.closed {
		return ran
	}
	for _, f := range l.turnEnd {
		f()
	}
	l.stats.turn(l.kernel.Monotonic()-l.now, l.kernel.ThreadCPU()-began)
	return ran
}

// wait fills ready, and returns how many fds that is, when there is something to do: an fd
// is ready, something was posted, or the next timer or the timeout is due. A signal ends the
// kernel's Wait before, and so does the wake-up of a function that has run already: then it
// waits for what is left of the time.
func (l *Loop) wait(timeout time.Duration) (n int, err error) {
	end, left := l.waitEnd(timeout)
	for {
		if n, err = l.kernel.Wait(l.ready[:], left); err != nil {
			return 0, err
		}
		l.now = l.kernel.Monotonic()
		if n > 0 || l.now >= end || l.posts.woken.Load() {
			return n, nil
		}
		if left > 0 {
			left = end - l.now
		}
	}
}

// waitEnd is when a wait must end so that neither the timeout nor the next timer is late, and
// how long that is from now: negative if nothing ends it.
func (l *Loop) waitEnd(timeout time.Duration) (end, left time.Duration) {
	due, set := l.NextTimer()
	switch {
	case timeout == 0:
		return 0, 0
	case timeout < 0 && !set:
		return math.MaxInt64, Forever
	}
	now := l.kernel.Monotonic()
	if end = now + timeout; timeout < 0 || end < now { // past the end of time
		end = math.MaxInt64
	}
	if set {
		end = min(end, due)
	}
	return end, max(end-now, 0)
}

func (l *Loop) dispatch(ready []Ready) (ran int) {
	for _, event := range ready {
		if l.closed { // by the handler before
			break
		}
		s := &l.slots[uint32(event.Token)]
		if s.taken == nil || s.generation != uint32(event.Token>>32) {
			l.stats.Stale++
			continue
		}
		s.taken.handler(event.Conditions)
		ran++
	}
	l.stats.Events += uint64(ran)
	l.stats.MaxEvents = max(l.stats.MaxEvents, uint64(ran))
	return ran
}

// Close frees the kernel's side of the loop. Open fds, and what is registered, stay
// the callers'. After it, Turn, Run, Register, Post and Do return ErrClosed, and what
// was posted before is dropped. A handler may close its loop: nothing else is run then.
func (l *Loop) Close() error {
	if l.closed {
		return nil
	}
	l.closed = true
	l.posts.close()
	return l.kernel.Close()
}
