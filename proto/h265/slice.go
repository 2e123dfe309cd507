package h265

import (
	"fmt"

	"github.com/camcast/camcast/proto/nal"
)

// pps is what of a picture parameter set slice headers need (7.3.2.3).
type pps struct {
	known     bool
	sps       uint32
	output    bool // output_flag_present_flag
	extraBits int  // num_extra_slice_header_bits
}

func parsePPS(unit []byte) (id uint32, p pps, err error) {
	b := nal.NewBits(unit[headerBytes:])
	id, p.sps = b.Unsigned(), b.Unsigned()
	b.Flag() // dependent_slice_segments_enabled_flag
	p.output = b.Flag()
	p.extraBits = int(b.Read(3))
	if b.Bad || id > 63 || p.sps > 15 || len(unit) > maxSetBytes {
		return 0, pps{}, fmt.Errorf("%w: picture parameter set", nal.ErrMalformed)
	}
	p.known = true
	return id, p, nil
}

// slice is the beginning of a slice segment's header (7.3.6.1).
type slice struct {
	first    bool // of its picture
	kind     Type
	temporal int
	pps      uint32
	read     bool   // the parameter sets are known
	order    uint32 // slice_pic_order_cnt_lsb, of a first one
}

func (s *syntax) parseSlice(unit []byte) (slice, error) {
	h, _, err := s.parseHeader(unit)
	return h, err
}

// parseHeader returns what is read on with, too, behind the picture order count.
func (s *syntax) parseHeader(unit []byte) (h slice, b nal.Bits, err error) {
	if len(unit) < headerBytes {
		return slice{}, b, fmt.Errorf("%w: slice header", nal.ErrMalformed)
	}
	b = nal.NewBits(unit[headerBytes:])
	h.kind, h.temporal = TypeOf(unit), temporal(unit)
	h.first = b.Flag()
	if h.kind.isIRAP() {
		b.Flag() // no_output_of_prior_pics_flag
	}
	h.pps = b.Unsigned()
	if b.Bad || h.pps > 63 {
		return slice{}, b, fmt.Errorf("%w: slice header", nal.ErrMalformed)
	}
	picture := &s.pps[h.pps]
	sequence := &s.sps[picture.sps]
	h.read = picture.known && sequence.known
	if !h.read || !h.first || h.kind.isIDR() {
		return h, b, nil
	}
	b.Read(picture.extraBits)
	b.Unsigned() // slice_type
	if picture.output {
		b.Flag()
	}
	if sequence.separatePlanes {
		b.Read(2)
	}
	h.order = b.Read(sequence.orderBits)
	if b.Bad {
		return slice{}, b, fmt.Errorf("%w: slice header", nal.ErrMalformed)
	}
	return h, b, nil
}
