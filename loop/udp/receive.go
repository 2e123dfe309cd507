package udp

import "github.com/camcast/camcast/loop"

// incoming is the room that datagrams are received into, a batch at a time.
type incoming struct {
	deliver  func(Datagram)
	messages [receiveBatch]loop.Message
	peers    [receiveBatch]loop.Address
	payloads [receiveBatch]loop.Vector
	controls [receiveBatch]loop.Control
	bytes    [receiveBatch][MaxDatagramBytes]byte
}

const (
	// receiveBatch is how many datagrams one call takes.
	receiveBatch = 32
	// receiveCalls bounds how many batches are taken in one turn, so that a flood
	// of control traffic does not keep the frames waiting. The rest comes with the
	// next turn, as readiness is level-triggered.
	receiveCalls = 4
)

func newIncoming(deliver func(Datagram)) *incoming {
	in := &incoming{deliver: deliver}
	for i := range in.messages {
		in.payloads[i].Set(in.bytes[i][:])
	}
	return in
}

func (s *Socket) receive() {
	in := s.incoming
	for range receiveCalls {
		for i := range in.messages {
			in.messages[i].Receive(&in.peers[i], &in.payloads[i], &in.controls[i])
		}
		n, err := s.kernel.Recvmmsg(s.fd, in.messages[:])
		if err != nil { // EAGAIN, or a peer's ICMP error, which is cleared by being returned
			return
		}
		for i := range in.messages[:n] {
			m := &in.messages[i]
			s.counters.Received++
			if m.Truncated() {
				s.counters.Truncated++
				continue
			}
			in.deliver(Datagram{Payload: m.Received(), From: m.Peer(), To: m.LocalAddress()})
			if s.incoming == nil {
				return
			}
		}
		if n < len(in.messages) {
			return
		}
	}
}
