package loop

import (
	"slices"
	"time"
)

// Budget bounds how long one kind of work holds the loop in a turn: that of all its tasks
// together; LimitShare bounds it over time, too. What does not fit waits in a queue for a later turn,
// which polls all fds before, and begins with those that have waited longest. While others wait, each gets a share alone, so
// that one with much to do does not keep them waiting.
//
// A task is not interrupted: it asks Spent after every few units of its work. The time is that of
// CLOCK_MONOTONIC. A Budget belongs to the loop's goroutine, and allocates only in NewTask.
type Budget struct {
	loop    *Loop
	limit   time.Duration
	share   share
	turn    uint64        // the one that used is of
	used    time.Duration // in this turn, by the tasks that have run
	until   time.Duration // when the task that runs is to stop
	running bool

	first, last *Task // the queue
	queued      int
	putOff      uint64
}

// budgetShares is how many tasks may use up a budget when others wait.
const budgetShares = 16

// Task is the part of one owner in the work of a Budget.
type Task struct {
	budget  *Budget
	f       func()
	next    *Task
	queued  bool
	stopped bool
}

// NewBudget makes a budget of limit in each turn. In a turn the queues of budgets are run after
// the handlers, timers and posted functions, in the order in which the budgets were made.
func (l *Loop) NewBudget(limit time.Duration) *Budget {
	b := &Budget{loop: l, limit: limit}
	l.budgets = append(l.budgets, b)
	return b
}

// Close takes the budget off its loop. Tasks that wait are dropped, and no task runs any more.
func (b *Budget) Close() {
	// A new list: the one in use may be walked at this moment.
	b.loop.budgets = slices.DeleteFunc(slices.Clone(b.loop.budgets), func(other *Budget) bool { return other == b })
	b.limit = 0
	for b.first != nil {
		b.pop()
	}
}

// LimitShare bounds what all tasks together take in the long run: part of the time, more than 0 and
// at most 1. What they do not take may be used later, up to what they get in 10 ms. When it is used up
// the tasks wait, and the loop sleeps unless it has something else to do. A thread that never sleeps
// waits longer for a CPU when a frame comes, as the kernel takes it for a program that computes. It is
// called before the budget is used; without it there is no such bound.
func (b *Budget) LimitShare(part float64) { b.share = newShare(part, b.loop.now) }

// PutOff is how often a task had to wait for the next turn, a task that waits for several turns
// counted in each.
func (b *Budget) PutOff() uint64 { return b.putOff }

// NewTask makes a task that is not queued. f does some of the owner's work. When Spent reports
// true before all is done, f calls Later and returns.
func (b *Budget) NewTask(f func()) *Task { return &Task{budget: b, f: f} }

// Do runs the task at once if none waits and the budget of this turn is not spent; else it
// queues it. It reports whether the task has run. Doing nothing for one that is queued, it may be
// called as often as there is a reason to.
func (t *Task) Do() (ran bool) {
	b := t.budget
	if t.queued || t.stopped {
		return false
	}
	if b.first != nil || b.running || b.left() <= 0 {
		t.Later()
		return false
	}
	b.run(t)
	return true
}

// Later queues the task behind all others, unless it is queued already.
func (t *Task) Later() {
	b := t.budget
	if t.queued || t.stopped || b.limit == 0 {
		return
	}
	t.queued = true
	b.queued++
	if b.first == nil {
		b.first = t
	} else {
		b.last.next = t
	}
	b.last = t
}

// Stop has the task never run again: its owner is gone.
func (t *Task) Stop() { t.stopped = true }

// Spent reports whether the task that runs has to stop at now, the kernel's Monotonic of this
// moment. It is false outside of tasks.
func (b *Budget) Spent(now time.Duration) bool { return b.running && now >= b.until }

// left is what is left of the budget in this turn.
func (b *Budget) left() time.Duration {
	if turn := b.loop.stats.Turns; b.turn != turn {
		b.turn, b.used = turn, 0
	}
	return min(b.limit-b.used, b.share.left(b.loop.now))
}

func (b *Budget) run(t *Task) {
	left := b.left()
	if b.first != nil {
		left = min(left, b.limit/budgetShares)
	}
	began := b.loop.kernel.Monotonic()
	b.until, b.running = began+left, true
	t.f()
	b.running = false
	spent := b.loop.kernel.Monotonic() - began
	b.used += spent
	b.share.spend(spent)
}

func (b *Budget) pop() *Task {
	t := b.first
	if b.first = t.next; b.first == nil {
		b.last = nil
	}
	t.next, t.queued = nil, false
	b.queued--
	return t
}

// runBudgets runs the queues. A task that is queued meanwhile waits for the next turn.
func (l *Loop) runBudgets() (ran int) {
	for _, b := range l.budgets {
		for range b.queued {
			if l.closed || b.left() <= 0 || b.first == nil {
				break
			}
			if t := b.pop(); !t.stopped {
				b.run(t)
				ran++
			}
		}
		b.putOff += uint64(b.queued)
		l.stats.PutOff += uint64(b.queued)
	}
	return ran
}

// nextTask is when the loop goes on with the tasks that wait, false if none does.
func (l *Loop) nextTask() (due time.Duration, waiting bool) {
	for _, b := range l.budgets {
		if b.queued == 0 {
			continue
		}
		if at := b.share.more(l.now, b.limit); !waiting || at < due {
			due, waiting = at, true
		}
	}
	return due, waiting
}
