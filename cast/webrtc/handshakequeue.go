package webrtc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// helloInterval is the time between the beginnings of two handshakes. One takes some 1 ms of CPU: all of them
// take half of one CPU at most, however many come.
const helloInterval = 2 * time.Millisecond

// hellos are the viewers whose handshake is to begin: their hosts in rotation, so that one that begins many waits for itself.
type hellos struct {
	timer *loop.Timer
	loop  *loop.Loop
	next  time.Duration // no handshake begins before
	// lines are the viewers of each host, in order, and hosts those that have a line, the next one first.
	lines map[netip.Prefix][]*viewer
	hosts []netip.Prefix
}

func (q *hellos) init(s *Server) {
	q.loop, q.lines = s.loop, map[netip.Prefix][]*viewer{}
	q.timer = s.loop.NewTimer(q.turn)
}

// add has a viewer wait, unless it does.
func (q *hellos) add(v *viewer) {
	host := cast.CountedAs(v.shaking.peer.Addr())
	l, ok := q.lines[host]
	if !ok {
		q.hosts = append(q.hosts, host)
	}
	if !slices.Contains(l, v) {
		q.lines[host] = append(l, v)
	}
	if _, set := q.timer.Due(); !set {
		q.timer.Set(q.next)
	}
}

// remove takes a viewer out. Its host keeps its turn.
func (q *hellos) remove(v *viewer) {
	if v.shaking == nil {
		return
	}
	host := cast.CountedAs(v.shaking.peer.Addr())
	if l, ok := q.lines[host]; ok {
		q.lines[host] = slices.DeleteFunc(l, func(other *viewer) bool { return other == v })
	}
}

// turn begins the next handshake.
func (q *hellos) turn() {
	for begun := false; len(q.hosts) > 0 && !begun; {
		host := q.hosts[0]
		q.hosts = q.hosts[1:]
		l := q.lines[host]
		if len(l) > 0 {
			begun = l[0].begin()
			l = slices.Delete(l, 0, 1)
		}
		if len(l) == 0 {
			delete(q.lines, host)
			continue
		}
		q.lines[host] = l
		q.hosts = append(q.hosts, host)
	}
	q.next = q.loop.Now() + helloInterval
	if len(q.hosts) > 0 {
		q.timer.Set(q.next)
	}
}

// close has nobody wait any more.
func (q *hellos) close() {
	q.timer.Stop()
	clear(q.lines)
	q.hosts = nil
}
