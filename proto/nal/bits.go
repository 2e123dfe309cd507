package nal

// Bits reads the bits of a unit, without its emulation prevention bytes (7.3.1). The first read
// beyond the end sets Bad, and it and all later ones give 0.
type Bits struct {
	data  []byte
	zeros int // bytes of 0 before data
	hold  byte
	left  int // bits of hold that were not read
	// Bad: there was less to read than was asked for, or a number of over 32 bits.
	Bad bool
}

// NewBits reads a unit's payload: what follows the header.
func NewBits(payload []byte) Bits { return Bits{data: payload} }

// Read reads n bits, 0 to 32, the most significant one first.
func (b *Bits) Read(n int) (v uint32) {
	for n > 0 {
		if b.left == 0 && !b.load() {
			return 0
		}
		take := min(n, b.left)
		v = v<<take | uint32(b.hold)>>(b.left-take)&(1<<take-1)
		b.left -= take
		n -= take
	}
	return v
}

// load takes the next byte.
func (b *Bits) load() bool {
	if b.zeros >= 2 && len(b.data) > 0 && b.data[0] == 3 {
		b.data, b.zeros = b.data[1:], 0
	}
	if len(b.data) == 0 || b.Bad {
		b.Bad = true
		return false
	}
	b.hold, b.left, b.data = b.data[0], 8, b.data[1:]
	if b.zeros++; b.hold != 0 {
		b.zeros = 0
	}
	return true
}

// Flag reads a bit.
func (b *Bits) Flag() bool { return b.Read(1) == 1 }

// Unsigned reads an Exp-Golomb code, ue(v) (9.1).
func (b *Bits) Unsigned() uint32 {
	zeros := 0
	for !b.Bad && !b.Flag() {
		if zeros++; zeros > 31 {
			b.Bad = true
		}
	}
	if b.Bad {
		return 0
	}
	return 1<<zeros - 1 + b.Read(zeros)
}

// Signed reads a signed Exp-Golomb code, se(v) (9.1.1).
func (b *Bits) Signed() int32 {
	v := int64(b.Unsigned())
	if v%2 == 0 {
		return int32(-v / 2)
	}
	return int32((v + 1) / 2)
}

// Skip skips n bytes.
func (b *Bits) Skip(n int) {
	for ; n > 0 && !b.Bad; n-- {
		b.Read(8)
	}
}
