package ring

// Policy is which frames a reader gets.
type Policy struct {
	// Step: every Step-th frame, those whose number is a multiple of it. It is 1 or more, and
	// 1 for frames that depend on each other.
	Step uint64
	// KeysOnly: key frames alone.
	KeysOnly bool
}

// Cursor is how far a reader has come. It is copied freely; each copy goes its own way.
type Cursor struct {
	last uint64 // the last frame that was taken, or passed over
	keys uint64 // how many key frames there were up to it
	// taken is the last frame that was taken.
	taken uint64
	wait  wait
}

// wait says whether a cursor may go on only with a key frame, and why.
type wait uint8

const (
	waitNot    wait = iota
	waitToJoin      // nothing was taken yet: what is passed over is not missed
	waitLagged      // frames were missed, on which those that follow may depend
)

// NewCursor returns a cursor that begins with the next key frame.
func (r *Ring) NewCursor() Cursor { return Cursor{last: r.newest, keys: r.keys, wait: waitToJoin} }

// Taken is the number of the last frame that Next returned, 0 if there was none.
func (c *Cursor) Taken() uint64 { return c.taken }

// Unsent says that the frame that was just taken cannot be sent, where before is the cursor as
// it was before. What depends on that frame cannot be used either: the cursor goes on with a key
// frame.
func (c *Cursor) Unsent(before *Cursor) {
	c.taken = before.taken
	if c.wait = waitLagged; before.wait == waitToJoin {
		c.wait = waitToJoin
	}
}

// Last is the number of the last frame that was taken or passed over.
func (c *Cursor) Last() uint64 { return c.last }

// Next returns the frame that the reader gets next, nil if there is none yet, and how many
// frames the reader misses before it: those that its policy has it get, but which are no longer
// in the ring, or which depend on one that was missed.
func (c *Cursor) Next(r *Ring, p Policy) (f *Frame, missed uint64) {
	for n := following(c.last, p.Step); n <= r.newest; n = following(c.last, p.Step) {
		f := r.Get(n)
		if f == nil {
			skipped, more := c.catchUp(r, p)
			return skipped, missed + more
		}
		if f.Key || !p.KeysOnly && c.wait == waitNot {
			c.take(f)
			return f, missed
		}
		if !p.KeysOnly && c.wait == waitLagged {
			missed++
		}
		c.last, c.keys = f.Number, f.Keys
	}
	return nil, missed
}

// catchUp goes to the newest key frame in the ring that the reader has not had, or, if there
// is none, waits for one.
func (c *Cursor) catchUp(r *Ring, p Policy) (f *Frame, missed uint64) {
	was := *c
	for n := r.newest - r.newest%p.Step; n > c.last; n -= p.Step {
		f := r.Get(n)
		if f == nil {
			break
		}
		if f.Key {
			c.take(f)
			return f, was.between(c, p) - 1
		}
	}
	c.last, c.keys = r.newest, r.keys
	if c.wait == waitNot {
		c.wait = waitLagged
	}
	return nil, was.between(c, p)
}

// between counts the frames from a cursor to a later one, that one's included, which the
// policy has the reader get.
func (c *Cursor) between(later *Cursor, p Policy) uint64 {
	frames, keys := later.last-c.last, later.keys-c.keys
	switch {
	case c.wait == waitToJoin && keys < frames: // those before the first key frame are not missed
		return min(keys, 1)
	case p.KeysOnly:
		return keys
	}
	return later.last/p.Step - c.last/p.Step
}

func (c *Cursor) take(f *Frame) {
	*c = Cursor{last: f.Number, keys: f.Keys, taken: f.Number}
}

// Skip passes over all frames there are. The reader goes on with the next key frame, and has
// missed nothing.
func (c *Cursor) Skip(r *Ring) {
	taken := c.taken
	*c = r.NewCursor()
	c.taken = taken
}

// Follow has the reader go on after the newest frame, which it has had.
func (c *Cursor) Follow(r *Ring) { *c = Cursor{last: r.newest, keys: r.keys, taken: r.newest} }

// Peek returns the number of the frame that Next would return, 0 if there is none yet.
func (c *Cursor) Peek(r *Ring, p Policy) uint64 {
	ahead := *c
	if f, _ := ahead.Next(r, p); f != nil {
		return f.Number
	}
	return 0
}

// following is the first multiple of step after number n.
func following(n, step uint64) uint64 { return n - n%step + step }
