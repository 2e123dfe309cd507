package nal

// SEI finds the first message of a type in an SEI unit's payload (H.264, 7.3.2.3; H.265, 7.3.2.4),
// and returns what reads it, false if there is none.
func SEI(payload []byte, kind uint32) (message Bits, ok bool) {
	b := NewBits(payload)
	for len(b.data) > 1 && !b.Bad { // more than the trailing bits
		found, size := seiNumber(&b), seiNumber(&b)
		if found == kind && !b.Bad {
			return b, true
		}
		b.Skip(int(size))
	}
	return Bits{}, false
}

// seiNumber reads a number in bytes, of which all but the last are 255.
func seiNumber(b *Bits) (n uint32) {
	for {
		v := b.Read(8)
		n += v
		if v != 255 || n > 1<<24 {
			return n
		}
	}
}
