package udp

import (
	"time"

	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// Room is what datagrams are received into, a batch at a time: about 70 kB. All sockets
// of one loop may share one, as only one at a time receives.
type Room struct {
	messages [receiveBatch]loop.Message
	peers    [receiveBatch]loop.Address
	payloads [receiveBatch]loop.Vector
	cmsgs    [receiveBatch]loop.Cmsg
	bytes    [receiveBatch][MaxDatagramBytes]byte
}

const (
	// receiveBatch is how many datagrams one call takes.
	receiveBatch = 32
	// receiveCalls bounds how many batches are taken in one turn, so that a flood of datagrams
	// does not keep the frames waiting; budgetedCalls is the bound where the budget does that
	// as a rule. The rest comes with the next turn, as readiness is level-triggered.
	receiveCalls  = 4
	budgetedCalls = 64
)

// NewRoom makes room for the sockets of one loop.
func NewRoom() *Room {
	r := &Room{}
	for i := range r.messages {
		r.payloads[i].Set(r.bytes[i][:])
	}
	return r
}

// receive takes what has come, within the budget.
func (s *Socket) receive() {
	in, budget, most := s.room, s.options.Budget, receiveCalls
	if budget != nil {
		most = budgetedCalls
	}
	for calls := range most {
		if calls > 0 && budget != nil && budget.Spent(s.kernel.Monotonic()) {
			s.putOff()
			s.receiving.Later()
			return
		}
		for i := range in.messages {
			in.messages[i].Receive(&in.peers[i], &in.payloads[i], &in.cmsgs[i])
		}
		n, err := s.kernel.Recvmmsg(s.fd, in.messages[:])
		if err != nil { // EAGAIN, or a peer's ICMP error, which is cleared by being returned
			s.late = s.late && err != unix.EAGAIN
			return
		}
		for i := range in.messages[:n] {
			m := &in.messages[i]
			s.counters.Received++
			if m.Truncated() {
				s.counters.Truncated++
				continue
			}
			s.counters.ReceivedBytes += uint64(len(m.Received()))
			s.deliver(Datagram{Payload: m.Received(), From: m.Peer(), To: m.LocalAddress(), Late: s.late})
			if s.deliver == nil {
				return
			}
		}
		if n < len(in.messages) {
			s.late = false
			return
		}
	}
}

// putOff notes that what is there to be received waits for another turn.
func (s *Socket) putOff() {
	s.late, s.everLate, s.lateAt = true, true, s.loop.Awake()
}

// Behind reports when, by Loop.Awake, the socket last left datagrams for another turn, as its budget
// was spent; false if it never did. From then on, until it has caught up, datagrams are Late, and some may be
// missing.
func (s *Socket) Behind() (time.Duration, bool) { return s.lateAt, s.everLate }
