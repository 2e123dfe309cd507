package ring

// Squeeze gives the frames that a new reader is caught up with other timestamps: shortly before
// those of the live edge, in the same order. With its true ones a player shows the first of them
// at once and each further one as much later as it was taken later, and so stays behind for good
// by the age of the first.
//
// Timestamps are those of RTP. The zero value changes none.
type Squeeze struct {
	// edge is the timestamp of the live edge, and span how far before it the oldest frame is, which
	// becomes into.
	edge, span, into uint32
}

// squeezedTicks is how far before the live edge the oldest frame is put: a sixtieth of a second in
// the clock of video. Of more frames each is a tick apart at least.
const squeezedTicks = 90000 / 60

// NewSqueeze makes one for frames from a timestamp on, up to that of the live edge.
func NewSqueeze(oldest, edge uint32, frames uint64) Squeeze {
	span := edge - oldest
	return Squeeze{edge: edge, span: span, into: min(span, max(squeezedTicks, 2*uint32(frames)))}
}

// At is what a timestamp becomes. Those after the live edge stay.
func (s Squeeze) At(timestamp uint32) uint32 {
	before := s.edge - timestamp
	if s.span == s.into || int32(before) <= 0 {
		return timestamp
	}
	return s.edge - uint32(uint64(before)*uint64(s.into)/uint64(s.span))
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
	s = NewSqueeze(from.Timestamp, edge.Timestamp, newest.Number-key.Number)
	c, ok = m.ring.NewCursorAtKey()
	return c, s, Beginning{from.FirstSequence, s.At(from.Timestamp)}, ok
}
