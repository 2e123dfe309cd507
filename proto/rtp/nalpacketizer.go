package rtp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// NALConfig is how a NALPacketizer is to cut frames.
type NALConfig struct {
	// Format is media.H264 or media.H265.
	Format media.Format
	// PayloadType is a dynamic one, 96 to 127.
	PayloadType uint8
	SSRC        uint32
	// FirstSequence is the first packet's sequence number, which should be random.
	FirstSequence uint16
	// PacketSize is the size of a packet in bytes, RTP header included, such as the
	// MTU less 48 for IPv6 and UDP; RunPackets is how many make a run.
	PacketSize, RunPackets int
	// Extension is the header extension of all packets (RFC 3550, section 5.3.1), its own header
	// included: a whole number of 32-bit words, at most MaxExtensionBytes. nil: they have none.
	Extension []byte
}

// MaxExtensionBytes leaves room for a payload in the smallest packets.
const MaxExtensionBytes = 16

// NALPacketizer lays frames of H.264 out as RTP packets (RFC 6184, packetization mode 1), or of
// H.265 (RFC 7798). The parameter sets go before every key frame, so that a viewer can begin at
// any, and before a frame whose Params are new. Units that fit share a packet; larger ones are cut
// into fragments of equal size, the last one shorter.
//
// Several slices would be a run each, which costs more than the packets. They are one run, if
// that takes few bytes more: packets are filled up by RTP padding (RFC 3550, section 5.1), and
// may all be smaller so that little is needed.
type NALPacketizer struct {
	layout   Layout
	format   nalFormat
	kind     media.Format
	ssrc     uint32
	payload  uint8
	sequence uint16
	// extension is that of all packets, and header the length of theirs with it.
	extension []byte
	header    int
	params    *media.Params // of the last frame

	// Of the frame in hand. The units are the frame's, and forgotten at its end.
	units     [][]byte
	runs      []runEntry
	buffer    []byte
	timestamp uint32
}

// maxFramePackets keeps the numbers of a frame's packets from wrapping, and receivers from taking
// the next frame's for those of a restarted source.
const maxFramePackets = 16384

// NewNALPacketizer makes a packetizer, or says what is wrong with the sizes.
func NewNALPacketizer(c NALConfig) (*NALPacketizer, error) {
	layout, err := NewLayout(c.PacketSize, c.RunPackets)
	if err != nil {
		return nil, err
	}
	if len(c.Extension)%4 != 0 || len(c.Extension) > MaxExtensionBytes {
		return nil, fmt.Errorf("rtp: an extension of %d bytes: must be a multiple of 4, at most %d", len(c.Extension), MaxExtensionBytes)
	}
	format, ok := nalFormats[c.Format]
	if !ok {
		return nil, fmt.Errorf("rtp: %v has no NAL units", c.Format)
	}
	return &NALPacketizer{
		layout: layout, format: format, kind: c.Format, ssrc: c.SSRC, payload: c.PayloadType & 0x7f, sequence: c.FirstSequence,
		extension: slices.Clone(c.Extension), header: HeaderBytes + len(c.Extension),
	}, nil
}

// Layout is how frames are cut: RunPackets may be less than was asked for.
func (p *NALPacketizer) Layout() Layout { return p.layout }

// NextSequence is the sequence number of the next frame's first packet.
func (p *NALPacketizer) NextSequence() uint16 { return p.sequence }

// Packetize lays the frame out in dst, from its beginning, growing it if its capacity does not
// suffice: give it the last frame's Bytes and nothing is allocated. It does not refer to the frame
// afterwards, but for its Params. The timestamp is that of the frame's presentation. It fails
// if the frame is of another format, is empty, needs over 16384 packets, or its bytes are no NAL
// units (nal.ErrMalformed); no sequence number is used then.
func (p *NALPacketizer) Packetize(dst []byte, f *media.Frame, timestamp uint32) (Packets, error) {
	defer p.forget()
	if f.Params == nil || f.Params.Format != p.kind {
		return Packets{}, fmt.Errorf("rtp: a frame that is not %v", p.kind)
	}
	if err := p.split(f); err != nil {
		return Packets{}, err
	}
	s := p.shape()
	if s.packets > maxFramePackets {
		return Packets{}, fmt.Errorf("rtp: %w: it needs %d packets, more than %d", nal.ErrTooLarge, s.packets, maxFramePackets)
	}
	packets := Packets{Layout: p.layout, FirstSequence: p.sequence, Timestamp: timestamp, Count: s.packets}
	packets.PacketSize = s.size
	p.buffer, p.timestamp, p.runs = slices.Grow(dst[:0], s.bytes+s.runs*runEntryBytes), timestamp, p.runs[:0]
	w := nalWriter{NALPacketizer: p, size: s.size, pad: s.pad, emit: true}
	w.frame()
	packets.Bytes = p.buffer
	packets.list(len(p.runs), func(i int) runEntry { return p.runs[i] })
	p.params = f.Params
	return packets, nil
}

// split lists the units that are to be sent.
func (p *NALPacketizer) split(f *media.Frame) error {
	if len(f.Bytes) == 0 {
		return errors.New("rtp: an empty frame")
	}
	if f.Key || f.Params != p.params {
		for _, set := range f.Params.ParameterSets {
			if len(set) > p.format.unitHeader {
				p.units = append(p.units, set)
			}
		}
	}
	for rest := f.Bytes; len(rest) > 0; {
		unit, behind, err := nal.Next(rest)
		if err != nil {
			return err
		}
		if len(unit) < p.format.unitHeader {
			return fmt.Errorf("%w: %d bytes", nal.ErrMalformed, len(unit))
		}
		p.units, rest = append(p.units, unit), behind
	}
	return nil
}

// forget drops what refers to the frame.
func (p *NALPacketizer) forget() {
	clear(p.units)
	p.units, p.buffer = p.units[:0], nil
}
