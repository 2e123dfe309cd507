package view

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
)

// Buffer is a jitter buffer for RTP with JPEG (RFC 2435), H.264 (RFC 6184) or H.265 (RFC 7798). It
// holds packets until their frame is due, so that those which come out of order or late by less than
// the delay are in time, and frames come out as evenly as they were taken.
//
// Of H.264 and H.265 no frame comes out that needs one which did not: none before the first key frame,
// and after a loss none before the next one. Frames come in the order in which they are decoded.
//
// A frame is due when the quickest packets of late have taken the delay longer than they
// did. With a delay of 0 everything is due at once: what comes out of order is then late.
type Buffer struct {
	delay    time.Duration
	isPrompt bool // the delay is only for what is missing
	timeline timeline
	tally    tally

	// slots hold packets by their extended sequence numbers, modulo their number,
	// which is a power of two.
	slots []slot
	// room is how many bytes the buffers of packets have, of which spare are not used.
	room     int
	spare    [][]byte
	begun    bool
	playing  bool // something was released
	ssrc     uint32
	numbers  rtp.Sequence
	next     int64 // the extended sequence number that is released next
	marked   bool  // the packet before next was released, and was its frame's last
	format   media.Format
	frames   assembly // nil: the format is not known
	needsKey bool     // what comes before the next key frame cannot be decoded
	decodes  bool     // there was a key frame since the source began
	joined   bool     // decoding has begun with the last key frame
	unled    bool     // frames that lead to the last key frame lack one of them
	doubt    bool     // what others need may be missing since the last frame that was not left out
	fault    error    // why a packet could not be used, since the last frame
}

const (
	// mostPacketBytes is the most that UDP carries.
	mostPacketBytes = 65507
	// markerBit, in an RTP header's second byte, marks a frame's last packet (RFC 2435,
	// section 3).
	markerBit = 0x80
)

// NewBuffer makes a buffer that delays frames so much, 0 or more.
func NewBuffer(delay time.Duration) *Buffer {
	return &Buffer{delay: delay, slots: make([]slot, firstSlots)}
}

// NewPromptBuffer makes a buffer that hands frames on as soon as they are whole. Where packets are
// missing it waits for them for so long, as long as a buffer of this delay does. It is for those who hand
// frames on to others: whatever did not come was needed, even if the frames' numbers say otherwise.
func NewPromptBuffer(wait time.Duration) *Buffer {
	b := NewBuffer(wait)
	b.isPrompt = true
	return b
}

// SetFormat says what the packets carry, as the SDP has it, and the parameter sets that it gives, which
// may be none. What has come before waits for that, unless it is of JPEG's payload type.
func (b *Buffer) SetFormat(f media.Format, sets [][]byte) {
	if f != b.format {
		b.setFormat(f)
	}
	if a, ok := b.frames.(*nalAssembly); ok {
		if err := a.SetParameters(sets); err != nil {
			b.fault = err
		}
	}
}

func (b *Buffer) setFormat(f media.Format) {
	b.format, b.needsKey, b.decodes = f, f.Dependent(), false
	if f == media.JPEG {
		b.frames = &jpegAssembly{}
	} else {
		a := newNALAssembly(f)
		a.isStrict = b.isPrompt
		b.frames = a
	}
}

// SetSize sets the size in pixels of JPEGs whose packets give none, as the SDP has it
// (a=x-dimensions).
func (b *Buffer) SetSize(width, height int) {
	if b.format == 0 {
		b.setFormat(media.JPEG)
	}
	if a, ok := b.frames.(*jpegAssembly); ok {
		a.Width, a.Height = width, height
	}
}

// NeedsKey reports whether a key frame is needed before any picture comes: at the beginning, and after
// a loss. It is never so of JPEG.
func (b *Buffer) NeedsKey() bool { return b.begun && b.needsKey }

// Push takes an RTP packet that arrived now, and copies it. It reports false if the packet
// is not used: it is no RTP, too late, a duplicate, or its sequence number is too far off.
func (b *Buffer) Push(now time.Duration, packet []byte) bool {
	if len(packet) < rtp.HeaderBytes || len(packet) > mostPacketBytes || packet[0]>>6 != 2 {
		b.tally.Malformed++
		return false
	}
	b.tally.Packets++
	timestamp, ssrc := binary.BigEndian.Uint32(packet[4:]), binary.BigEndian.Uint32(packet[8:])
	if ssrc != b.ssrc {
		b.numbers = rtp.Sequence{}
	}
	number, verdict := b.numbers.Take(now, binary.BigEndian.Uint16(packet[2:]), timestamp)
	switch verdict {
	case rtp.Strange:
		b.tally.Strange++
		return false
	case rtp.Started:
		b.restart(ssrc, number)
	}
	if b.frames == nil && packet[1]&^markerBit == rtp.PayloadTypeJPEG {
		b.setFormat(media.JPEG)
	}
	if !b.store(number, packet) {
		return false
	}
	b.timeline.arrived(now, timestamp)
	return true
}

// restart begins with a source anew. What is held of the one before is lost.
func (b *Buffer) restart(ssrc uint32, first int64) {
	if b.begun {
		b.tally.Restarts++
	}
	for i := range b.slots {
		b.recycle(&b.slots[i])
		b.slots[i].state = empty
	}
	b.begun, b.playing, b.marked, b.ssrc, b.next = true, false, false, ssrc, first
	b.timeline = timeline{}
	b.tally.frames = frames{}
	if b.frames != nil {
		b.frames.restart()
		b.needsKey, b.decodes = b.format.Dependent(), false
	}
}

// store puts a packet into its slot.
func (b *Buffer) store(sequence int64, packet []byte) bool {
	if sequence < b.next && !b.playing && b.numbers.Highest()-sequence < int64(len(b.slots)) {
		b.next = sequence // the first ones have overtaken each other
	}
	if sequence < b.next {
		s := b.slot(sequence)
		switch {
		case s.sequence != sequence || s.state == empty:
			b.tally.Late++
		case s.state == skipped:
			b.tally.Late++
			if s.between { // it was sent
				b.tally.Skipped--
				b.tally.Lost++
			}
			s.state = released // a second time it is a duplicate
		default:
			b.tally.Duplicates++
		}
		return false
	}
	if sequence-b.next >= int64(len(b.slots)) {
		b.makeRoom(sequence)
	}
	b.makeBytes(len(packet), sequence)
	s := b.slot(sequence)
	if s.state == held {
		b.tally.Duplicates++
		return false
	}
	s.sequence, s.state, s.packet = sequence, held, b.keep(packet)
	if sequence < b.numbers.Highest() {
		b.tally.Reordered++
	}
	return true
}

// Pop returns the next frame that is due, if there is one. Call it after each Push, and at
// the time that Next returns, until there is none.
func (b *Buffer) Pop(now time.Duration) (Frame, bool) {
	for {
		at, ok := b.first()
		if !ok || b.due(at) > now {
			return Frame{}, false
		}
		s := b.slot(at)
		// Readers share the sequence numbers, so frames that the server skips for this one
		// leave a gap from a frame's last packet to another one's first.
		for between := b.marked && b.next < at && b.frames.begins(s.packet); b.next < at; {
			b.giveUp(between)
		}
		s.state, b.playing = released, true
		b.next, b.marked = at+1, s.packet[1]&markerBit != 0
		timestamp := binary.BigEndian.Uint32(s.packet[4:])
		b.tally.begin(timestamp)
		frame, whole, err := b.frames.push(s.packet)
		b.recycle(s)
		early := b.needsKey && !b.decodes // nothing counts before the first key frame
		if err != nil && !(early && errors.Is(err, nal.ErrNoParameters)) {
			b.tally.Malformed++
			b.fault = err
		}
		b.tally.done = b.tally.done || early
		if whole && b.judge(&frame) {
			frame.Arrived = b.timeline.at(frame.Timestamp)
			b.tally.whole()
			b.fault = nil
			return frame, true
		}
	}
}

// judge reports whether a frame can be decoded.
func (b *Buffer) judge(f *Frame) bool {
	b.doubt = b.doubt || b.frames.gap()
	lacks := b.needsKey || b.doubt && !b.frames.follows()
	if f.Key {
		b.joined, b.unled, b.needsKey, b.doubt, b.decodes = lacks, false, false, false, true
		return true
	}
	if !b.needsKey && b.frames.leads() && (lacks || b.joined || b.unled) {
		b.unled = true
		b.skip()
		return false
	}
	b.needsKey, b.doubt = lacks, false
	if b.needsKey && b.decodes {
		b.tally.useless()
	}
	return !b.needsKey
}

// skip leaves out a frame that leads to the last key frame. It is not missed where decoding has begun with
// that, unless another one may not have come since.
func (b *Buffer) skip() {
	if b.joined && !b.doubt {
		b.tally.done = true
	} else {
		b.tally.useless()
	}
}

// Fault returns why a packet was no part of a frame, since the last whole frame; nil if there was
// no such packet.
func (b *Buffer) Fault() error { return b.fault }

// first is the first packet that is held.
func (b *Buffer) first() (sequence int64, ok bool) {
	if !b.begun || b.frames == nil {
		return 0, false
	}
	for sequence = b.next; sequence <= b.numbers.Highest(); sequence++ {
		if s := b.slot(sequence); s.state == held && s.sequence == sequence {
			return sequence, true
		}
	}
	return 0, false
}

// due returns the time at which to release a packet.
func (b *Buffer) due(sequence int64) time.Duration {
	if b.isPrompt && sequence == b.next {
		return 0
	}
	return b.timeline.at(binary.BigEndian.Uint32(b.slot(sequence).packet[4:])) + b.delay
}

// Next returns the time at which Pop may have a frame, if no packet comes before. It is false
// if the buffer is empty.
func (b *Buffer) Next() (time.Duration, bool) {
	at, ok := b.first()
	if !ok {
		return 0, false
	}
	return b.due(at), true
}

// Figures are the counts so far.
func (b *Buffer) Figures() Figures { return b.tally.Figures }
