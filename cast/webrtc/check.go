package webrtc

import (
	"errors"
	"net/netip"

	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/stun"
)

// This file answers STUN connectivity checks (RFC 8445), by which viewers prove their addresses, and say that they still want the
// stream (RFC 7675).

const (
	// maxCheckBytes is the size of the largest check that is read. Those of browsers have some 100 bytes.
	maxCheckBytes = 512
	// maxQueuedChecks is how many checks from new addresses wait; maxChecksPerViewer bounds those for the session of one
	// viewer, and maxChecksPerHost those for all sessions that one host has opened.
	maxQueuedChecks    = 256
	maxChecksPerViewer = 4
	maxChecksPerHost   = 64
)

// checkQueue has the checks from addresses that are not proved, in the order in which they came.
type checkQueue struct {
	// ring has the checks: size of them, from index first on.
	ring        [maxQueuedChecks]queuedCheck
	first, size int
	// byHost counts them by the hosts that have opened their sessions: a check itself may come in any address's name.
	byHost map[netip.Prefix]int
}

// queuedCheck is a check for a viewer's session. Its payload has memory of its own.
type queuedCheck struct {
	viewer  *viewer
	from    udp.Datagram
	payload []byte
}

// init makes the memory of the payloads.
func (q *checkQueue) init() {
	q.byHost = map[netip.Prefix]int{}
	room := make([]byte, maxQueuedChecks*maxCheckBytes)
	for i := range q.ring {
		q.ring[i].payload, room = room[:0:maxCheckBytes], room[maxCheckBytes:]
	}
}

// takeCheck takes a datagram that begins as STUN does. A check from an address that its viewer has proved is answered at once.
// Others wait until there is time for them. They are dropped if too many wait; viewers send them again.
func (s *Server) takeCheck(d udp.Datagram) (taken bool) {
	ufrag, ok := stun.Fragment(d.Payload)
	if !ok || len(d.Payload) > maxCheckBytes {
		return true
	}
	v := s.byUfrag[string(ufrag)]
	switch {
	case v == nil:
	case s.byAddress[d.From] == v:
		s.answerCheck(v, d)
	case s.checks.add(v, d):
		s.checking.Later()
	}
	return true
}

// add queues a check, unless too many wait.
func (q *checkQueue) add(v *viewer, d udp.Datagram) bool {
	if q.size == maxQueuedChecks || v.queuedChecks == maxChecksPerViewer || q.byHost[v.host] == maxChecksPerHost {
		return false
	}
	v.queuedChecks++
	q.byHost[v.host]++
	one := &q.ring[(q.first+q.size)%maxQueuedChecks]
	q.size++
	one.payload = append(one.payload[:0], d.Payload...)
	one.viewer, one.from = v, d
	one.from.Payload = nil
	return true
}

// next removes the oldest check. Its payload may be read until another check is added.
func (q *checkQueue) next() (v *viewer, d udp.Datagram) {
	one := &q.ring[q.first]
	q.first, q.size = (q.first+1)%maxQueuedChecks, q.size-1
	v, d = one.viewer, one.from
	d.Payload, one.viewer = one.payload, nil
	v.queuedChecks--
	if q.byHost[v.host]--; q.byHost[v.host] == 0 {
		delete(q.byHost, v.host)
	}
	return v, d
}

// answerChecks is the task: it answers the queued checks, as far as the budget goes.
func (s *Server) answerChecks() {
	for s.checks.size > 0 {
		if s.budget.Spent(s.loop.Kernel().Monotonic()) {
			s.checking.Later()
			return
		}
		if v, d := s.checks.next(); s.byID[v.id] == v { // its session has not ended
			s.answerCheck(v, d)
		}
		if s.closed { // by a hook of the program
			return
		}
	}
}

// answerCheck answers a check that proves the viewer's password. Nothing is sent for another one.
func (s *Server) answerCheck(v *viewer, d udp.Datagram) {
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
		// A check from another address than the one that is sent frames is no consent to those (RFC 7675): the viewer may have
		// left that address, and another host may have it.
		if !v.playing || v.at.peer == d.From {
			v.lastSign = s.loop.Awake()
			v.session.Alive()
		}
	}
	s.broadcaster.Reply(d, s.answer)
}
