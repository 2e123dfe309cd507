package h265

// IsSlice reports whether a unit is a part of a coded picture (table 7-1).
func IsSlice(unit []byte) bool { return len(unit) > 0 && TypeOf(unit) < 32 }

// BeginsPicture reports whether a slice is the first one of its picture, by its
// first_slice_segment_in_pic_flag (7.3.6.1).
func BeginsPicture(slice []byte) bool { return len(slice) > 2 && slice[2]&0x80 != 0 }

// IsRASL reports whether a slice is of a random access skipped leading picture (table 7-1): it cannot be
// decoded where decoding begins at the IRAP picture that it follows.
func IsRASL(slice []byte) bool {
	return len(slice) > 0 && (TypeOf(slice) == typeRASLR || TypeOf(slice) == typeRASLR-1)
}
