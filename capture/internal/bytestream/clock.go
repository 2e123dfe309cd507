package bytestream

import "time"

// clock places the times that a stream gives its frames on the loop's clock: a frame was taken when the
// quickest ones of late would have had to be, to come when they came. So what the program and the pipe
// delay one frame more than another does not show.
type clock struct {
	begun bool
	base  time.Duration // when what is decoded at the stream's time 0 would have come
	// depth is by how much a frame is shown later than it is decoded at most: 0: nothing is reordered. A
	// frame with that distance was taken last, when it came.
	depth  time.Duration
	decode time.Duration // of the last frame
}

const (
	// followed: the clock is followed by this part of the distance with each frame, as the two clocks
	// need not go alike.
	followed = 512
	// mostDistance is from how large a distance on the stream's times have jumped, or the program paused.
	mostDistance = time.Second
)

// at is when a frame was taken, and is to be decoded: 0 if that is the same in this stream. shown and
// decoded are the stream's times.
func (c *clock) at(shown, decoded, now time.Duration) (captured, decode time.Duration) {
	base := now - decoded
	distance := base - c.base
	switch {
	case !c.begun || distance.Abs() > mostDistance:
		c.begun, c.base = true, base
	case distance < 0:
		c.base = base
	default:
		c.base += distance / followed
	}
	shown = min(shown, decoded+mostDistance) // later ones are believed of no program: frames are taken before they come
	c.depth = max(c.depth, shown-decoded)
	captured = max(c.base+shown-c.depth, c.decode)
	if c.depth == 0 {
		c.decode = captured
		return captured, 0
	}
	c.decode = max(c.base+decoded-c.depth, c.decode)
	return max(captured, c.decode), c.decode
}
