package h265

import (
	"fmt"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// NewAssembler makes an assembler of frames of at most most bytes.
func NewAssembler(most int) *nal.Assembler { return nal.NewAssembler(&syntax{}, most) }

// syntax implements nal.Syntax.
type syntax struct {
	sps  [16]knownSPS
	pps  [64]pps
	last slice
	// order is the picture order count of the last picture, and base that of the last one that
	// counts are computed with (prevTid0Pic of 8.3.1).
	order, base int
}

type knownSPS struct {
	SPS
	known bool
}

// Inspect implements nal.Syntax.
func (s *syntax) Inspect(unit []byte, u *nal.Unit) error {
	*u = nal.Unit{}
	if len(unit) < headerBytes || unit[1]&7 == 0 {
		return fmt.Errorf("%w: its header", nal.ErrMalformed)
	}
	if layer(unit) > 0 {
		return nil
	}
	switch t := TypeOf(unit); {
	case t <= lastSlice:
		return s.inspectSlice(unit, u)
	case t == TypeVPS || t == TypeSPS || t == TypePPS:
		u.Role, u.Kind = nal.Parameters, uint32(t)
	case t == TypeDelimiter:
		u.First, u.Begins = true, true
	case t == TypePrefixSEI:
		u.Role = nal.Before
		message, ok := nal.SEI(unit[headerBytes:], seiRecoveryPoint)
		// A picture order count is added to, so that a negative one is none.
		wait := message.Signed()
		u.Recovery, u.RecoveryFrames = ok && !message.Bad && wait >= 0, uint32(wait)
	case t == TypeSuffixSEI || t == TypeEndOfSequence || t == TypeEndOfStream:
		u.Role = nal.After
	}
	return nil
}

// inspectSlice says what a slice is.
func (s *syntax) inspectSlice(unit []byte, u *nal.Unit) error {
	u.Role = nal.Slice
	h, err := s.parseSlice(unit)
	if err != nil {
		return err
	}
	u.First, u.Begins, u.Key = h.first, h.first, h.kind.isIRAP()
	u.Open, u.Leading = h.kind == TypeCRA || h.kind == TypeBLAWLP, IsRASL(unit)
	u.Order = s.count(&h)
	if h.read {
		// Pictures of higher sub-layers may need it, if there are any.
		u.Disposable = h.kind.isNonReference() && h.temporal == s.sps[s.pps[h.pps].sps].subLayers-1
	}
	return nil
}

// Take implements nal.Syntax.
func (s *syntax) Take(unit []byte, u *nal.Unit) error {
	switch u.Role {
	case nal.Parameters:
		return s.takeSet(unit, u)
	case nal.Slice:
		h, err := s.parseSlice(unit)
		if err != nil {
			return err
		}
		s.take(&h)
	}
	return nil
}

// take takes a slice: the next one's picture order count is told from it.
func (s *syntax) take(h *slice) {
	s.order, s.last = s.count(h), *h
	if h.first && h.temporal == 0 && !h.kind.isLeading() && !h.kind.isNonReference() {
		s.base = s.order
	}
}

// takeSet takes a parameter set.
func (s *syntax) takeSet(unit []byte, u *nal.Unit) error {
	switch TypeOf(unit) {
	case TypeVPS:
		if len(unit) <= headerBytes || len(unit) > maxSetBytes {
			return fmt.Errorf("%w: video parameter set", nal.ErrMalformed)
		}
		u.ID = uint32(unit[headerBytes] >> 4)
	case TypeSPS:
		p, err := ParseSPS(unit)
		if err != nil {
			return err
		}
		u.ID, s.sps[p.ID] = p.ID, knownSPS{p, true}
	case TypePPS:
		id, p, err := parsePPS(unit)
		if err != nil {
			return err
		}
		u.ID, s.pps[id] = id, p
	}
	return nil
}

// count computes a slice's picture order count (8.3.1).
func (s *syntax) count(h *slice) int {
	switch {
	case !h.first:
		return s.order
	case !h.read || h.kind.isIDR():
		return 0
	}
	lsb, modulus := int(h.order), 1<<s.sps[s.pps[h.pps].sps].orderBits
	if h.kind.isIRAP() && h.kind != TypeCRA || !s.last.read {
		return lsb
	}
	before := s.base & (modulus - 1)
	msb := s.base - before
	switch {
	case lsb < before && before-lsb >= modulus/2:
		msb += modulus
	case lsb > before && lsb-before > modulus/2:
		msb -= modulus
	}
	return msb + lsb
}

// Describe implements nal.Syntax.
func (s *syntax) Describe(p *media.Params) error {
	if !s.last.read {
		return fmt.Errorf("%w: those of picture parameter set %d have not come", nal.ErrNoParameters, s.last.pps)
	}
	sequence := &s.sps[s.pps[s.last.pps].sps]
	p.Format, p.Width, p.Height, p.FramesPerSecond = media.H265, sequence.Width, sequence.Height, sequence.FramesPerSecond
	return nil
}
