package h265

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/camcast/camcast/proto/nal"
)

// SPS is what a sequence parameter set says (7.3.2.2).
type SPS struct {
	// ID is its number, which picture parameter sets refer to.
	ID uint32
	// Width and Height are the picture's within the conformance window, in pixels.
	Width, Height int
	// FramesPerSecond is the nominal rate, 0 if it is not given.
	FramesPerSecond float64
	// FullRange: luma goes from 0 to 255, as in JPEG, and not from 16 to 235.
	FullRange bool
	// ReorderFrames is how many frames may come before one that is shown earlier: 0 means that
	// there are no B-frames that need later ones.
	ReorderFrames int

	separatePlanes bool
	orderBits      int
	subLayers      int      // the number of temporal sub-layers
	references     *setBits // nil: they could not be read
}

// ParseSPS reads a sequence parameter set, a NAL unit. The error matches nal.ErrMalformed.
func ParseSPS(unit []byte) (SPS, error) {
	if len(unit) <= headerBytes || len(unit) > maxSetBytes || TypeOf(unit) != TypeSPS {
		return SPS{}, fmt.Errorf("%w: no sequence parameter set", nal.ErrMalformed)
	}
	b := nal.NewBits(unit[headerBytes:])
	var s SPS
	b.Read(4) // sps_video_parameter_set_id
	layers := int(b.Read(3))
	b.Read(1) // sps_temporal_id_nesting_flag
	s.subLayers = layers + 1
	skipProfile(&b, layers)
	s.ID = b.Unsigned()
	chroma := b.Unsigned()
	if chroma == 3 {
		s.separatePlanes = b.Flag()
	}
	s.size(&b, chroma)
	b.Unsigned() // bit_depth_luma_minus8
	b.Unsigned()
	orderBits := b.Unsigned() + 4
	s.orderBits = int(orderBits & 0xff)
	first := layers
	if b.Flag() { // sps_sub_layer_ordering_info_present_flag
		first = 0
	}
	reorder := uint32(0)
	for ; first <= layers; first++ {
		b.Unsigned() // sps_max_dec_pic_buffering_minus1
		reorder = b.Unsigned()
		b.Unsigned()
	}
	s.ReorderFrames = int(reorder & 0xff)
	if b.Bad || layers >= mostSubLayers || s.ID > 15 || chroma > 3 || orderBits > mostOrderBits || reorder > mostReorder {
		return SPS{}, fmt.Errorf("%w: sequence parameter set", nal.ErrMalformed)
	}
	if s.Width < 1 || s.Height < 1 {
		return SPS{}, fmt.Errorf("%w: sequence parameter set: pictures without a size", nal.ErrMalformed)
	}
	s.references = parseSets(&b, s.orderBits)
	s.usability(unit)
	return s, nil
}

// skipProfile skips profile_tier_level (7.3.3).
func skipProfile(b *nal.Bits, layers int) {
	const profileBytes, levelBytes = 11, 1
	b.Skip(profileBytes + levelBytes)
	if layers == 0 {
		return
	}
	present := b.Read(16) // two flags for each of eight layers
	for i := range layers {
		if present>>(15-2*i)&1 == 1 {
			b.Skip(profileBytes)
		}
		if present>>(14-2*i)&1 == 1 {
			b.Skip(levelBytes)
		}
	}
}

// size reads the picture's size and the conformance window. They stay 0 if they cannot be.
func (s *SPS) size(b *nal.Bits, chroma uint32) {
	width, height := int64(b.Unsigned()), int64(b.Unsigned())
	if b.Flag() {
		unitX, unitY := int64(1), int64(1)
		if chroma == 1 || chroma == 2 {
			unitX = 2
		}
		if chroma == 1 {
			unitY = 2
		}
		width -= unitX * (int64(b.Unsigned()) + int64(b.Unsigned()))
		height -= unitY * (int64(b.Unsigned()) + int64(b.Unsigned()))
	}
	if width > 0 && height > 0 && width <= maxDimension && height <= maxDimension {
		s.Width, s.Height = int(width), int(height)
	}
}

// usability takes what the VUI says (annex E), if the set can be read so far: what stands before
// it may be of a kind that the package which reads it does not know.
func (s *SPS) usability(unit []byte) {
	// That package is not ours: a fault in it must not end the program.
	defer func() { _ = recover() }()
	var p h265.SPS
	if p.Unmarshal(unit) != nil || p.VUI == nil {
		return
	}
	s.FullRange = p.VUI.VideoFullRangeFlag
	if t := p.VUI.TimingInfo; t != nil && t.NumUnitsInTick > 0 {
		if rate := float64(t.TimeScale) / float64(t.NumUnitsInTick); rate <= nal.MaxRate {
			s.FramesPerSecond = rate
		}
	}
}
