package fanout

import (
	"slices"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop/udp"
)

// group is the readers of one level, or the resting ones, behind one socket: a dense list, in
// the order of the fan, and the sweep that serves them.
type group struct {
	fanout  *Fanout
	level   uint8
	fan     *udp.Fan
	rtcp    *udp.Socket
	readers []*Reader
	sweep   *sweep
	// leaving readers are removed when the frame in hand is sent: removing one from the
	// middle of the list moves another one to its index, which could miss a burst by it.
	// moving readers go to another group, then or later.
	leaving, moving []*Reader
}

// The levels of a group's readers are first those of thinning. Level 0 gets every frame. Where no
// frame needs another one, level n gets every 2^n-th. Where frames depend on each other:
const (
	neededLevel = 1 // gets those frames alone that others need
	keysLevel   = 2 // gets key frames alone
)

// Other levels come after these. Their sweeps send nothing but that of joinLevel.
const (
	// restLevel has the readers that rest.
	restLevel = thinLevels + iota
	// joinLevel has those that wait for a key frame to begin with, or to go on with. It gets key
	// frames, as level 0 may be in the middle of a frame when one comes.
	joinLevel
	// catchLevel has those that are caught up, each by a cursor of its own (catch.go).
	catchLevel
)

// group returns the readers of a level behind a pair of sockets, making an empty group for
// the first.
func (f *Fanout) group(rtp, rtcp *udp.Socket, level uint8) *group {
	for _, g := range f.groups {
		if g.fan.Socket() == rtp && g.rtcp == rtcp && g.level == level {
			return g
		}
	}
	g := &group{fanout: f, level: level, fan: rtp.NewFan(), rtcp: rtcp}
	g.sweep = newSweep(g)
	f.groups = append(f.groups, g)
	f.config.Ring.AddHolder()
	return g
}

// policy is which frames the group's readers get.
func (g *group) policy() ring.Policy {
	switch {
	case g.level == 0:
		return ring.Policy{Step: 1}
	case g.fanout.dependent():
		return ring.Policy{Step: 1, KeysOnly: g.level != neededLevel, NeededOnly: g.level == neededLevel}
	}
	return ring.Policy{Step: 1 << g.level}
}

// accepts reports whether a reader of another group may join now: it would get no frame
// twice, and none without the frames that it depends on. The frame in hand is sent without it.
func (g *group) accepts(r *Reader) bool {
	frames, had := g.fanout.config.Ring, r.had()
	ahead := g.start(r)
	next, _ := ahead.Next(frames, g.policy())
	if next != nil && (next.Number <= had || r.group.level == restLevel && next.Number <= r.group.sweep.Cursor.Last()) {
		return false // those up to Last are counted as missed
	}
	follower := frames.Newest() + 1
	if next != nil {
		follower = next.Number
	}
	switch {
	case g.level > neededLevel || !g.fanout.dependent():
		return true
	case r.group.level == catchLevel && had+1 != follower: // it is not to miss any, as it is soon where the others are
		return false
	case next != nil && next.Key && ahead.SkipsLeading(): // as all of the group
		return r.group.level != catchLevel || !next.Open
	}
	return frames.Follows(had, follower)
}

// start is the cursor by which the group would go on with a reader of another group. One without
// readers goes on where the reader is, if it has had all that the frames to come need.
func (g *group) start(r *Reader) ring.Cursor {
	c := g.sweep.Cursor
	if !g.idle() || g.level >= restLevel {
		return c
	}
	frames, had := g.fanout.config.Ring, r.had()
	switch newest := frames.Last(); {
	case frames.Follows(had, frames.Newest()+1):
		c.Follow(frames)
	case newest != nil && newest.Open && had < newest.Number && frames.Follows(had, newest.Number):
		c.FollowWithKey(frames) // else those that lead to it would be passed over
	}
	return c
}

// idle reports whether the group has no readers, and so does not keep up with the frames.
func (g *group) idle() bool { return len(g.readers) == 0 && g.sweep.Hand == nil }

// size is the number of readers.
func (g *group) size() int { return len(g.readers) - len(g.leaving) }

// endFrame removes the readers that left meanwhile, and moves the moving ones.
func (g *group) endFrame() {
	for i, r := range g.leaving {
		r.remove()
		g.leaving[i] = nil
	}
	g.leaving = g.leaving[:0]
	g.moveReaders()
}

// forgetMove has a reader no longer be among those that are to move.
func (g *group) forgetMove(r *Reader) {
	if at := slices.Index(g.moving, r); at >= 0 {
		g.moving = slices.Delete(g.moving, at, at+1)
		r.moving = false
	}
}

// moveReaders moves the moving readers, as far as their new groups accept them.
func (g *group) moveReaders() {
	kept := g.moving[:0]
	for _, r := range g.moving {
		r.moving = false
		if !r.gone && !r.move() {
			r.moving = true
			kept = append(kept, r)
		}
	}
	clear(g.moving[len(kept):])
	g.moving = kept
}
