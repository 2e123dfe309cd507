package cast_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/proto/rtp"
)

// sink takes RTP packets of JPEG or of the made-up format, as a player does, and finds out what
// is wrong with them.
type sink struct {
	// lossless: nothing is lost on the way, so that what is missing was not sent.
	lossless bool
	grouped  bool
	// nal: the frames of the made-up format are each in a NAL unit of H.264 (nalFrame).
	nal   bool
	wrong func(format string, values ...any)

	jpeg rtp.JPEGDepacketizer
	// frame is what has come of a frame of the made-up format; next is the packet that is to
	// come, 0 if none is.
	frame     []byte
	timestamp uint32
	next      int
	// nextSequence is that packet's number, of NAL units.
	nextSequence uint16
	// has are the frames of the made-up format that came. last are the last packet's numbers.
	has            map[uint32]bool
	lastSequence   uint16
	firstSequence  uint16
	firstTimestamp uint32
	lastTimestamp  uint32
	hasLast        bool
	// loose: another reader, or the reader's own request before this one, may have had frames sent to its
	// address before it listened. firstWhole is the first frame that came.
	loose      bool
	firstWhole uint32

	// numbers are those of the frames that came whole. halves were begun and broken off, some
	// of them, which are forgiven, round a pause.
	numbers          []uint32
	halves, forgiven uint64
	packets          uint64
	// begun is how many frames have begun, and broken says that frames may be missing from
	// here on, as the reader has paused.
	begun  int
	broken bool
	// over: goodbye was said. The frame that was in hand then may begin, and no other.
	over   bool
	belied int
}

// packet takes an RTP packet.
func (s *sink) packet(p []byte) {
	s.packets++
	switch {
	case s.nal:
		s.nalPacket(p)
		return
	case s.grouped:
		s.groupedPacket(p)
		return
	}
	if bytes.Equal(p[13:16], []byte{0, 0, 0}) { // RFC 2435, section 3.1: the fragment's offset
		s.begins()
	}
	picture, whole, err := s.jpeg.Push(p)
	s.halves = s.jpeg.Dropped
	if err != nil {
		s.wrong("%v", err)
	}
	if whole {
		s.wholeJPEG(picture)
	}
}

func (s *sink) begins() {
	s.begun++
	if s.over && s.lossless {
		if s.belied++; s.belied > 1 {
			s.wrong("frames begin after the goodbye")
		}
	}
}

func (s *sink) wholeJPEG(picture []byte) {
	var img jpeg.Image
	if err := img.Parse(picture); err != nil {
		s.wrong("%v", err)
		return
	}
	n, err := strconv.ParseUint(string(img.Scan[:10]), 10, 32)
	if err != nil || !bytes.Equal(picture, numbered(uint32(n), len(img.Scan))) {
		s.wrong("a picture that was not sent: %q..., %v", img.Scan[:10], err)
	}
	s.whole(uint32(n), uint32(n))
}

// groupedPacket takes a packet of the made-up format.
func (s *sink) groupedPacket(p []byte) {
	if len(p) <= cast.GroupedHeaderBytes {
		s.wrong("a packet of %d bytes", len(p))
		return
	}
	timestamp := binary.BigEndian.Uint32(p[4:])
	s.inOrder(binary.BigEndian.Uint16(p[2:]), timestamp)
	index, count := int(binary.BigEndian.Uint16(p[12:])), int(binary.BigEndian.Uint16(p[14:]))
	switch {
	case index == 0:
		if s.next > 0 {
			s.halves++
		}
		s.begins()
		s.frame, s.timestamp = s.frame[:0], timestamp
	case index != s.next || timestamp != s.timestamp:
		if s.next > 0 {
			s.halves++
		}
		s.next = 0
		return
	}
	s.frame = append(s.frame, p[cast.GroupedHeaderBytes:]...)
	if s.next = index + 1; s.next < count {
		return
	}
	s.next = 0
	s.wholeGrouped()
}

// nalPacket takes a packet of a NAL unit.
func (s *sink) nalPacket(p []byte) {
	sequence, timestamp := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint32(p[4:])
	s.inOrder(sequence, timestamp)
	payload := p[12:]
	if p[0]&0x10 != 0 { // a header extension
		payload = payload[4+4*int(binary.BigEndian.Uint16(payload[2:])):]
	}
	starts, data := true, payload[1:]
	if payload[0]&31 == 28 { // a fragment
		starts, data = payload[1]&0x80 != 0, payload[2:]
	}
	switch {
	case starts:
		if s.next > 0 {
			s.halves++
		}
		s.begins()
		s.frame, s.timestamp = s.frame[:0], timestamp
	case s.next == 0 || sequence != s.nextSequence || timestamp != s.timestamp:
		if s.next > 0 {
			s.halves++
		}
		s.next = 0
		return
	}
	s.frame = append(s.frame, data...)
	if s.next, s.nextSequence = 1, sequence+1; p[1]&0x80 != 0 {
		s.next = 0
		s.wholeGrouped()
	}
}

// wholeGrouped takes the frame of the made-up format that has come.
func (s *sink) wholeGrouped() {
	n, needs := binary.BigEndian.Uint32(s.frame), binary.BigEndian.Uint32(s.frame[4:])
	if !bytes.Equal(s.frame, groupedFrame(n, needs, len(s.frame))) {
		s.wrong("frame %d is not as it was sent", n)
	}
	s.whole(n, needs)
}

// inOrder looks whether a packet's number or timestamp goes back, where nothing on the way can have
// packets overtake each other.
func (s *sink) inOrder(sequence uint16, timestamp uint32) {
	if s.hasLast && s.lossless && !s.loose {
		if int16(sequence-s.lastSequence) <= 0 {
			s.wrong("packet %d comes after packet %d", sequence, s.lastSequence)
		}
		if int32(timestamp-s.lastTimestamp) < 0 {
			s.wrong("timestamp %d comes after %d", timestamp, s.lastTimestamp)
		}
	}
	if !s.hasLast {
		s.firstSequence, s.firstTimestamp = sequence, timestamp
	}
	s.lastSequence, s.lastTimestamp, s.hasLast = sequence, timestamp, true
}

// whole takes note of a frame that is there.
func (s *sink) whole(n, needs uint32) {
	last := uint32(0)
	if len(s.numbers) > 0 {
		last = s.numbers[len(s.numbers)-1]
	}
	if s.has == nil {
		s.has, s.firstWhole = map[uint32]bool{}, n
	}
	if s.lossless && !s.broken && n <= last {
		s.wrong("frame %d comes after frame %d", n, last)
	}
	if s.lossless && n != needs && !s.has[needs] && !(s.loose && needs < s.firstWhole) {
		s.wrong("frame %d, which needs frame %d, comes after %v", n, needs, s)
	}
	if s.broken {
		s.broken, s.forgiven = false, s.halves
	}
	s.numbers = append(s.numbers, n)
	s.has[n] = true
}

// pause notes that the reader is sent nothing for a while: a frame may be cut.
func (s *sink) pause() { s.broken = true }

// String is what has come, in ranges.
func (s *sink) String() string {
	var b []byte
	for i := 0; i < len(s.numbers); {
		j := i
		for j+1 < len(s.numbers) && s.numbers[j+1] == s.numbers[j]+1 {
			j++
		}
		b = fmt.Appendf(b, " %d-%d", s.numbers[i], s.numbers[j])
		i = j + 1
	}
	return fmt.Sprintf("%d frames:%s; %d halves", len(s.numbers), b, s.halves)
}
