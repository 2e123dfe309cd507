package udp

import (
	"github.com/camcast/camcast/loop"
	"golang.org/x/sys/unix"
)

// sendBatch is how many messages one sendmmsg takes: more gain next to nothing.
const sendBatch = 64

// Run is a stretch of packets of a frame: all SegmentBytes long but the last, which
// may be shorter. It must not be more than 64 packets or 65507 bytes.
type Run struct {
	Bytes        []byte
	SegmentBytes int
}

// packets is how many there are.
func (r Run) packets() int { return (len(r.Bytes) + r.SegmentBytes - 1) / r.SegmentBytes }

// packet returns packet i.
func (r Run) packet(i int) []byte {
	return r.Bytes[i*r.SegmentBytes : min((i+1)*r.SegmentBytes, len(r.Bytes))]
}

// Position is how far a send has come: the next peer, and that peer's next packet when
// packets are sent one by one. A send to peers from a on begins at Position{Peer: a}.
type Position struct {
	Peer, Packet int
}

// Peers are those that a run is sent to: from a Position up to, not including, End. They
// are counted round a ring of the fan's first Ring peers, so that another one comes first in
// each frame: Position.Peer i is the peer with index i % Ring.
type Peers struct {
	End, Ring int
}

// All is all peers of a fan, the one with index 0 first.
func (f *Fan) All() Peers { return Peers{End: f.Len(), Ring: f.Len()} }

// Outcome says why Send returned.
type Outcome uint8

const (
	// Done: the whole stretch was handed to the kernel.
	Done Outcome = iota
	// Full: the socket's buffer is full; go on at the returned Position when it is
	// writable.
	Full
	// Congested: a queue behind the socket is full (ENOBUFS), of which no
	// readiness will tell; go on at the returned Position after a moment.
	Congested
	// Broken: the socket is of no more use.
	Broken
)

// outgoing is the room in which messages are built that are not a fan's own.
type outgoing struct {
	messages  [sendBatch]loop.Message
	payloads  [sendBatch]loop.Vector
	addresses [sendBatch]loop.Address
	cmsgs     [sendBatch]loop.Cmsg
}

// Send hands run to the kernel for peers, from position on, in order. When it cannot
// finish it says why and where to go on. failed, which may be nil, is called with the
// index of each peer that the run could not be sent to: that peer is skipped
// for this run, the others are not concerned. It allocates nothing.
func (f *Fan) Send(run Run, position Position, peers Peers, failed func(peer int, err error)) (Position, Outcome) {
	if len(run.Bytes) == 0 {
		return Position{Peer: peers.End}, Done
	}
	f.payload.Set(run.Bytes)
	f.setSegment(run.SegmentBytes)
	for position.Peer < peers.End {
		var outcome Outcome
		if end := f.segmentedEnd(run, position, peers); end > position.Peer {
			position, outcome = f.sendWhole(run, position, Peers{end, peers.Ring}, failed)
		} else {
			position, outcome = f.sendPackets(run, position, peers, failed)
		}
		if outcome != Done {
			return position, outcome
		}
	}
	return position, Done
}

// segmentedEnd returns the end of the stretch at position whose peers take the run in one
// message.
func (f *Fan) segmentedEnd(run Run, position Position, peers Peers) int {
	single := len(run.Bytes) <= run.SegmentBytes
	switch {
	case position.Packet > 0: // begun packet by packet, to be ended so
		return position.Peer
	case single && !f.socket.segment || f.socket.segment && f.plainCount == 0:
		return peers.End
	case !f.socket.segment:
		return position.Peer
	}
	i := position.Peer
	for i < peers.End && !f.plain[i%peers.Ring] {
		i++
	}
	return i
}

// batch returns the messages of the next peers, at most as many as one call takes.
// Where the ring closes, the last and the first ones are brought together.
func (f *Fan) batch(position Position, peers Peers) []loop.Message {
	from, count := position.Peer%peers.Ring, min(peers.End-position.Peer, sendBatch)
	if from+count <= peers.Ring {
		return f.messages[from : from+count]
	}
	joined := f.socket.outgoing.messages[:count]
	n := copy(joined, f.messages[from:peers.Ring])
	copy(joined[n:], f.messages)
	return joined
}

// sendWhole sends the run as one message per peer.
func (f *Fan) sendWhole(run Run, position Position, peers Peers, failed func(int, error)) (Position, Outcome) {
	for position.Peer < peers.End {
		n, err := f.handOver(run, position, peers)
		f.socket.counters.Bytes += uint64(n * len(run.Bytes))
		position.Peer += n
		if err == nil {
			continue
		}
		switch sort(err, f.socket.segment) {
		case full:
			return position, f.socket.blocked(err)
		case again:
		case unsegmented:
			return f.demote(run, position, peers, err, failed), Done // Send goes on, packet by packet
		case peerFailed:
			if failed != nil {
				failed(position.Peer%peers.Ring, err)
			}
			position.Peer++
		case broken:
			return position, Broken
		}
	}
	return position, Done
}

// unsegmentedReport is what is reported of the first demotion.
const unsegmentedReport = "a link does not take segmented messages: sending packet by packet there"

// demote has the peer at position sent to packet by packet from now on, unless it does not get
// the first packet so either: then the link was not the reason (EINVAL is also said of a
// source address that is gone).
func (f *Fan) demote(run Run, position Position, peers Peers, reason error, failed func(int, error)) Position {
	peer := position.Peer % peers.Ring
	f.plain[peer] = true
	f.plainCount++
	f.fill(run, position, peers)
	n, err := f.socket.send(f.socket.outgoing.messages[:1])
	if err != nil && sort(err, false) == peerFailed {
		f.plain[peer] = false
		f.plainCount--
		if failed != nil {
			failed(peer, err)
		}
		return Position{Peer: position.Peer + 1}
	}
	f.socket.reportError(reason, unsegmentedReport)
	return f.sent(run, position, n)
}

// sent is the position after n packets that were sent one by one.
func (f *Fan) sent(run Run, position Position, n int) Position {
	for range n {
		f.socket.counters.Bytes += uint64(len(run.packet(position.Packet)))
		if position.Packet++; position.Packet == run.packets() {
			position = Position{Peer: position.Peer + 1}
		}
	}
	return position
}

// sendPackets sends the run packet by packet to the peer at position, and to those
// after it that need it so, many packets per call.
func (f *Fan) sendPackets(run Run, position Position, peers Peers, failed func(int, error)) (Position, Outcome) {
	for position.Peer < peers.End && (position.Packet > 0 || !f.socket.segment || f.plain[position.Peer%peers.Ring]) {
		count := f.fill(run, position, peers)
		n, err := f.socket.send(f.socket.outgoing.messages[:count])
		position = f.sent(run, position, n)
		if err == nil {
			continue
		}
		switch sort(err, false) {
		case full:
			return position, f.socket.blocked(err)
		case broken:
			return position, Broken
		case peerFailed:
			if failed != nil {
				failed(position.Peer%peers.Ring, err)
			}
			position = Position{Peer: position.Peer + 1}
		}
	}
	return position, Done
}

// fill builds messages of single packets from position on and returns how many.
func (f *Fan) fill(run Run, position Position, peers Peers) (count int) {
	out, packets := &f.socket.outgoing, run.packets()
	for count < sendBatch && position.Peer < peers.End {
		at := position.Peer % peers.Ring
		if f.socket.segment && !f.plain[at] && position.Packet == 0 {
			break // this one takes the run whole
		}
		out.payloads[count].Set(run.packet(position.Packet))
		// UDP_SEGMENT of the whole packet's size means none; the source still counts.
		out.cmsgs[count].Set(0, f.messages[at].LocalAddress())
		out.messages[count].Point(&f.addresses[at], &out.payloads[count], &out.cmsgs[count])
		count++
		if position.Packet++; position.Packet == packets {
			position = Position{Peer: position.Peer + 1}
		}
	}
	return count
}

// rejectionTries is how often a send is tried again that may have failed by an ICMP message. The
// failure has used that message up, so that each further one needs a message that came meanwhile.
const rejectionTries = 3

// send sends at most a batch of messages. Where rejections are received, an error that may be that
// of an ICMP message is the first message's own only if it stays.
func (s *Socket) send(messages []loop.Message) (n int, err error) {
	n, err = s.call(messages)
	for tries := 0; tries < rejectionTries && s.options.Rejected != nil && rejected(err); tries++ {
		n, err = s.call(messages)
	}
	return n, err
}

// call makes one system call.
func (s *Socket) call(messages []loop.Message) (n int, err error) {
	if !s.options.NoBatches {
		n, err = s.kernel.Sendmmsg(s.fd, messages[:min(len(messages), sendBatch)])
		if err == unix.ENOSYS {
			s.options.NoBatches = true
			s.reportError(err, "the kernel does not take many messages at once: making a call for each")
		}
	}
	if s.options.NoBatches {
		if n, err = 1, s.kernel.Sendmsg(s.fd, &messages[0]); err != nil {
			n = 0
		}
	}
	s.counters.Calls++
	s.counters.Messages += uint64(n)
	return n, err
}
