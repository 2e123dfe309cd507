package cast

import (
	"errors"
	"slices"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// sealing lays a stream's frames out as SRTP: the packets of the plain form, with an SSRC and numbers of
// their own, sealed under one key for all readers. The numbers go on only while somebody has sealed
// packets; what is laid out twice has other numbers the second time.
//
// A packet's index is its sequence number and a rollover counter that is not sent. A reader is told the
// counter when it asks for the stream, and counts on from the packets that it receives; it is lost when
// the next one is 2^15 packets or more after that. So every reader is first sent a packet of before its
// own first one, and, if the counter has gone on since it was told, some of those between. Of JPEG these are
// any. Where frames depend on each other, a packet may be a frame that needs others, which the reader has not
// had: so now and then a frame ends with one more packet for all readers, of nothing but filler, and readers are
// led by these.
type sealing struct {
	sealer *srtp.Sealer
	plain  *ring.Form
	next   uint64 // the index of the next packet
	octets uint64
	// kept are packets of long ago that a reader may be led by, the oldest first, each at most some hundred
	// more than keptApart after the one before, and last is the last one of these.
	kept []keptPacket
	last keptPacket
	// open is the last packet of a frame, without the mark that it is, and filler the one that is then.
	open, filler []byte
}

// keptPacket is a sealed packet.
type keptPacket struct {
	index uint64
	bytes []byte
}

const (
	// maxSRTPGap is after how many packets a reader no longer knows the rollover counter: 2^15, and some
	// to spare for packets that come in another order.
	maxSRTPGap = 1<<15 - 1<<12
	// keptApart is how far apart packets are kept, and keptPackets how many.
	keptApart   = 1 << 14
	keptPackets = 32
	// filledApart is after how many packets there is one of filler, at the end of a frame. It bounds
	// the gap between a reader's lead and its first frame, and what filler costs: a packet in 256.
	filledApart = 1 << 8
)

// mostFirst is the highest sequence number that is the first of all: so there is no rollover soon, of which a
// reader that misses all before it would not know, as nothing can lead it yet.
const mostFirst = 1<<15 - 1

func newSealing(c Config, plain *ring.Form) *sealing {
	return &sealing{sealer: srtp.NewSealer(c.Random, c.random32()), plain: plain, next: uint64(c.random32() & mostFirst)}
}

// SSRC implements packets.
func (s *sealing) SSRC() uint32 { return s.sealer.SSRC() }

// NextSequence implements packets.
func (s *sealing) NextSequence() uint16 { return uint16(s.next) }

// Octets implements packets.
func (s *sealing) Octets() uint64 { return s.octets }

// AppendRTCP implements packets. When the key is used up, nothing is sent.
func (s *sealing) AppendRTCP(dst, packet []byte) []byte {
	sealed, err := s.sealer.SealRTCP(dst, packet)
	if err != nil {
		return dst
	}
	return sealed
}

var errNotPlain = errors.New("cast: a frame without plain packets cannot be sealed")

// Lay implements ring.Layout.
func (s *sealing) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	plain := s.plain.Of(f)
	if plain == nil {
		return rtp.Packets{}, errNotPlain
	}
	p := plain.Packets
	p.FirstSequence = s.NextSequence()
	depends := f.Params.Format.Dependent()
	fills := depends && s.lacksFiller(s.next+uint64(p.Count))
	if fills {
		s.fill(f.Params.Format, plain.Packet(p.Count-1))
	}
	dst = slices.Grow(dst[:0], len(p.Bytes)+p.Count*srtp.TagBytes+len(s.filler)+srtp.TagBytes)
	var err error
	for i := range p.Count {
		packet := plain.Packet(i)
		if fills && i == p.Count-1 {
			packet = s.open
		}
		if dst, err = s.seal(dst, packet, !depends); err != nil {
			return rtp.Packets{}, err
		}
	}
	s.octets += uint64(len(p.Bytes) - p.Count*rtp.HeaderBytes)
	if !fills {
		return p.Longer(dst, srtp.TagBytes), nil
	}
	if dst, err = s.seal(dst, s.filler, true); err != nil {
		return rtp.Packets{}, err
	}
	s.octets += uint64(len(s.filler) - rtp.HeaderBytes)
	return p.LongerAndOne(dst, srtp.TagBytes, len(s.filler)+srtp.TagBytes), nil
}

// seal seals the next packet. If leads is set, readers may be led by it.
func (s *sealing) seal(dst, packet []byte, leads bool) ([]byte, error) {
	from := len(dst)
	dst, err := s.sealer.Seal(dst, packet, s.next)
	if err != nil {
		return dst, err
	}
	if leads {
		s.keep(dst[from:])
		s.last.index, s.last.bytes = s.next, append(s.last.bytes[:0], dst[from:]...)
	}
	s.next++
	return dst, nil
}

// lacksFiller reports whether the packet with that index must be one of filler: the last one was too long ago,
// or had another rollover counter.
func (s *sealing) lacksFiller(index uint64) bool {
	return s.last.bytes == nil || index-s.last.index >= filledApart || index>>16 != s.last.index>>16
}

// fill makes the packet of filler that ends a frame in its last packet's place.
func (s *sealing) fill(format media.Format, last []byte) {
	const markerBit = 0x80
	s.filler = rtp.AppendFiller(append(s.filler[:0], last[:rtp.HeaderBytes]...), format, rtp.Payload(last))
	s.filler[0] &^= rtp.PaddingBit
	s.open = append(s.open[:0], last...)
	s.open[1] &^= markerBit
}

// keep keeps the next packet, if the last one that was kept is far enough away.
func (s *sealing) keep(sealed []byte) {
	if n := len(s.kept); n > 0 && s.next-s.kept[n-1].index < keptApart {
		return
	}
	room := keptPacket{index: s.next}
	if len(s.kept) == keptPackets {
		room.bytes = s.kept[0].bytes
		s.kept = slices.Delete(s.kept, 0, 1)
	}
	room.bytes = append(room.bytes[:0], sealed...)
	s.kept = append(s.kept, room)
}

// progress is how far a reader has come: to an index, or, if it has received nothing, to any with this
// index's rollover counter.
type progress struct {
	index   uint64
	nothing bool
}

// rollover is what a new reader is told.
func (s *sealing) rollover() uint32 { return uint32(s.next >> 16) }

// lead are packets that bring a reader to the next one: the last of those that may lead, and those before it
// that it needs to know the rollover counter. ok is false if that was too long ago.
func (s *sealing) lead(from progress) (packets [][]byte, ok bool) {
	if s.last.bytes == nil || s.last.index < from.index { // it knows the counter
		return nil, true
	}
	if from.reaches(s.last.index) {
		return [][]byte{s.last.bytes}, true
	}
	i := slices.IndexFunc(s.kept, func(k keptPacket) bool { return k.index >= from.index })
	if i < 0 || !from.reaches(s.kept[i].index) {
		return nil, false
	}
	for _, k := range s.kept[i:] {
		packets = append(packets, k.bytes)
	}
	return append(packets, s.last.bytes), true
}

// reaches reports whether the reader knows the rollover counter of a later packet.
func (p progress) reaches(index uint64) bool {
	if p.nothing {
		return index>>16 == p.index>>16
	}
	return index-min(index, p.index) < maxSRTPGap
}
