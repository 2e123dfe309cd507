package ring

import (
	"encoding/binary"
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// Squeeze gives the frames that a new reader is caught up with other timestamps: shortly before
// those of the live edge, in the same order. With its true ones a player shows the first of them
// at once and each further one as much later as it was taken later, and so stays behind for good
// by the age of the first.
//
// The live edge is the time at which the newest frame is to be decoded. No later frame is shown
// before that, so the order is right for them as well, which keep their timestamps. The time at
// which the newest frame is shown would not do: a B-frame after it may be shown earlier.
//
// Timestamps are those of RTP. The zero value changes none.
type Squeeze struct {
	newest uint64
	// edge is the timestamp of the live edge, and span how far before it the oldest frame is, which
	// becomes into.
	edge, span, into uint32
}

const (
	// squeezedTicks is how far before the live edge the oldest frame is put at least: a sixtieth of a
	// second in the clock of video. Of more frames each is a tick apart at least.
	squeezedTicks = rtp.ClockHz / 60
	// mostSqueezed is how many times shorter the intervals become at most: frames a 300th of a second
	// apart or more keep timestamps of their own, however uneven the intervals are.
	mostSqueezed = rtp.ClockHz / 300
)

// NewSqueeze makes one for frames up to the newest one, where no frame's timestamp is before oldest.
// The edge is the timestamp of when the newest frame is to be decoded.
func NewSqueeze(oldest, edge uint32, frames, newest uint64) Squeeze {
	span := edge - oldest
	return Squeeze{newest: newest, edge: edge, span: span, into: min(span, max(squeezedTicks, 2*uint32(frames), span/mostSqueezed))}
}

// At is what the timestamp of frame number n becomes. Those at or after the live edge stay.
func (s Squeeze) At(n uint64, timestamp uint32) uint32 {
	before := s.edge - timestamp
	if n > s.newest || s.span == s.into || int32(before) <= 0 {
		return timestamp
	}
	return s.edge - uint32(uint64(before)*uint64(s.into)/uint64(s.span))
}

// Changes reports whether frame number n is one of those that get other timestamps.
func (s Squeeze) Changes(n uint64) bool { return n <= s.newest && s.span != s.into }

// AppendRun appends a run of frame number n to dst, which is laid out as w, with the timestamp that the frame gets (At) in each
// packet.
func (s Squeeze) AppendRun(dst, run []byte, n uint64, w *Wire) []byte {
	const at = 4 // RFC 3550, section 5.1
	from, timestamp := len(dst), s.At(n, w.Timestamp)
	dst = append(dst, run...)
	for left := dst[from:]; len(left) >= rtp.HeaderBytes; left = left[min(w.PacketSize, len(left)):] {
		binary.BigEndian.PutUint32(left[at:], timestamp)
	}
	return dst
}

// Beginning is the first packet that a reader is sent.
type Beginning struct {
	Sequence  uint16
	Timestamp uint32
}

// CatchUp returns how a reader begins that is caught up from the newest key frame. ok is false if
// that is no longer kept, or if frames do not depend on each other.
func (m *Form) CatchUp() (c Cursor, s Squeeze, first Beginning, ok bool) {
	key, newest := m.ring.NewestKey(), m.ring.Last()
	if key == nil || !key.Params.Format.Dependent() {
		return c, s, first, false
	}
	from, edge := m.Of(key), m.Of(newest)
	if from == nil || edge == nil {
		return c, s, first, false
	}
	s = NewSqueeze(key.decodeTimestamp(from), newest.decodeTimestamp(edge), newest.Number-key.Number, newest.Number)
	c, ok = m.ring.NewCursorAtKey()
	return c, s, Beginning{from.FirstSequence, s.At(key.Number, from.Timestamp)}, ok
}

// decodeTimestamp is the timestamp of when the frame is to be decoded, or a tick before.
func (f *Frame) decodeTimestamp(w *Wire) uint32 {
	ahead := max(f.Captured-f.when(), 0)
	return w.Timestamp - uint32((ahead*rtp.ClockHz+time.Second-1)/time.Second)
}
