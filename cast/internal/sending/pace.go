package sending

import "time"

// pace is how the bursts of a frame follow each other.
type pace struct {
	interval time.Duration // between frames, as the source says; 0: not known
	spread   time.Duration // over which the bursts of a frame are spread
}

// times is the pace of readers that get one of so many frames.
func (p pace) times(step uint64) pace {
	return pace{p.interval * time.Duration(step), p.spread * time.Duration(step)}
}

// due is when a burst of a frame may be sent, of 0 to runs-1. The frame began at a time, and the first readers had the burst
// before at another. Bursts are spread evenly. After a burst that was late the next one does not follow at once, as small queues
// on the way would overflow: those that are left share the time that is left.
func (p pace) due(burst, runs int, began, before time.Duration) time.Duration {
	if burst == 0 {
		return began
	}
	left := max(began+p.interval-before, 0)
	apart := min(p.spread/time.Duration(runs), left/time.Duration(runs-burst+1))
	return max(began+p.spread*time.Duration(burst)/time.Duration(runs), before+apart)
}
