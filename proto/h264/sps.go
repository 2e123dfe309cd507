package h264

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/camcast/camcast/proto/nal"
)

// SPS is what a sequence parameter set says (7.3.2.1.1).
type SPS struct {
	// ID is its number, which picture parameter sets refer to.
	ID uint32
	// Width and Height are the picture's after cropping, in pixels.
	Width, Height int
	// FramesPerSecond is the nominal rate, 0 if it is not given.
	FramesPerSecond float64
	// ProfileLevelID are the profile, its constraints and the level, as in an SDP.
	ProfileLevelID [3]byte
	// FullRange: luma goes from 0 to 255, as in JPEG, and not from 16 to 235.
	FullRange bool
	// ReorderFrames is how many frames may come before one that is shown earlier: 0 means that
	// there are no B-frames. -1: it is not given.
	ReorderFrames int

	separatePlanes bool
	frameNumBits   int
	orderType      uint32
	orderBits      int
	framesOnly     bool
	deltaZero      bool // delta_pic_order_always_zero_flag
}

// maxDimension is over the widest picture of the highest level.
const maxDimension = 32768

// ParseSPS reads a sequence parameter set, a NAL unit. The error matches nal.ErrMalformed.
func ParseSPS(unit []byte) (s SPS, err error) {
	// The package that reads it is not ours: a fault in it must not end the program.
	defer func() {
		if fault := recover(); fault != nil {
			s, err = SPS{}, fmt.Errorf("%w: sequence parameter set: %v", nal.ErrMalformed, fault)
		}
	}()
	var p h264.SPS
	if len(unit) > maxSetBytes {
		return SPS{}, fmt.Errorf("%w: a sequence parameter set of %d bytes", nal.ErrMalformed, len(unit))
	}
	if err := p.Unmarshal(unit); err != nil {
		return SPS{}, fmt.Errorf("%w: sequence parameter set: %w", nal.ErrMalformed, err)
	}
	if p.ID > 31 || p.Log2MaxFrameNumMinus4 > 12 || p.Log2MaxPicOrderCntLsbMinus4 > 12 || p.ChromaFormatIdc > 3 {
		return SPS{}, fmt.Errorf("%w: sequence parameter set with a number that is out of range", nal.ErrMalformed)
	}
	s = SPS{
		ID: p.ID, ProfileLevelID: [3]byte(unit[1:4]), ReorderFrames: -1,
		separatePlanes: p.SeparateColourPlaneFlag,
		frameNumBits:   int(p.Log2MaxFrameNumMinus4) + 4, framesOnly: p.FrameMbsOnlyFlag,
		orderType: p.PicOrderCntType, orderBits: int(p.Log2MaxPicOrderCntLsbMinus4) + 4, deltaZero: p.DeltaPicOrderAlwaysZeroFlag,
	}
	if s.orderType == 2 || p.ProfileIdc == profileBaseline {
		s.ReorderFrames = 0
	}
	if s.Width, s.Height = size(&p); s.Width < 1 || s.Height < 1 || s.Width > maxDimension || s.Height > maxDimension {
		return SPS{}, fmt.Errorf("%w: pictures of %dx%d", nal.ErrMalformed, s.Width, s.Height)
	}
	if p.VUI != nil {
		s.usability(p.VUI)
	}
	return s, nil
}

// profileBaseline has no B slices (A.2.1).
const profileBaseline = 66

// maxSetBytes bounds a parameter set: a longer one has nothing that is needed here.
const maxSetBytes = 4096

// size is the picture's, after cropping (equations 7-13 to 7-22).
func size(p *h264.SPS) (width, height int) {
	if p.PicWidthInMbsMinus1 >= maxDimension/16 || p.PicHeightInMapUnitsMinus1 >= maxDimension/16 {
		return 0, 0
	}
	width, height = 16*(int(p.PicWidthInMbsMinus1)+1), 16*(int(p.PicHeightInMapUnitsMinus1)+1)
	unitX, unitY := 1, 1
	if !p.SeparateColourPlaneFlag {
		if p.ChromaFormatIdc == 1 || p.ChromaFormatIdc == 2 {
			unitX = 2
		}
		if p.ChromaFormatIdc == 1 {
			unitY = 2
		}
	}
	if !p.FrameMbsOnlyFlag {
		height *= 2
		unitY *= 2
	}
	if c := p.FrameCropping; c != nil {
		if max(c.LeftOffset, c.RightOffset, c.TopOffset, c.BottomOffset) > maxDimension {
			return 0, 0
		}
		width -= unitX * int(c.LeftOffset+c.RightOffset)
		height -= unitY * int(c.TopOffset+c.BottomOffset)
	}
	return width, height
}

// usability takes what the VUI says (annex E).
func (s *SPS) usability(v *h264.SPS_VUI) {
	s.FullRange = v.VideoFullRangeFlag
	if t := v.TimingInfo; t != nil && t.NumUnitsInTick > 0 {
		// A tick is a field's time.
		if rate := float64(t.TimeScale) / 2 / float64(t.NumUnitsInTick); rate <= nal.MaxRate {
			s.FramesPerSecond = rate
		}
	}
	if r := v.BitstreamRestriction; r != nil && r.MaxNumReorderFrames <= 16 {
		s.ReorderFrames = int(r.MaxNumReorderFrames)
	}
}
