package join

import "time"

// budget bounds the time in which requests are answered, so that a flood of them takes it neither
// from the frames nor from the whole machine: turnTime in one turn of the loop, windowTime in one
// window. What is left waits.
type budget struct {
	now        time.Duration // when the turn began to answer
	ends       time.Duration // the window
	turn, used time.Duration // spent in the turn, and in the window
}

const (
	turnTime   = time.Millisecond
	windowTime = 3 * time.Millisecond
	window     = 10 * time.Millisecond
)

// beginTurn begins a turn.
func (b *budget) beginTurn(now time.Duration) {
	b.now, b.turn = now, 0
	if now >= b.ends {
		b.ends, b.used = now+window, 0
	}
}

func (b *budget) spend(d time.Duration) {
	b.turn += d
	b.used += d
}

// spent reports whether nothing is left for now.
func (b *budget) spent() bool { return b.turn >= turnTime || b.used >= windowTime }

// more is when there is something to spend again: in the next turn, or the next window.
func (b *budget) more() time.Duration {
	if b.used >= windowTime {
		return b.ends
	}
	return b.now
}
