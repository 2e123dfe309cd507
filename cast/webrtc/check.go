package webrtc

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/stun"
)

// This file answers the checks of STUN by which viewers prove their addresses, and say that they still want the stream.

const (
	// maxCheckBytes is the size of the largest check that is read. Those of browsers have some 100 bytes.
	maxCheckBytes = 512
	// maxStrangers is how many checks from new addresses wait, maxPerViewer how many of them by the password of one viewer, and
	// maxPerHost by those of all sessions that one host has opened.
	maxStrangers = 256
	maxPerViewer = 4
	maxPerHost   = 64
)

// strangers are checks from addresses that are not proved, in the order in which they came. Their viewers exist.
type strangers struct {
	// checks is a ring, of which size wait, from index first on.
	checks      [maxStrangers]check
	first, size int
	// byHost counts them by the hosts that have opened their sessions: a check itself may come in any address's name.
	byHost map[netip.Prefix]int
}

// check is one that waits. Its payload is in its own memory.
type check struct {
	viewer  *viewer
	from    udp.Datagram
	payload []byte
}

// init makes the room for their payloads.
func (q *strangers) init() {
	q.byHost = map[netip.Prefix]int{}
	room := make([]byte, maxStrangers*maxCheckBytes)
	for i := range q.checks {
		q.checks[i].payload, room = room[:0:maxCheckBytes], room[maxCheckBytes:]
	}
}

// takeCheck takes a datagram that begins as STUN does. One of a viewer at an address that is proved is answered at once. Others
// wait until there is time for them; they are dropped if too many do, and come again.
func (s *Server) takeCheck(d udp.Datagram) (taken bool) {
	fragment, ok := stun.Fragment(d.Payload)
	if !ok || len(d.Payload) > maxCheckBytes {
		return true
	}
	v := s.byFragment[string(fragment)]
	switch q := &s.strangers; {
	case v == nil:
	case s.byAddress[d.From] == v:
		s.check(v, d)
	case q.add(v, d):
		s.checking.Later()
	}
	return true
}

// add has a check wait, unless too many do.
func (q *strangers) add(v *viewer, d udp.Datagram) bool {
	if q.size == maxStrangers || v.waiting == maxPerViewer || q.byHost[v.host] == maxPerHost {
		return false
	}
	v.waiting++
	q.byHost[v.host]++
	one := &q.checks[(q.first+q.size)%maxStrangers]
	q.size++
	one.payload = append(one.payload[:0], d.Payload...)
	one.viewer, one.from = v, d
	one.from.Payload = nil
	return true
}

// next takes the first one that waits. Its payload may be read until another one is added.
func (q *strangers) next() (v *viewer, d udp.Datagram) {
	one := &q.checks[q.first]
	q.first, q.size = (q.first+1)%maxStrangers, q.size-1
	v, d = one.viewer, one.from
	d.Payload, one.viewer = one.payload, nil
	v.waiting--
	if q.byHost[v.host]--; q.byHost[v.host] == 0 {
		delete(q.byHost, v.host)
	}
	return v, d
}

// checkStrangers is the task: it answers those that wait, as far as the budget goes.
func (s *Server) checkStrangers() {
	q := &s.strangers
	for q.size > 0 {
		if s.budget.Spent(s.loop.Kernel().Monotonic()) {
			s.checking.Later()
			return
		}
		if v, d := q.next(); s.byName[v.name] == v {
			s.check(v, d)
		}
		if s.closed { // by a hook of the program
			return
		}
	}
}

// check answers a check if it proves the viewer's password. Else nothing is sent.
func (s *Server) check(v *viewer, d udp.Datagram) {
	conflict, err := s.responder.Check(d.Payload, v.password)
	switch {
	case errors.Is(err, stun.ErrUnknown):
		s.answer = s.responder.AppendUnknown(s.answer[:0], v.password)
	case err != nil:
		return
	case conflict:
		s.answer = s.responder.AppendConflict(s.answer[:0], v.password)
	default:
		s.answer = s.responder.AppendSuccess(s.answer[:0], d.From, v.password)
		v.prove(d)
		// What comes from elsewhere does not say that the stream is wanted where it is sent (RFC 7675): the viewer may have gone, and
		// its address may be another one's.
		if !v.playing || v.at.peer == d.From {
			v.lastSign = s.loop.Awake()
			v.session.Alive()
		}
	}
	s.broadcaster.Reply(d, s.answer)
}
