package loop

import (
	"time"

	"github.com/camcast/camcast/loop/histogram"
)

// Stats are figures of a loop since it was made.
type Stats struct {
	// Turns is how often the loop has waited.
	Turns uint64
	// Events is how many fds were found ready, over all turns; MaxEvents is the
	// most of one turn.
	Events, MaxEvents uint64
	// Stale is how many events were dropped because their fd had been
	// unregistered, and perhaps reused, earlier in the same turn.
	Stale uint64
	// Stalled is how long the loop did not run although it had to: see Awake.
	Stalled time.Duration
	// Timers and Posts is how many timers fired and functions were handed over.
	Timers, Posts uint64
	// PutOff is how often a task had to wait for the next turn, as its Budget was spent.
	PutOff uint64
	// InHandlers is the time spent in handlers, timers, posted functions, tasks and
	// turn-end hooks; MaxTurn is the longest of one turn. The rest was waiting.
	InHandlers, MaxTurn time.Duration
	// TurnCPU are the CPU times of the turns that ran anything, without the waiting: what the
	// thread used, and the kernel for it in system calls. Unlike MaxTurn it does not grow while
	// another thread has the CPU.
	TurnCPU histogram.Histogram
}

// Stats returns the figures so far.
func (l *Loop) Stats() Stats { return l.stats }

// turn counts a turn that ran something, how long that took and the CPU time it used.
func (s *Stats) turn(spent, cpu time.Duration) {
	s.InHandlers += spent
	s.MaxTurn = max(s.MaxTurn, spent)
	s.TurnCPU.Record(cpu)
}
