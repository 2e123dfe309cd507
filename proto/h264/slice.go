package h264

import (
	"fmt"

	"github.com/camcast/camcast/proto/nal"
)

// pps is what of a picture parameter set slice headers need (7.3.2.2).
type pps struct {
	known bool
	sps   uint32
	order bool // bottom_field_pic_order_in_frame_present_flag
}

func parsePPS(unit []byte) (id uint32, p pps, err error) {
	bits := nal.NewBits(unit[1:])
	id, p.sps = bits.Unsigned(), bits.Unsigned()
	bits.Flag() // entropy_coding_mode_flag
	p.order = bits.Flag()
	if bits.Bad || id > 255 || p.sps > 31 || len(unit) > maxSetBytes {
		return 0, pps{}, fmt.Errorf("%w: picture parameter set", nal.ErrMalformed)
	}
	p.known = true
	return id, p, nil
}

// slice is the beginning of a slice header (7.3.3).
type slice struct {
	first         bool // of its picture: first_mb_in_slice is 0
	bidirectional bool // a B slice
	pps           uint32
	// The rest is read only if the parameter sets are known.
	read                 bool
	reference, idr       bool
	frameNum, idrPicture uint32
	field, bottom        bool
	order                uint32 // pic_order_cnt_lsb
	delta                [2]int32
}

// parseSlice reads a slice header.
func (s *syntax) parseSlice(unit []byte) (h slice, err error) {
	bits := nal.NewBits(unit[1:])
	h.first = bits.Unsigned() == 0
	h.bidirectional = bits.Unsigned()%5 == 1 // slice_type
	h.pps = bits.Unsigned()
	if bits.Bad || h.pps > 255 {
		return slice{}, fmt.Errorf("%w: slice header", nal.ErrMalformed)
	}
	h.reference, h.idr = refIDC(unit) != 0, TypeOf(unit) == TypeIDR
	picture := &s.pps[h.pps]
	sequence := &s.sps[picture.sps]
	if !picture.known || !sequence.known {
		return h, nil
	}
	if sequence.separatePlanes {
		bits.Read(2) // colour_plane_id
	}
	h.frameNum = bits.Read(sequence.frameNumBits)
	if !sequence.framesOnly {
		if h.field = bits.Flag(); h.field {
			h.bottom = bits.Flag()
		}
	}
	if h.idr {
		h.idrPicture = bits.Unsigned()
	}
	if sequence.orderType == 0 {
		h.order = bits.Read(sequence.orderBits)
		if picture.order && !h.field {
			h.delta[0] = bits.Signed()
		}
	}
	if sequence.orderType == 1 && !sequence.deltaZero {
		h.delta[0] = bits.Signed()
		if picture.order && !h.field {
			h.delta[1] = bits.Signed()
		}
	}
	if bits.Bad {
		return slice{}, fmt.Errorf("%w: slice header", nal.ErrMalformed)
	}
	h.read = true
	return h, nil
}

// begins reports whether the slice is of another picture than the one before it (7.4.1.2.4). That
// first_mb_in_slice is 0 counts, too: some encoders number all IDR pictures alike.
func (h *slice) begins(before *slice) bool {
	if h.first || !h.read || !before.read {
		return h.first
	}
	return h.pps != before.pps || h.frameNum != before.frameNum || h.field != before.field || h.bottom != before.bottom ||
		h.reference != before.reference || h.idr != before.idr || h.idrPicture != before.idrPicture ||
		h.order != before.order || h.delta != before.delta
}
