package webrtc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
)

// handshakeInterval is the time between the beginnings of two handshakes. One takes some 1 ms of CPU: all of them
// take half of one CPU at most, however many come.
const handshakeInterval = 2 * time.Millisecond

// handshakeQueue has the viewers whose handshakes have not begun. Their hosts take turns, so that a host that begins many waits
// for itself alone.
type handshakeQueue struct {
	timer *loop.Timer
	loop  *loop.Loop
	next  time.Duration // no handshake begins before this time, by Loop.Now
	// waiting are the viewers of each host, the first one to begin first. hosts are its keys, the next host first.
	waiting map[netip.Prefix][]*viewer
	hosts   []netip.Prefix
}

func (q *handshakeQueue) init(l *loop.Loop) {
	q.loop, q.waiting = l, map[netip.Prefix][]*viewer{}
	q.timer = l.NewTimer(q.turn)
}

// add queues a viewer, unless it is there.
func (q *handshakeQueue) add(v *viewer) {
	host := cast.CountedAs(v.handshake.peer.Addr())
	all, ok := q.waiting[host]
	if !ok {
		q.hosts = append(q.hosts, host)
	}
	if !slices.Contains(all, v) {
		q.waiting[host] = append(all, v)
	}
	if _, set := q.timer.Due(); !set {
		q.timer.Set(q.next)
	}
}

// remove removes a viewer. Its host keeps its turn.
func (q *handshakeQueue) remove(v *viewer) {
	if v.handshake == nil {
		return
	}
	host := cast.CountedAs(v.handshake.peer.Addr())
	if all, ok := q.waiting[host]; ok {
		q.waiting[host] = slices.DeleteFunc(all, func(other *viewer) bool { return other == v })
	}
}

// turn begins the next handshake.
func (q *handshakeQueue) turn() {
	for begun := false; len(q.hosts) > 0 && !begun; {
		host := q.hosts[0]
		q.hosts = q.hosts[1:]
		all := q.waiting[host]
		if len(all) > 0 {
			begun = all[0].beginHandshake()
			all = slices.Delete(all, 0, 1)
		}
		if len(all) == 0 {
			delete(q.waiting, host)
			continue
		}
		q.waiting[host] = all
		q.hosts = append(q.hosts, host)
	}
	q.next = q.loop.Now() + handshakeInterval
	if len(q.hosts) > 0 {
		q.timer.Set(q.next)
	}
}

// close empties the queue.
func (q *handshakeQueue) close() {
	q.timer.Stop()
	clear(q.waiting)
	q.hosts = nil
}
