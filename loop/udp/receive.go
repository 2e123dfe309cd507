package udp

import (
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
	// receiveCalls bounds how many batches are taken in one turn, so that a flood
	// of datagrams does not keep the frames waiting. The rest comes with the
	// next turn, as readiness is level-triggered.
	receiveCalls = 4
)

// NewRoom makes room for the sockets of one loop.
func NewRoom() *Room {
	r := &Room{}
	for i := range r.messages {
		r.payloads[i].Set(r.bytes[i][:])
	}
	return r
}

func (s *Socket) receive() {
	in := s.room
	for range receiveCalls {
		for i := range in.messages {
			in.messages[i].Receive(&in.peers[i], &in.payloads[i], &in.cmsgs[i])
		}
		n, err := s.kernel.Recvmmsg(s.fd, in.messages[:])
		if err != nil { // EAGAIN, or a peer's ICMP error, which is cleared by being returned
			s.limit.late = s.limit.late && err != unix.EAGAIN
			return
		}
		late := s.limit.late
		s.limit.took(n)
		for i := range in.messages[:n] {
			m := &in.messages[i]
			s.counters.Received++
			if m.Truncated() {
				s.counters.Truncated++
				continue
			}
			s.counters.ReceivedBytes += uint64(len(m.Received()))
			s.deliver(Datagram{Payload: m.Received(), From: m.Peer(), To: m.LocalAddress(), Late: late})
			if s.deliver == nil {
				return
			}
		}
		if s.limit.resting {
			return
		}
		if n < len(in.messages) {
			s.limit.late = false
			return
		}
	}
}
