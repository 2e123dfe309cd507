package fanout

import (
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

// restLevel is the level of resting readers, after those of thinning. Its sweep sends
// nothing.
const restLevel = thinLevels

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
		return ring.Policy{Step: 1, KeysOnly: true}
	}
	return ring.Policy{Step: 1 << g.level}
}

// accepts reports whether a reader of another group may join now: it would get no frame
// twice, and none without the frames that it depends on. The frame in hand is sent without it.
func (g *group) accepts(r *Reader) bool {
	frames, had := g.fanout.config.Ring, r.had()
	ahead := g.sweep.cursor
	next, _ := ahead.Next(frames, g.policy())
	if next != nil && (next.Number <= had || r.group.level == restLevel && next.Number <= r.group.sweep.cursor.Last()) {
		return false // those up to Last are counted as missed
	}
	switch {
	case g.level > 0 || !g.fanout.dependent():
		return true
	case next != nil:
		return next.Key || had+1 == next.Number
	}
	return had > 0 && had == frames.Newest()
}

// idle reports whether the group has no readers, and so does not keep up with the frames.
func (g *group) idle() bool { return len(g.readers) == 0 && g.sweep.hand == nil }

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

// moveReaders moves the moving readers, as far as their new groups accept them.
func (g *group) moveReaders() {
	kept := g.moving[:0]
	for _, r := range g.moving {
		if !r.gone && !r.move() {
			kept = append(kept, r)
			continue
		}
		r.moving = false
	}
	clear(g.moving[len(kept):])
	g.moving = kept
}
