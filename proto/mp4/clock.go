package mp4

import "time"

// Clock gives frames the times of their fragments: each begins where the one before ends. Media Source Extensions take a gap
// for the end of what can be decoded. How long a frame lasts is not known when it is sent: it is how long frames last
// in the mean, and what the frame before was wrong by.
type Clock struct {
	started  bool
	base     time.Duration
	before   time.Duration // when the last frame was to be decoded
	end      uint64
	interval time.Duration // in the mean
}

const (
	// shortest and longest are the bounds of a frame's interval: what is longer is a camera that was away.
	shortest, longest = time.Second / 1000, time.Second
	// smoothing is how many intervals the mean is of, about.
	smoothing = 16
)

// Next sets the times of a frame's fragment. when is when it is to be decoded, on a clock that does not go back, and shown
// when it is shown: that time is kept exactly where it is another one. nominal is the interval that the camera says, 0 if
// it does not.
func (c *Clock) Next(f *Fragment, when, shown, nominal time.Duration) {
	if !c.started {
		c.started, c.base, c.before = true, when, when
		if c.interval = nominal; nominal <= 0 {
			c.interval = time.Second / 30
		}
	} else if passed := when - c.before; passed >= shortest && passed <= longest {
		c.interval += (passed - c.interval) / smoothing
	}
	c.before = max(c.before, when)
	f.Decode = c.end
	c.end = max(f.Decode+1, ticks(when-c.base+c.interval))
	f.Duration = uint32(min(c.end-f.Decode, 1<<32-1))
	f.Delay = 0
	if at := ticks(shown - c.base); shown > when && at > f.Decode {
		f.Delay = uint32(min(at-f.Decode, 1<<31-1))
	}
}

// Resume has the next frame begin when it is to be decoded, as frames before it were not written.
func (c *Clock) Resume(when time.Duration) {
	if c.started {
		c.end, c.before = max(c.end, ticks(when-c.base)), when
	}
}

// ticks is a time in ticks.
func ticks(d time.Duration) uint64 {
	return uint64(max(d, 0)) * (ClockHz / 10000) / (uint64(time.Second) / 10000)
}
