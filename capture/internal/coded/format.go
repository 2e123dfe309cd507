// Package coded has what sources do alike with H.264 and H.265: which of them a stream is, where its
// pictures begin, and when its frames are due.
package coded

import (
	"bytes"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// NewAssembler makes an assembler of frames of H.264 or H.265, of at most most bytes.
func NewAssembler(format media.Format, most int) *nal.Assembler {
	if format == media.H265 {
		return h265.NewAssembler(most)
	}
	return h264.NewAssembler(most)
}

// FormatOf is the format of a stream that begins with a start code (Annex B), by its first bytes. It is
// 0 if they begin neither H.264 nor H.265.
func FormatOf(begin []byte) media.Format {
	_, unit, found := bytes.Cut(begin, []byte{0, 0, 1})
	switch {
	case !found || len(bytes.Trim(begin[:len(begin)-len(unit)-1], "\x00")) > 0 || len(unit) < 2:
		return 0
	case isHeaderOf265(unit[0], unit[1]):
		return media.H265
	case isHeaderOf264(unit[0]):
		return media.H264
	}
	return 0
}

// isHeaderOf265 reports whether a stream of H.265 may begin with this unit: a parameter set, a
// delimiter or SEI of the first layer (table 7-1). No stream of H.264 begins so.
func isHeaderOf265(first, second byte) bool {
	kind := first >> 1
	return second == 1 && (kind >= 32 && kind <= 35 || kind == 39)
}

// isHeaderOf264 reports whether a stream of H.264 may begin with this unit: a slice, SEI, a parameter
// set or a delimiter (table 7-1).
func isHeaderOf264(first byte) bool {
	kind := first & 0x1f
	return first < 0x80 && (kind == 1 || kind >= 5 && kind <= 9)
}

// FirstSlice is the first slice of a frame, nil if there is none.
func FirstSlice(format media.Format, frame []byte) []byte {
	for len(frame) > 0 {
		unit, rest, err := nal.Next(frame)
		if err != nil {
			return nil
		}
		if IsSlice(format, unit) {
			return unit
		}
		frame = rest
	}
	return nil
}

// IsSlice reports whether a unit is a part of a coded picture.
func IsSlice(format media.Format, unit []byte) bool {
	if format == media.H265 {
		return h265.IsSlice(unit)
	}
	return h264.IsSlice(unit)
}

// BeginsPicture reports whether a slice is the first one of its picture.
func BeginsPicture(format media.Format, slice []byte) bool {
	if format == media.H265 {
		return h265.BeginsPicture(slice)
	}
	return h264.BeginsPicture(slice)
}
