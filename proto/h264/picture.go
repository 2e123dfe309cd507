package h264

// IsSlice reports whether a unit is a part of a coded picture. Data partitions B and C are none by
// themselves.
func IsSlice(unit []byte) bool {
	if len(unit) == 0 {
		return false
	}
	t := TypeOf(unit)
	return t == TypeSlice || t == TypePartitionA || t == TypeIDR
}

// BeginsPicture reports whether a slice is the first one of its picture: its first_mb_in_slice is 0
// (7.3.3). The encoders of cameras and of this package's users keep to that order.
func BeginsPicture(slice []byte) bool { return len(slice) > 1 && slice[1]&0x80 != 0 }
