package join

import (
	"encoding/binary"
	"net/netip"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/udp"
	protocol "github.com/camcast/camcast/proto/join"
)

// queue is requests that wait to be answered, the oldest first. It holds at most queueRequests.
// When it is full, a new request takes the turn of another one: of two that are chosen at random,
// the one whose address has more requests waiting; but it is dropped if its own address has more
// than that. So a flood from few addresses takes its own turns, and in one from very many all have
// the same chance, whatever they come with. A reader whose request is lost asks again.
type queue struct {
	// requests is a ring, of which size wait, from index first on.
	requests    [queueRequests]request
	first, size int
	// counts is how many requests of an address wait, by a hash of the address that nobody
	// can guess.
	counts [1 << countBits]uint16
	key    [2]uint64
	random uint64 // the state of the random numbers, not 0
}

// request is one that waits. Its names are kept in the request's own memory.
type request struct {
	from    udp.Datagram // without its payload
	request protocol.Request
	count   uint16 // its index in counts
}

const (
	// queueRequests is how many requests wait at most: what some milliseconds bring in a flood of
	// 100000 in a second.
	queueRequests = 512
	countBits     = 10
)

// init has a queue ready. Its choices come from the seed, which nobody may know.
func (q *queue) init(seed [32]byte) {
	names := make([]byte, queueRequests*(protocol.MaxNameBytes+protocol.MaxUserBytes))
	for i := range q.requests {
		r := &q.requests[i].request
		r.Stream, names = names[:0:protocol.MaxNameBytes], names[protocol.MaxNameBytes:]
		r.User, names = names[:0:protocol.MaxUserBytes], names[protocol.MaxUserBytes:]
	}
	q.key = [2]uint64{binary.BigEndian.Uint64(seed[:]), binary.BigEndian.Uint64(seed[8:])}
	q.random = binary.BigEndian.Uint64(seed[16:]) | 1
}

// add has a request wait. What it holds of the datagram is copied.
func (q *queue) add(d udp.Datagram, r *protocol.Request) {
	var at *request
	count := q.countOf(d.From.Addr())
	if q.size < queueRequests {
		at = q.waiting(q.size)
		q.size++
	} else {
		if at = q.leastDeserving(); q.counts[count] > q.counts[at.count] {
			return
		}
		q.counts[at.count]--
	}
	stream, user := append(at.request.Stream[:0], r.Stream...), append(at.request.User[:0], r.User...) // in the memory of the one before
	at.from, at.request, at.count = d, *r, count
	at.from.Payload, at.request.Stream, at.request.User = nil, stream, user
	q.counts[count]++
}

// waiting is the request that waits behind i others.
func (q *queue) waiting(i int) *request { return &q.requests[(q.first+i)%queueRequests] }

// leastDeserving is, of two requests chosen at random, the one whose address has more of them.
func (q *queue) leastDeserving() *request {
	one, other := q.any(), q.any()
	if q.counts[other.count] > q.counts[one.count] {
		return other
	}
	return one
}

// any is one of those that wait, chosen at random (xorshift64).
func (q *queue) any() *request {
	q.random ^= q.random << 13
	q.random ^= q.random >> 7
	q.random ^= q.random << 17
	return q.waiting(int(q.random % uint64(q.size)))
}

// countOf is the index of an address's count.
func (q *queue) countOf(a netip.Addr) uint16 {
	const odd = 0x9e3779b97f4a7c15
	bytes := cast.CountedAs(a).Addr().As16()
	h := (binary.BigEndian.Uint64(bytes[:]) ^ q.key[0]) * odd
	h = (h ^ h>>32 ^ binary.BigEndian.Uint64(bytes[8:]) ^ q.key[1]) * odd
	return uint16(h >> (64 - countBits))
}

// next takes the oldest one out. It holds until the next add.
func (q *queue) next() *request {
	r := q.waiting(0)
	q.counts[r.count]--
	q.first, q.size = (q.first+1)%queueRequests, q.size-1
	return r
}
