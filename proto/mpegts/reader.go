// Package mpegts finds the video of an MPEG transport stream (ISO/IEC 13818-1) as encoders write it
// to a pipe: the first stream of H.264 or H.265 of the first programme.
package mpegts

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/media"
)

const (
	// PacketBytes is the length of each packet, and Sync its first byte.
	PacketBytes = 188
	Sync        = 0x47
	// maxJunkBytes is how much may be skipped in search of a packet.
	maxJunkBytes = 64 << 10
	// The tables' PIDs: the programme association table has this one, and no PID is noPID.
	patPID = 0
	noPID  = -1
)

var (
	// ErrMalformed is matched by errors about bytes that are no transport stream: reading cannot go
	// on.
	ErrMalformed = errors.New("malformed MPEG transport stream")
	// ErrCodec is matched by errors about a programme whose video is neither H.264 nor H.265.
	ErrCodec = fmt.Errorf("%w: neither H.264 nor H.265", ErrMalformed)
)

// Chunk is a part of the video's bytes, which have start codes (Annex B).
type Chunk struct {
	Format media.Format
	// Begins: a PES packet begins with the chunk, usually a frame. Shown and Decoded are then when its
	// first frame is to be shown and decoded, since some beginning, if HasTime. Shown goes back and
	// forth where there are B-frames.
	Begins, HasTime bool
	Shown, Decoded  time.Duration
	// Data is valid until Push is called.
	Data []byte
}

// Reader takes a stream in parts of any size. It keeps no more than one packet, a section and a header.
type Reader struct {
	rest    []byte // of the last Push
	packet  []byte // one that has not come wholly, or was the last one that came in parts
	skipped int    // bytes since the last packet

	tables   tables
	video    int // the video's PID
	format   media.Format
	header   []byte // of a PES packet, as far as it has come
	inHeader bool
	clock    clock
}

// NewReader makes a reader.
func NewReader() *Reader {
	return &Reader{video: noPID, tables: tables{pmt: noPID}, packet: make([]byte, 0, PacketBytes)}
}

// Push takes the next bytes, once Next has returned no chunk for those before. The reader refers to
// them until Next does so again.
func (r *Reader) Push(data []byte) { r.rest = data }

// Next returns the next part of the video; false: it needs more bytes. An error is final.
func (r *Reader) Next() (Chunk, bool, error) {
	for {
		packet := r.cut()
		if packet == nil {
			return Chunk{}, false, nil
		}
		if packet[0] != Sync {
			return Chunk{}, false, fmt.Errorf("%w: no packet in %d bytes", ErrMalformed, r.skipped)
		}
		if chunk, ok, err := r.take(packet); ok || err != nil {
			return chunk, ok, err
		}
	}
}

// cut returns the next packet, nil if it has not come wholly. One that does not begin with Sync says
// that there is none for too long.
func (r *Reader) cut() []byte {
	if len(r.packet) == PacketBytes {
		r.packet = r.packet[:0]
	}
	for len(r.packet) == 0 && len(r.rest) > 0 && r.rest[0] != Sync {
		n := bytes.IndexByte(r.rest, Sync)
		if n < 0 {
			n = len(r.rest)
		}
		if r.skipped += n; r.skipped > maxJunkBytes {
			return []byte{0}
		}
		r.rest = r.rest[n:]
	}
	if len(r.packet) == 0 && len(r.rest) >= PacketBytes {
		packet := r.rest[:PacketBytes]
		r.rest, r.skipped = r.rest[PacketBytes:], 0
		return packet
	}
	n := min(PacketBytes-len(r.packet), len(r.rest))
	r.packet, r.rest = append(r.packet, r.rest[:n]...), r.rest[n:]
	if len(r.packet) < PacketBytes {
		return nil
	}
	r.skipped = 0
	return r.packet
}

// take takes a packet (2.4.3.2). It returns a chunk if the packet has some of the video.
func (r *Reader) take(packet []byte) (chunk Chunk, ok bool, err error) {
	begins, pid := packet[1]&0x40 != 0, int(packet[1]&0x1f)<<8|int(packet[2])
	payload := packet[4:]
	if packet[3]&0x20 != 0 { // an adaptation field
		n := 1 + int(payload[0])
		payload = payload[min(n, len(payload)):]
	}
	if packet[3]&0x10 == 0 || packet[1]&0x80 != 0 || len(payload) == 0 { // no payload, or a damaged one
		return chunk, false, nil
	}
	switch pid {
	case r.video:
		return r.elementary(payload, begins)
	case patPID, r.tables.pmt:
		if err := r.tables.take(pid, payload, begins); err != nil {
			return chunk, false, err
		}
		if t := &r.tables; t.format != 0 && (t.video != r.video || t.format != r.format) {
			r.video, r.format, r.inHeader = r.tables.video, r.tables.format, false
			r.header = r.header[:0]
		}
	}
	return chunk, false, nil
}

// elementary takes a payload of the video's.
func (r *Reader) elementary(payload []byte, begins bool) (chunk Chunk, ok bool, err error) {
	if begins {
		r.header, r.inHeader = r.header[:0], true
	}
	chunk = Chunk{Format: r.format, Data: payload}
	if !r.inHeader {
		return chunk, true, nil
	}
	had := len(r.header)
	r.header = append(r.header, payload...)
	if len(r.header) < pesBytes || len(r.header) < pesBytes+int(r.header[8]) {
		return chunk, false, nil
	}
	r.inHeader = false
	if !bytes.HasPrefix(r.header, []byte{0, 0, 1}) {
		return chunk, false, nil // as of an encrypted stream
	}
	length := pesBytes + int(r.header[8])
	chunk.Begins, chunk.Data = true, payload[length-had:]
	chunk.HasTime = r.times(&chunk, r.header[:length])
	return chunk, true, nil
}
