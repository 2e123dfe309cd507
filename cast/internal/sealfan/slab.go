package sealfan

import (
	"slices"

	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// slabReaders is for how many readers a burst is sealed at a time: so that what is sealed is still in the
// processor's cache when it is sent, and few enough calls are made.
const slabReaders = 16

// headerBytes is what of a packet is no payload, for the count of octets.
const headerBytes = rtp.HeaderBytes

// slab is sealed runs of some readers, and how far they are sent.
type slab struct {
	bytes    []byte
	runs     []udp.OwnRun
	position udp.Position // of the runs
}

// clear forgets what is in it.
func (s *slab) clear() { s.bytes, s.runs, s.position = s.bytes[:0], s.runs[:0], udp.Position{} }

// isSent reports whether all of it is sent.
func (s *slab) isSent() bool { return s.position.Peer == len(s.runs) }

// send sends what is not sent yet, and says why it stopped.
func (s *slab) send(fan *udp.Fan, packetBytes int, failed func(run int, err error)) (outcome udp.Outcome) {
	s.position, outcome = fan.SendOwn(s.runs, packetBytes, s.position, failed)
	return outcome
}

// seal seals a run of plain packets for a reader, whose origin is that of the first one: as two runs where the
// reader's sequence numbers wrap. If the keys are used up the error says so.
func (s *slab) seal(r *Reader, run []byte, packetBytes int, origin srtp.Origin) (err error) {
	for len(run) > 0 {
		packets := min(sending.PacketsIn(run, packetBytes), r.keys.BeforeWrap())
		part := run[:min(packets*packetBytes, len(run))]
		from := len(s.bytes)
		if s.bytes, err = r.keys.SealRun(s.bytes, part, packetBytes, origin); err != nil {
			return err
		}
		s.runs = append(s.runs, udp.OwnRun{Peer: int(r.index), Bytes: s.bytes[from:len(s.bytes):len(s.bytes)]})
		origin.Packet += uint32(packets)
		run = run[len(part):]
	}
	return nil
}

// fill seals the burst for the next few readers.
func (w *sweep) fill(run []byte) {
	g := w.group
	size := w.Wire.PacketSize
	origin := srtp.Origin{Frame: w.Hand.Number, Packet: w.packet, Layout: g.layout.id}
	w.slab.clear()
	w.slab.bytes = slices.Grow(w.slab.bytes, slabReaders*(len(run)+sending.PacketsIn(run, size)*g.tagBytes))
	for sealed := 0; w.next < w.end && sealed < slabReaders; w.next++ {
		r := g.readers[w.next%w.round]
		if !r.inHand {
			continue
		}
		sealed++
		if err := w.slab.seal(r, run, size, origin); err != nil {
			r.inHand, r.waits = false, true
			g.owner.sweeps.Lose(r, r.observer, err)
		}
	}
}
