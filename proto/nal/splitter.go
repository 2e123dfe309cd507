package nal

import (
	"bytes"
	"fmt"
)

// Splitter cuts a stream of bytes with start codes into NAL units (Annex B). The bytes come in
// pieces of any size, and a unit is known when the next start code has come, or at the end. Each
// byte is looked at once and copied once.
type Splitter struct {
	most  int
	rest  []byte // of the last Push
	held  []byte // the unit in hand, and the zeros and ones of start codes after it
	zeros int    // how many bytes of 0 were the last ones, at most 2
	begun bool   // a start code has come
	over  bool   // the unit in hand is too large, and skipped
	given bool   // the last Next has returned what is held
	ended bool
}

// NewSplitter makes a splitter of units of at most most bytes.
func NewSplitter(most int) *Splitter { return &Splitter{most: most} }

// Push takes the next bytes, once Next has returned nil for those before. The splitter refers to
// them until Next does so again.
func (s *Splitter) Push(data []byte) { s.rest = data }

// End says that the last unit ends with the bytes that have come. A new stream may follow.
func (s *Splitter) End() { s.ended = true }

// Next returns the next unit, nil if there is none yet. It is valid until the next call. If the
// error, which matches ErrTooLarge, is not nil, it is the unit's beginning: the rest was skipped,
// and what follows it can be read.
func (s *Splitter) Next() ([]byte, error) {
	for len(s.rest) > 0 {
		s.open()
		n := s.find()
		if n < 0 {
			s.take(len(s.rest))
			break
		}
		s.take(n)
		if unit, err := s.cut(3); unit != nil || err != nil {
			return unit, err
		}
	}
	if !s.ended {
		return nil, nil
	}
	s.open()
	unit, err := s.cut(0)
	s.ended, s.begun, s.zeros = false, false, 0
	return unit, err
}

// open begins a unit if the one before was given away.
func (s *Splitter) open() {
	if s.given {
		s.held, s.given = s.held[:0], false
	}
}

// find finds the end of the next start code in rest, -1 if there is none. It may have begun in
// what was taken before.
func (s *Splitter) find() int {
	switch {
	case s.zeros == 2 && s.rest[0] == 1:
		return 1
	case s.zeros >= 1 && len(s.rest) >= 2 && s.rest[0] == 0 && s.rest[1] == 1:
		return 2
	}
	if i := bytes.Index(s.rest, startCode[1:]); i >= 0 {
		return i + 3
	}
	return -1
}

// take adds n bytes of rest to the unit in hand, unless there is none.
func (s *Splitter) take(n int) {
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	if s.begun && !s.over {
		// The start code after the unit is held, too, and does not count.
		room := s.most + len(startCode) - len(s.held)
		s.over = n > room
		s.held = append(s.held, taken[:min(n, room)]...)
	}
	trailing := len(taken) - len(bytes.TrimRight(taken, "\x00"))
	if trailing == len(taken) {
		trailing += s.zeros
	}
	s.zeros = min(trailing, 2)
}

// cut ends the unit in hand before the last n bytes that are held, and begins the next.
func (s *Splitter) cut(n int) ([]byte, error) {
	was, over := s.begun, s.over
	s.begun, s.over, s.given = true, false, true
	if over {
		return s.held[:s.most], fmt.Errorf("%w: a NAL unit of more than %d bytes", ErrTooLarge, s.most)
	}
	if !was {
		return nil, nil
	}
	unit := bytes.TrimRight(s.held[:max(len(s.held)-n, 0)], "\x00")
	if len(unit) > s.most {
		return unit[:s.most], fmt.Errorf("%w: a NAL unit of %d bytes, more than %d", ErrTooLarge, len(unit), s.most)
	}
	if len(unit) == 0 {
		return nil, nil
	}
	return unit, nil
}
