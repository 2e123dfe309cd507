package cast

import (
	"iter"
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/loop"
)

// registry is all sessions, in the order in which they time out.
type registry struct {
	broadcaster *Broadcaster
	// settingUp are those that have not played yet: they end SetupTimeout after they were
	// opened. live and consenting are the others, by their last sign of life: those that are sent frames
	// only as long as they consent to it (ConsentTimeout) are in consenting.
	settingUp, live, consenting sessionQueue
	timer                       *loop.Timer
	lastID                      uint64
}

func (g *registry) init(b *Broadcaster) {
	g.broadcaster = b
	g.timer = b.loop.NewTimer(g.expire)
	g.settingUp = sessionQueue{registry: g, timeout: SetupTimeout}
	g.live = sessionQueue{registry: g, timeout: b.config.SessionTimeout, slack: b.config.SessionTimeout / lifeSlack}
	consent := min(ConsentTimeout, b.config.SessionTimeout)
	g.consenting = sessionQueue{registry: g, timeout: consent, slack: consent / lifeSlack}
}

// lifeSlack: signs of life are recorded to this part of the timeout, so that a session need not
// be moved for every packet that it sends.
const lifeSlack = 16

// sessionQueue is a list of sessions that all have the same timeout, the next to end first.
type sessionQueue struct {
	registry       *registry
	first, last    *Session
	timeout, slack time.Duration
}

// push adds a session at the end.
func (q *sessionQueue) push(s *Session) {
	s.queue, s.alive = q, q.registry.now()
	s.prev, s.next = q.last, nil
	if q.last != nil {
		q.last.next = s
	} else {
		q.first = s
	}
	q.last = s
	if q.first == s {
		q.registry.expireAt(q.due())
	}
}

// remove takes a session out.
func (q *sessionQueue) remove(s *Session) {
	if s.prev != nil {
		s.prev.next = s.next
	} else {
		q.first = s.next
	}
	if s.next != nil {
		s.next.prev = s.prev
	} else {
		q.last = s.prev
	}
	s.prev, s.next = nil, nil
}

// touch moves a session that has given a sign of life to the end, unless it was just moved.
func (q *sessionQueue) touch(s *Session) {
	if q.registry.now()-s.alive >= q.slack {
		q.remove(s)
		q.push(s)
	}
}

// due is when the first session times out. There is one.
func (q *sessionQueue) due() time.Duration { return q.first.alive + q.timeout + q.slack }

// expire ends the sessions that have timed out by now, with some more patience.
func (q *sessionQueue) expire(now, patience time.Duration) {
	for q.first != nil && q.due()+patience <= now {
		q.first.end("timeout")
	}
}

// expire ends what has timed out, and sets the timer for the next.
func (g *registry) expire() {
	now, patience := g.now(), g.broadcaster.patience()
	g.settingUp.expire(now, 0)
	g.live.expire(now, patience)
	g.consenting.expire(now, min(patience, floodPatience*g.consenting.timeout))
	// Only now: the program was told of each end, and may have opened sessions.
	if q := &g.settingUp; q.first != nil {
		g.expireAt(q.due())
	}
	for _, q := range [...]*sessionQueue{&g.live, &g.consenting} {
		if q.first != nil {
			g.expireAt(min(q.due()+patience, now+q.timeout)) // the patience may be over before the session is due
		}
	}
}

// now is the time by which sessions time out: what readers sent while the loop stood still has not
// been read.
func (g *registry) now() time.Duration { return g.broadcaster.loop.Awake() }

// expireAt has sessions time out at a time of now, or earlier if the timer is set for that.
func (g *registry) expireAt(at time.Duration) {
	l := g.broadcaster.loop
	if due, set := g.timer.Due(); !set || at-g.now() < due-l.Now() {
		g.timer.SetAfter(at - g.now())
	}
}

// Sessions are all sessions: those that play, those that are set up or pause, and the fixed
// destinations, in no order. Sessions may be opened and ended meanwhile: those that end are
// skipped, and those that are opened are not among them.
func (b *Broadcaster) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for _, stream := range slices.Clone(b.streams) {
			for s := range stream.Sessions() {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// Sessions are those of the stream, as Broadcaster.Sessions.
func (s *Stream) Sessions() iter.Seq[*Session] {
	return func(yield func(*Session) bool) {
		for _, session := range slices.Clone(s.sessions) {
			if session.state != ended && !yield(session) {
				return
			}
		}
	}
}

// forget takes a session out of the stream's list.
func (s *Stream) forget(session *Session) {
	last := len(s.sessions) - 1
	s.sessions[session.index] = s.sessions[last]
	s.sessions[session.index].index = session.index
	s.sessions[last] = nil
	s.sessions = s.sessions[:last]
}

// Session finds a session by its id.
func (b *Broadcaster) Session(id uint64) (*Session, bool) {
	for s := range b.Sessions() {
		if s.id == id {
			return s, true
		}
	}
	return nil, false
}

// SessionAt is the session whose RTCP comes from an address, nil if there is none.
func (b *Broadcaster) SessionAt(rtcp netip.AddrPort) *Session {
	if r := b.rtcpIndex.find(rtcp); r != nil {
		if o, ok := r.Observer().(*sessionObserver); ok {
			return (*Session)(o)
		}
	}
	return nil
}
