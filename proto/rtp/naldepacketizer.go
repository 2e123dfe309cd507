package rtp

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
	"github.com/pion/rtp"
)

// NALDepacketizer puts frames of H.264 (RFC 6184) or H.265 (RFC 7798) together from RTP packets
// that come in order. A frame of which a packet is missing is dropped whole; that others may
// depend on it is the caller's to see to. It belongs to one goroutine, and holds no more than two
// frames and a unit.
type NALDepacketizer struct {
	// Dropped is how many frames were begun and not finished, or could not be used.
	Dropped uint64

	format    media.Format
	most      int
	assembler *nal.Assembler
	packet    rtp.Packet
	// unit is being put together from fragments, if fragmented is set.
	unit       []byte
	fragmented bool

	begun     bool // there is a next sequence number
	next      uint16
	open      bool // something of a frame with timestamp has come
	marked    bool // its last packet has come
	gap       bool // packets were lost since the last frame
	timestamp uint32
	first     uint16 // the sequence number of the frame's first packet

	// Of the frame that Push has returned.
	frameTimestamp uint32
	framePackets   int
	frameMissing   int
	frameNext      uint16 // the sequence number after it
}

// errGap drops a frame of which a packet is missing.
var errGap = errors.New("packets were lost")

// NewNALDepacketizer makes a depacketizer of frames of at most most bytes, of media.H264 or
// media.H265.
func NewNALDepacketizer(f media.Format, most int) *NALDepacketizer {
	d := &NALDepacketizer{format: f, most: most, assembler: h264.NewAssembler(most)}
	if f == media.H265 {
		d.assembler = h265.NewAssembler(most)
	}
	return d
}

// SetParameters takes the parameter sets of the SDP, for servers that do not send them again. The
// error matches nal.ErrMalformed: a set cannot be read, and is ignored.
func (d *NALDepacketizer) SetParameters(sets [][]byte) (err error) {
	for _, set := range sets {
		err = errors.Join(err, d.assembler.Add(set))
	}
	return err
}

// Reset forgets what is in hand, as the source has begun anew. The parameter sets remain.
func (d *NALDepacketizer) Reset() {
	d.drop()
	d.begun, d.gap = false, false
}

// drop drops the frame in hand.
func (d *NALDepacketizer) drop() {
	if d.open {
		d.Dropped++
	}
	d.assembler.Spoil(errGap)
	_, _, _ = d.assembler.Finish()
	d.open, d.marked, d.fragmented = false, false, false
}

// Push takes a packet. When it completes a frame it returns that: its Bytes are valid until the
// next Push, its Params for good, and Captured and Decode are not set. Where the sender does not
// mark the last packet of frames, the first packet of the next one completes it.
//
// Errors match ErrMalformed or ErrUnsupported, for a packet that is ignored, or what
// nal.Assembler says of a frame, which is dropped. A packet that is older than the last one is
// ignored, as is one of padding or filler data alone, which may end a frame.
func (d *NALDepacketizer) Push(packet []byte) (frame media.Frame, ok bool, err error) {
	d.packet = rtp.Packet{}
	if err := d.packet.Unmarshal(packet); err != nil {
		return media.Frame{}, false, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	ahead := int16(d.packet.SequenceNumber - d.next)
	if d.begun && ahead < 0 {
		return media.Frame{}, false, nil
	}
	if d.open && d.packet.Timestamp != d.timestamp {
		if ahead > 0 && !d.marked {
			d.drop()
		} else {
			frame, ok, err = d.finish()
		}
	}
	if d.begun && ahead > 0 {
		d.gap = true
		if d.open {
			d.assembler.Spoil(errGap)
		}
		d.fragmented = false
	}
	d.begun, d.next = true, d.packet.SequenceNumber+1
	if len(d.packet.Payload) == 0 || !d.open && IsFiller(d.format, d.packet.Payload) {
		if !d.open && !d.gap {
			d.frameNext = d.next
		}
		return frame, ok, err
	}
	lost := !d.open && d.gap && ahead > 0
	if !d.open {
		d.first = d.packet.SequenceNumber
	}
	d.open, d.timestamp = true, d.packet.Timestamp
	if fault := d.payload(d.packet.Payload, lost); fault != nil {
		d.assembler.Spoil(errGap) // it is told now, and not again when the frame is dropped
		err = fault
	}
	d.marked = d.packet.Marker
	if d.marked && !ok && err == nil {
		frame, ok, err = d.finish()
	}
	if ok {
		err = nil // it is the next frame's, and told when that is dropped
	}
	return frame, ok, err
}

// finish ends the frame in hand.
func (d *NALDepacketizer) finish() (media.Frame, bool, error) {
	if d.fragmented {
		d.assembler.Spoil(errGap)
	}
	d.fragmented, d.open, d.marked = false, false, false
	frame, ok, err := d.assembler.Finish()
	if err != nil {
		d.Dropped++
		d.gap = true
	}
	if errors.Is(err, errGap) {
		err = nil
	}
	if ok {
		d.frameTimestamp, d.frameMissing = d.timestamp, 0
		if d.gap {
			d.frameMissing = max(1, int(d.first-d.frameNext))
		}
		d.gap, d.frameNext, d.framePackets = false, d.next, int(d.next-d.first)
	}
	return frame, ok, err
}

// Timestamp is RTP's of the last frame that Push has returned.
func (d *NALDepacketizer) Timestamp() uint32 { return d.frameTimestamp }

// Gap reports whether packets were lost, not sent, or could not be used, between the last two
// frames that Push has returned: what the last one depends on may be missing.
func (d *NALDepacketizer) Gap() bool { return d.frameMissing > 0 }

// Packets is how many packets the last frame that Push has returned came in.
func (d *NALDepacketizer) Packets() int { return d.framePackets }

// Missing is how many packets are missing where there is a Gap, at least 1, and 0 where there is none.
func (d *NALDepacketizer) Missing() int { return d.frameMissing }

// payload takes a packet's payload. lost: the packets before it were lost, so that it may not be
// the first one of its frame.
func (d *NALDepacketizer) payload(p []byte, lost bool) error {
	if d.format == media.H265 {
		return d.h265Payload(p, lost)
	}
	return d.h264Payload(p, lost)
}

func (d *NALDepacketizer) h264Payload(p []byte, lost bool) error {
	if len(p) == 0 {
		return nil // padding alone
	}
	switch kind := p[0] & 0x1f; {
	case kind >= 1 && kind < h264STAPA:
		return d.whole(p, lost)
	case kind == h264STAPA:
		return d.aggregate(p[1:], 1, lost)
	case kind == h264FUA && len(p) > 2:
		return d.fragment(p[1], p[2:], lost, p[0]&0xe0|p[1]&0x1f)
	case kind == h264FUA:
		return fmt.Errorf("%w: a fragment of %d bytes", ErrMalformed, len(p))
	default:
		return fmt.Errorf("%w: NAL units of type %d (interleaved mode)", ErrUnsupported, kind)
	}
}

func (d *NALDepacketizer) h265Payload(p []byte, lost bool) error {
	if len(p) == 0 {
		return nil
	}
	if len(p) < 3 {
		return fmt.Errorf("%w: %d bytes of payload", ErrMalformed, len(p))
	}
	switch kind := p[0] >> 1 & 0x3f; {
	case kind < h265AP:
		return d.whole(p, lost)
	case kind == h265AP:
		return d.aggregate(p[2:], 2, lost)
	case kind == h265FU && len(p) > 3:
		return d.fragment(p[2], p[3:], lost, p[0]&0x81|p[2]&0x3f<<1, p[1])
	case kind == h265FU:
		return fmt.Errorf("%w: a fragment of %d bytes", ErrMalformed, len(p))
	default:
		return fmt.Errorf("%w: NAL units of type %d", ErrUnsupported, kind)
	}
}

// whole takes a whole unit.
func (d *NALDepacketizer) whole(unit []byte, lost bool) error {
	if err := d.incomplete(); err != nil {
		return err
	}
	if lost && !d.assembler.Starts(unit) {
		d.assembler.Spoil(errGap)
	}
	// A parameter set that cannot be read is no reason to drop the frame.
	if err := d.assembler.Add(unit); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// incomplete drops the frame if a unit of it has no last fragment.
func (d *NALDepacketizer) incomplete() error {
	if !d.fragmented {
		return nil
	}
	d.fragmented = false
	return fmt.Errorf("%w: a unit without its last fragment", ErrMalformed)
}

// maxAggregated is more units than senders put into a packet. On TCP one of 64 kB could have 20 000.
const maxAggregated = 256

// aggregate takes a packet of several units, whose header has so many bytes.
func (d *NALDepacketizer) aggregate(p []byte, header int, lost bool) error {
	for count := 0; len(p) > 0; count++ {
		if count == maxAggregated {
			return fmt.Errorf("%w: more than %d units in a packet", ErrMalformed, maxAggregated)
		}
		if len(p) < sizeBytes {
			return fmt.Errorf("%w: a byte after the last unit", ErrMalformed)
		}
		n := int(p[0])<<8 | int(p[1])
		p = p[sizeBytes:]
		if n < header || n > len(p) {
			return fmt.Errorf("%w: a unit of %d bytes in %d", ErrMalformed, n, len(p))
		}
		if err := d.whole(p[:n], lost); err != nil {
			return err
		}
		lost, p = false, p[n:]
	}
	return nil
}

// fragment takes a fragment of the unit that has this header.
func (d *NALDepacketizer) fragment(bits byte, data []byte, lost bool, header ...byte) error {
	switch first := bits&fragmentFirst != 0; {
	case first && d.fragmented:
		return d.incomplete()
	case first:
		d.fragmented, d.unit = true, append(d.unit[:0], header...)
	case !d.fragmented:
		d.assembler.Spoil(errGap) // the first one was lost
		return nil
	}
	if len(d.unit)+len(data) > d.most {
		d.fragmented = false
		return fmt.Errorf("%w: more than %d bytes", nal.ErrTooLarge, d.most)
	}
	d.unit = append(d.unit, data...)
	if lost && !d.assembler.Starts(d.unit) {
		d.assembler.Spoil(errGap)
	}
	if bits&fragmentLast == 0 {
		return nil
	}
	d.fragmented = false
	return d.whole(d.unit, false)
}
