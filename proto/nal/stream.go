package nal

import "github.com/camcast/camcast/media"

// Stream makes frames of bytes that have start codes (Annex B), as files, pipes and drivers give
// them. A frame is known when the next one begins, or at the end.
type Stream struct {
	*Assembler
	splitter *Splitter
	unit     []byte // was split off, and waits for the frame before it to be taken
	fault    error  // that unit's
	ended    bool
}

// NewStream makes a stream of frames of at most most bytes, which the assembler may have, too.
func NewStream(a *Assembler) *Stream {
	return &Stream{Assembler: a, splitter: NewSplitter(a.most)}
}

// Push takes the next bytes, once Next has returned no frame and no error for those before. The
// stream refers to them until Next does so again.
func (s *Stream) Push(data []byte) { s.splitter.Push(data) }

// End says that a frame ends with the bytes that have come: the file's end, or that of a buffer
// that holds whole frames. More may follow.
func (s *Stream) End() {
	s.splitter.End()
	s.ended = true
}

// Next returns the next frame, false if there is none yet. It is valid until the next call, and
// Captured and Decode are the caller's to set. After an error, which is about one unit or frame
// and matches ErrMalformed, ErrTooLarge or ErrNoParameters, Next goes on behind it.
func (s *Stream) Next() (frame media.Frame, ok bool, err error) {
	for {
		if s.unit == nil {
			s.unit, s.fault = s.splitter.Next()
		}
		if s.unit == nil {
			break
		}
		if s.Begins(s.unit) {
			if frame, ok, err = s.Finish(); ok || err != nil {
				return frame, ok, err
			}
		}
		unit := s.unit
		s.unit = nil
		if s.fault != nil {
			s.Spoil(s.fault)
		}
		if err := s.Add(unit); err != nil {
			return media.Frame{}, false, err
		}
	}
	if !s.ended {
		return media.Frame{}, false, nil
	}
	s.ended = false
	return s.Finish()
}
