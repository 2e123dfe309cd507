package h264

import (
	"fmt"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// NewAssembler makes an assembler of frames of at most most bytes.
func NewAssembler(most int) *nal.Assembler { return nal.NewAssembler(&syntax{}, most) }

// syntax implements nal.Syntax.
type syntax struct {
	sps  [32]knownSPS
	pps  [256]pps
	last slice
	// msb and frames are what picture order counts are computed with: PicOrderCntMsb of the last
	// reference picture, whose lsb is lsb, and FrameNumOffset (8.2.1).
	msb, lsb int
	frames   int
}

type knownSPS struct {
	SPS
	known bool
}

// Inspect implements nal.Syntax.
func (s *syntax) Inspect(unit []byte, u *nal.Unit) error {
	*u = nal.Unit{}
	switch t := TypeOf(unit); t {
	case TypeSlice, TypePartitionA, TypeIDR:
		u.Role = nal.Slice
		h, err := s.parseSlice(unit)
		if err != nil {
			return err
		}
		u.First, u.Begins, u.Key, u.Disposable = h.first, h.begins(&s.last), h.idr, !h.reference
		u.Order, _, _ = s.count(&h)
	case TypePartitionB, TypePartitionC, TypeEndOfSequence, TypeEndOfStream:
		u.Role = nal.After
	case TypeSEI:
		u.Role = nal.Before
		u.RecoveryFrames, u.Recovery = recoveryPoint(unit)
	case TypeSPS:
		u.Role, u.Kind = nal.Parameters, 1
	case TypePPS:
		u.Role, u.Kind = nal.Parameters, 2
	case TypeDelimiter:
		u.First, u.Begins = true, true
	}
	return nil
}

// Take implements nal.Syntax.
func (s *syntax) Take(unit []byte, u *nal.Unit) error {
	switch TypeOf(unit) {
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
	case TypeSlice, TypePartitionA, TypeIDR:
		h, err := s.parseSlice(unit)
		if err != nil {
			return err
		}
		_, msb, frames := s.count(&h)
		if h.reference {
			s.msb, s.lsb = msb, int(h.order)
		}
		s.frames, s.last = frames, h
	}
	return nil
}

// count computes a slice's picture order count, and what the next one is computed with. Type 1
// is counted as type 2, in decoding order: encoders that reorder frames use type 0.
func (s *syntax) count(h *slice) (order, msb, frames int) {
	if !h.read {
		return 0, 0, 0
	}
	sequence := &s.sps[s.pps[h.pps].sps]
	if sequence.orderType == 0 {
		lsb, modulus := int(h.order), 1<<sequence.orderBits
		msb = s.msb
		switch {
		case h.idr:
			msb = 0
		case lsb < s.lsb && s.lsb-lsb >= modulus/2:
			msb += modulus
		case lsb > s.lsb && lsb-s.lsb > modulus/2:
			msb -= modulus
		}
		return msb + lsb + int(min(h.delta[0], 0)), msb, 0
	}
	if !h.idr {
		frames = s.frames
		if s.last.read && h.frameNum < s.last.frameNum {
			frames += 1 << sequence.frameNumBits
		}
	}
	order = 2 * (frames + int(h.frameNum))
	if !h.reference {
		order--
	}
	return order, 0, frames
}

// Describe implements nal.Syntax.
func (s *syntax) Describe(p *media.Params) error {
	if !s.last.read {
		return fmt.Errorf("%w: those of picture parameter set %d have not come", nal.ErrNoParameters, s.last.pps)
	}
	sequence := &s.sps[s.pps[s.last.pps].sps]
	p.Format, p.Width, p.Height, p.FramesPerSecond = media.H264, sequence.Width, sequence.Height, sequence.FramesPerSecond
	return nil
}
