package encode

import "math"

// valueTable says what becomes of each value of a sample; nil: it stays.
type valueTable []byte

// apply writes the samples of src to dst.
func (t valueTable) apply(dst, src []byte) {
	if t == nil {
		copy(dst, src)
		return
	}
	table := (*[256]byte)(t)
	dst = dst[:len(src)]
	for i, value := range src {
		dst[i] = table[value]
	}
}

// levels are the tables of brightness and colour that make all values from 0 to 255 of those that a
// picture has.
type levels struct{ luma, colour valueTable }

var (
	sameValues    = stretched(0, 0, 255)
	limitedLuma   = stretched(16, 0, 219)
	limitedColour = stretched(128, 128, 224)
	limitedByRGB  = stretched(128, 128, 219) // R, G and B are all of 219 steps, so their differences are
)

// stretched is the table that makes the value to of from, and 255 steps of so many.
func stretched(from, to, steps int) valueTable {
	table := make(valueTable, 256)
	for i := range table {
		value := math.Round(float64(i-from)*255/float64(steps)) + float64(to)
		table[i] = byte(min(max(value, 0), 255))
	}
	return table
}

func (p Pixels) levels() levels {
	switch {
	case !p.Limited:
		return levels{}
	case p.Format == RGB24 || p.Format == BGR24:
		return levels{limitedLuma, limitedByRGB}
	}
	return levels{limitedLuma, limitedColour}
}

// tables are the levels for loops that look every value up.
func (l levels) tables() (luma, colour *[256]byte) {
	if l.luma == nil {
		same := (*[256]byte)(sameValues)
		return same, same
	}
	return (*[256]byte)(l.luma), (*[256]byte)(l.colour)
}
