package udp

import (
	"net/netip"

	"github.com/camcast/camcast/loop"
)

// OwnRun is a run for one peer of a fan alone. All runs of a send are cut every so many bytes.
type OwnRun struct {
	// Peer is the peer's index.
	Peer int
	// Bytes must not be more than 64 packets or 65507 bytes. They stay unchanged until they are sent.
	Bytes []byte
}

// NewOwnFan makes an empty list of peers who are each sent bytes of their own (SendOwn) from s: the
// kernel copies nothing from one to another, whatever Options.Clones says.
func (s *Socket) NewOwnFan() *Fan { return &Fan{socket: s} }

// Move has the peer with that index, of a fan that NewOwnFan made, be sent to at another address, and from
// another one (see Add).
func (f *Fan) Move(index int, peer netip.AddrPort, source netip.Addr) {
	f.setPlain(index, false)
	f.addresses[index].Set(peer)
	f.messages[index].Point(&f.addresses[index], &f.payload, f.cmsgFor(source))
}

// setPlain says whether the peer is behind a link that does not segment.
func (f *Fan) setPlain(peer int, plain bool) {
	if f.plain[peer] == plain {
		return
	}
	f.plain[peer] = plain
	if plain {
		f.plainCount++
	} else {
		f.plainCount--
	}
}

// SendOwn hands the runs, which are cut every segmentBytes, to the kernel in order, from position on, where
// Position.Peer is the index of a run and not of a peer. When it cannot finish it says why and where to go
// on. failed, which may be nil, is called with the index of each run that could not be sent to its peer: that run
// is skipped, the others are not concerned. It allocates nothing.
func (f *Fan) SendOwn(runs []OwnRun, segmentBytes int, position Position, failed func(run int, err error)) (Position, Outcome) {
	f.setSegment(segmentBytes)
	demoted := demotion{run: -1}
	for position.Peer < len(runs) {
		n, err := f.socket.send(f.fillOwn(runs, segmentBytes, position))
		for range n {
			position = f.sentOwn(runs, segmentBytes, position)
		}
		if n > 0 && demoted.run >= 0 {
			f.socket.reportError(demoted.reason, unsegmentedReport)
			demoted.run = -1
		}
		if err == nil {
			continue
		}
		own := runs[position.Peer]
		switch sort(err, f.segmentsOwn(own, position)) {
		case full:
			return position, f.socket.blocked(err)
		case broken:
			return position, Broken
		case unsegmented:
			f.setPlain(own.Peer, true)
			demoted = demotion{position.Peer, err}
		case peerFailed:
			if demoted.run == position.Peer { // then the link was not the reason
				f.setPlain(own.Peer, false)
				demoted.run = -1
			}
			if failed != nil {
				failed(position.Peer, err)
			}
			position = Position{Peer: position.Peer + 1}
		}
	}
	return position, Done
}

// demotion is a run of which the kernel did not take all as one message, and why.
type demotion struct {
	run    int // -1: none
	reason error
}

// segmentsOwn reports whether the next message is a run that says how the kernel is to cut it. Links that do not segment
// may refuse that also of a run of one packet.
func (f *Fan) segmentsOwn(own OwnRun, position Position) bool {
	return position.Packet == 0 && f.socket.segment && !f.plain[own.Peer]
}

// fillOwn builds messages of the runs from a position on, each a whole run or a packet of one.
func (f *Fan) fillOwn(runs []OwnRun, segmentBytes int, position Position) []loop.Message {
	out, count := &f.socket.outgoing, 0
	for ; count < sendBatch && position.Peer < len(runs); count++ {
		own := runs[position.Peer]
		m, payload := &out.messages[count], own.Bytes
		*m = f.messages[own.Peer]
		if !f.segmentsOwn(own, position) {
			payload = Run{payload, segmentBytes}.packet(position.Packet)
			out.cmsgs[count].Set(0, m.LocalAddress())
			m.PointCmsg(&out.cmsgs[count])
		}
		out.payloads[count].Set(payload)
		m.PointPayload(&out.payloads[count])
		position = f.afterOwn(own, segmentBytes, position)
	}
	return out.messages[:count]
}

// sentOwn is the position after the next message, which was sent, and counts its bytes.
func (f *Fan) sentOwn(runs []OwnRun, segmentBytes int, position Position) Position {
	own := runs[position.Peer]
	payload := own.Bytes
	if !f.segmentsOwn(own, position) {
		payload = Run{payload, segmentBytes}.packet(position.Packet)
	}
	f.socket.counters.Bytes += uint64(len(payload))
	return f.afterOwn(own, segmentBytes, position)
}

// afterOwn is the position after the next message, which is of this run.
func (f *Fan) afterOwn(own OwnRun, segmentBytes int, position Position) Position {
	whole := f.segmentsOwn(own, position)
	if position.Packet++; whole || position.Packet >= (Run{own.Bytes, segmentBytes}).packets() {
		return Position{Peer: position.Peer + 1}
	}
	return position
}
