package loop

import (
	"math"
	"time"
)

// Timer calls a function at a time. It is made once and set as often as needed;
// setting and stopping allocate nothing in the long run.
type Timer struct {
	loop *Loop
	f    func()
	due  time.Duration
	// order is the number of the Set call: timers due at the same time fire in the
	// order they were set.
	order uint64
	at    int // index in the heap, -1 if not set
	// awake: its time is that of Awake, and stalled is Stats.Stalled when it was set.
	awake   bool
	stalled time.Duration
}

// NewTimer makes a timer that is not set. f must not wait; it may set the timer
// again.
func (l *Loop) NewTimer(f func()) *Timer { return &Timer{loop: l, f: f, at: -1} }

// NewAwakeTimer makes a timer that is later by the time in which the loop stood still after it was
// set (Awake): for those who are given a time to answer in.
func (l *Loop) NewAwakeTimer(f func()) *Timer { return &Timer{loop: l, f: f, at: -1, awake: true} }

// Set has the timer fire once, in the first turn at or after due on
// CLOCK_MONOTONIC that begins after this call. A time that has passed counts as now.
// It replaces an earlier setting.
func (t *Timer) Set(due time.Duration) {
	t.Stop()
	h := &t.loop.timers
	h.sets++
	// Were it kept in the past, a timer that lags behind and sets itself again would
	// come before all others, turn after turn.
	due = max(due, t.loop.now)
	t.stalled = t.loop.stats.Stalled
	t.due, t.order, t.at = due, h.sets, len(h.timers)
	h.timers = append(h.timers, t)
	h.up(t.at)
}

// SetAfter has the timer fire once, d after the beginning of this turn.
func (t *Timer) SetAfter(d time.Duration) {
	due := t.loop.now + d
	if d > 0 && due < 0 { // past the end of time
		due = math.MaxInt64
	}
	t.Set(due)
}

// Stop unsets the timer. Stopping one that is not set does nothing.
func (t *Timer) Stop() {
	if t.at >= 0 {
		t.loop.timers.remove(t.at)
	}
}

// Due is when the timer fires, and whether it is set.
func (t *Timer) Due() (due time.Duration, set bool) { return t.due, t.at >= 0 }

// NextTimer is when the next timer is due, or the next task of a Budget that has waited; false if
// there is neither. Those who own an outer loop need it to know how long they may wait.
func (l *Loop) NextTimer() (due time.Duration, ok bool) {
	due, ok = l.nextTask()
	if h := &l.timers; len(h.timers) > 0 && !(ok && due <= h.timers[0].due) {
		return h.timers[0].due, true
	}
	return due, ok
}

// fireTimers runs the timers that are due, but for those set after the last-th Set,
// the last before this turn: one that is set for now in a turn waits for the next, so
// that it cannot keep the fds waiting. Those come behind all others that are due, as
// Set keeps none in the past.
func (l *Loop) fireTimers(last uint64) (ran int) {
	h := &l.timers
	for len(h.timers) > 0 && !l.closed {
		t := h.timers[0]
		if t.due > l.now || t.order > last {
			break
		}
		if stalled := l.stats.Stalled - t.stalled; t.awake && stalled > 0 {
			t.Set(t.due + stalled)
			continue
		}
		h.remove(0)
		t.f()
		ran++
	}
	l.stats.Timers += uint64(ran)
	return ran
}

// timerHeap is a binary heap in which each timer knows its index, so that stopping
// one costs as little as setting it.
type timerHeap struct {
	timers []*Timer
	sets   uint64
}

func (h *timerHeap) before(i, j int) bool {
	a, b := h.timers[i], h.timers[j]
	return a.due < b.due || a.due == b.due && a.order < b.order
}

func (h *timerHeap) swap(i, j int) {
	h.timers[i], h.timers[j] = h.timers[j], h.timers[i]
	h.timers[i].at, h.timers[j].at = i, j
}

func (h *timerHeap) up(i int) {
	for i > 0 && h.before(i, (i-1)/2) {
		h.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
}

func (h *timerHeap) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.timers); child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *timerHeap) remove(i int) {
	t, last := h.timers[i], len(h.timers)-1
	h.swap(i, last)
	h.timers[last] = nil
	h.timers = h.timers[:last]
	t.at = -1
	if i < last {
		h.up(i)
		h.down(i)
	}
}
