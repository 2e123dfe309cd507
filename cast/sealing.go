package cast

import (
	"errors"
	"slices"

	"github.com/camcast/camcast/cast/internal/ring"
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
// had: so now and then a frame has one more packet for all readers, of padding alone, and readers are led by
// these.
type sealing struct {
	sealer *srtp.Sealer
	plain  *ring.Form
	next   uint64 // the index of the next packet
	octets uint64
	// kept are packets of long ago that a reader may be led by, the oldest first, each at most some hundred
	// more than keptApart after the one before, and last is the last one of these.
	kept    []keptPacket
	last    keptPacket
	padding [paddingBytes]byte
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
	// paddedApart is after how many packets there is one of padding alone, at the end of a frame. It bounds
	// the gap between a reader's lead and its first frame, and what padding costs: a packet in 256.
	paddedApart = 1 << 8
	// paddingBytes is the length of such a packet: a header and four bytes of padding.
	paddingBytes = rtp.HeaderBytes + 4
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
	dst = slices.Grow(dst[:0], len(p.Bytes)+p.Count*srtp.TagBytes+paddingBytes+srtp.TagBytes)
	depends := f.Params.Format.Dependent()
	for i := range p.Count {
		var err error
		if dst, err = s.seal(dst, plain.Packet(i), !depends); err != nil {
			return rtp.Packets{}, err
		}
	}
	s.octets += uint64(len(p.Bytes) - p.Count*rtp.HeaderBytes)
	if !depends || !s.lacksPadding() {
		return p.Longer(dst, srtp.TagBytes), nil
	}
	dst, err := s.seal(dst, s.pad(plain.Packet(p.Count-1)), true)
	if err != nil {
		return rtp.Packets{}, err
	}
	return p.LongerAndOne(dst, srtp.TagBytes, paddingBytes+srtp.TagBytes), nil
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

// lacksPadding reports whether the next packet must be one of padding alone: the last one was too long ago,
// or had another rollover counter.
func (s *sealing) lacksPadding() bool {
	return s.last.bytes == nil || s.next-s.last.index >= paddedApart || s.next>>16 != s.last.index>>16
}

// pad is a packet of padding alone (RFC 3550, section 5.1), with the header of a frame's last packet.
func (s *sealing) pad(last []byte) []byte {
	const paddingBit = 0x20
	copy(s.padding[:], last[:rtp.HeaderBytes])
	s.padding[0] |= paddingBit
	s.padding[paddingBytes-1] = paddingBytes - rtp.HeaderBytes
	return s.padding[:]
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
