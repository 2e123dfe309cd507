package ring

// Policy is which frames a reader gets.
type Policy struct {
	// Step: every Step-th frame, those whose number is a multiple of it. It is 1 or more, and
	// 1 for frames that depend on each other.
	Step uint64
	// KeysOnly: key frames alone.
	KeysOnly bool
	// NeededOnly: without those frames that no other needs.
	NeededOnly bool
	// Patient: the next frame, however far behind the reader is, as long as it is in the ring.
	Patient bool
}

// gets reports whether a reader gets a frame.
func (p Policy) gets(f *Frame) bool {
	return f.Key || !p.KeysOnly && !(p.NeededOnly && f.Disposable)
}

// Cursor is how far a reader has come. It is copied freely; each copy goes its own way.
type Cursor struct {
	last uint64 // the last frame that was taken, or passed over
	// keys and needed are how many key frames there were up to it, and frames that others need.
	keys, needed uint64
	// taken is the last frame that was taken.
	taken uint64
	wait  wait
	// skipsLeading: the last key frame was gone on with, so that those that lead to it cannot be
	// decoded.
	skipsLeading bool
}

// wait says whether a cursor may go on only with a key frame, and why.
type wait uint8

const (
	waitNot    wait = iota
	waitToJoin      // nothing was taken yet: what is passed over is not missed
	waitLagged      // frames were missed, on which those that follow may depend
)

// NewCursor returns a cursor that begins with the next key frame.
func (r *Ring) NewCursor() Cursor {
	return Cursor{last: r.newest, keys: r.keys, needed: r.needed, wait: waitToJoin}
}

// NewCursorAtKey returns a cursor that begins with the newest key frame. ok is false if that is
// not in the ring.
func (r *Ring) NewCursorAtKey() (c Cursor, ok bool) {
	f := r.NewestKey()
	if f == nil {
		return c, false
	}
	return Cursor{last: f.Number - 1, keys: f.Keys - 1, needed: f.needed - 1, wait: waitToJoin}, true
}

// Taken is the number of the last frame that Next returned, 0 if there was none.
func (c *Cursor) Taken() uint64 { return c.taken }

// Unsent says that frame f, which was just taken, cannot be sent, where before is the cursor as
// it was before. What depends on that frame cannot be used either: the cursor goes on with a key
// frame.
func (c *Cursor) Unsent(f *Frame, before *Cursor) {
	c.taken = before.taken
	switch {
	case f.Disposable || before.wait == waitToJoin:
		c.wait = before.wait
	case f.Leading:
		c.skipsLeading = true
	default:
		c.wait = waitLagged
	}
}

// Last is the number of the last frame that was taken or passed over.
func (c *Cursor) Last() uint64 { return c.last }

// Next returns the frame that the reader gets next, nil if there is none yet, and how many
// frames the reader misses before it: those that its policy has it get, but which are no longer
// in the ring, or which depend on one that was missed, or which it skips as it is too far behind.
func (c *Cursor) Next(r *Ring, p Policy) (f *Frame, missed uint64) {
	for n := following(c.last, p.Step); n <= r.newest; n = following(c.last, p.Step) {
		f := r.Get(n)
		if f == nil || n < r.live && r.newestKey > n && !p.Patient {
			skipped, more := c.catchUp(r, p)
			return skipped, missed + more
		}
		if p.gets(f) && !(c.skipsLeading && f.Leading) {
			if f.Key || c.wait == waitNot {
				c.take(f, c.wait != waitNot)
				return f, missed
			}
			if c.wait == waitLagged {
				missed++
			}
		}
		c.last, c.keys, c.needed = f.Number, f.Keys, f.needed
	}
	return nil, missed
}

// catchUp goes to the newest key frame in the ring, which the reader has not had, or, if there
// is none, waits for one.
func (c *Cursor) catchUp(r *Ring, p Policy) (f *Frame, missed uint64) {
	was := *c
	// With steps, every frame is a key frame.
	if n := r.newestKey - r.newestKey%p.Step; n > c.last && r.Get(n) != nil {
		f := r.Get(n)
		c.take(f, true)
		return f, was.between(c, p) - 1
	}
	c.last, c.keys, c.needed = r.newest, r.keys, r.needed
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
	case p.NeededOnly:
		return later.needed - c.needed
	}
	return later.last/p.Step - c.last/p.Step
}

// WantsKey reports whether the reader waits for a key frame, or is so far behind that it would
// skip to one if there were a newer one.
func (c *Cursor) WantsKey(r *Ring) bool {
	return c.wait != waitNot || c.last+1 < r.live && r.newestKey <= c.last+1
}

// take takes a frame. begins: if it is a key frame, the reader lacks what was before it.
func (c *Cursor) take(f *Frame, begins bool) {
	skips := c.skipsLeading
	if f.Key {
		skips = begins
	}
	*c = Cursor{last: f.Number, keys: f.Keys, needed: f.needed, taken: f.Number, skipsLeading: skips}
}

// SkipsLeading reports whether frames that lead to the last key frame are passed over.
func (c *Cursor) SkipsLeading() bool { return c.skipsLeading }

// Skip passes over all frames there are. The reader goes on with the next key frame, and has
// missed nothing.
func (c *Cursor) Skip(r *Ring) {
	taken := c.taken
	*c = r.NewCursor()
	c.taken = taken
}

// Follow has the reader go on after the newest frame: it has had that, or all that those to come
// need.
func (c *Cursor) Follow(r *Ring) {
	*c = Cursor{last: r.newest, keys: r.keys, needed: r.needed, taken: r.newest}
}

// FollowWithKey has the reader go on with the newest key frame, which must be in the ring: it has had
// all that the frames need which lead to that one.
func (c *Cursor) FollowWithKey(r *Ring) {
	f := r.NewestKey()
	before := f.Number - 1
	*c = Cursor{last: before, keys: f.Keys - 1, needed: f.needed - 1, taken: before}
}

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
