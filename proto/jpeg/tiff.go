package jpeg

import (
	"bytes"
	"encoding/binary"
)

// Exif and MPF segments hold a TIFF structure: a directory of tagged values.

const (
	app1, app2 = 0xe1, 0xe2

	tagOrientation = 0x0112
	tagMPEntries   = 0xb002
)

var exifID, mpfID = []byte("Exif\x00\x00"), []byte("MPF\x00")

// Orientation returns how the Exif data of the picture at the beginning of data say that it
// must be turned or mirrored for viewing: 1 to 8, where 1 is upright, or 0 if they do not.
func Orientation(data []byte) int {
	for s := range headers(data) {
		if t, ok := tiffOf(s, app1, exifID); ok {
			if value := t.find(tagOrientation); value != nil {
				if o := int(t.order.Uint16(value)); o <= 8 {
					return o
				}
			}
			return 0
		}
	}
	return 0
}

// MultiPictureLength returns the length in bytes of the picture at the beginning of data and
// of the further ones that its index says follow it: previews, gain maps, the other eye (MPF,
// CIPA DC-007). It is 0 if there is no index.
func MultiPictureLength(data []byte) (length int64) {
	for s, offset := range headers(data) {
		t, ok := tiffOf(s, app2, mpfID)
		if !ok {
			continue
		}
		begin := int64(offset + len(mpfID)) // the index counts from its own TIFF header
		for entry := t.find(tagMPEntries); len(entry) >= 16; entry = entry[16:] {
			size, at := int64(t.order.Uint32(entry[4:])), int64(t.order.Uint32(entry[8:]))
			if at > 0 { // the first picture's is 0
				length = max(length, begin+at+size)
			}
		}
		return length
	}
	return 0
}

// headers are the segments before the first scan, and the index of each one's parameters.
func headers(data []byte) func(yield func(Segment, int) bool) {
	return func(yield func(Segment, int) bool) {
		at, err := afterSOI(data)
		for err == nil {
			var s Segment
			s, at, err = Next(data, at)
			if err != nil || s.Marker == SOS || s.Marker == EOI || !yield(s, at-len(s.Data)) {
				return
			}
		}
	}
}

// tiff is a TIFF structure.
type tiff struct {
	data  []byte
	order binary.ByteOrder
}

// tiffOf returns the TIFF structure in a segment with a marker and an identifier.
func tiffOf(s Segment, marker byte, id []byte) (t tiff, ok bool) {
	data, ok := bytes.CutPrefix(s.Data, id)
	switch {
	case !ok || s.Marker != marker:
		return t, false
	case bytes.HasPrefix(data, []byte("II*\x00")):
		return tiff{data, binary.LittleEndian}, true
	case bytes.HasPrefix(data, []byte("MM\x00*")):
		return tiff{data, binary.BigEndian}, true
	}
	return t, false
}

// find returns the value of a tag in the first directory, at least four bytes, or nil.
func (t tiff) find(tag uint16) []byte {
	directory := t.from(t.data, 4)
	if len(directory) < 2 {
		return nil
	}
	entries := int(t.order.Uint16(directory))
	for e := directory[2:]; entries > 0 && len(e) >= 12; entries, e = entries-1, e[12:] {
		if t.order.Uint16(e) != tag {
			continue
		}
		if t.order.Uint16(e[2:]) != 7 { // of other types only values that fit here are asked for
			return e[8:12]
		}
		size := int64(t.order.Uint32(e[4:]))
		value := t.from(e, 8)
		if value = value[:min(size, int64(len(value)))]; len(value) < 4 {
			return nil
		}
		return value
	}
	return nil
}

// from returns what begins at the offset that stands in p[at:], nil if that is outside.
func (t tiff) from(p []byte, at int) []byte {
	if len(p) < at+4 {
		return nil
	}
	offset := int64(t.order.Uint32(p[at:]))
	if offset > int64(len(t.data)) {
		return nil
	}
	return t.data[offset:]
}
