package loop

import "time"

// Awake is Now without the time in which the loop stood still: the process was stopped (SIGSTOP),
// say, or a handler took long. It is the clock to measure by for how long others were silent, as
// what they sent meanwhile may not have been read yet, or was dropped at a full socket. The loop
// stood still from one turn to the next if the next timer was late by more than a second. A loop
// without a timer does not notice it.
func (l *Loop) Awake() time.Duration { return l.now - l.stats.Stalled }

// stallLimit is how late a timer may be. It is more than a busy machine makes of it, and less than
// any time after which somebody is taken for gone.
const stallLimit = time.Second

// countStall counts the time since the turn before as a standstill, if the timer that was due next
// is late for that.
func (l *Loop) countStall(before, due time.Duration) {
	if l.now-due > stallLimit {
		l.stats.Stalled += l.now - before
	}
}
