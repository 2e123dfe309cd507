package rtp

// The quantisation tables of T.81, K.1, in zigzag order, which RFC 2435 scales by Q
// (section 4.2).
var (
	baseLuma = [64]byte{
		16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40,
		26, 24, 22, 22, 24, 49, 35, 37, 29, 40, 58, 51, 61, 60, 57, 51,
		56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81, 87,
		95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
	}
	baseChroma = [64]byte{
		17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	}
)

// scaledTables are the tables of a Q from 1 to 99.
func scaledTables(q int) (luma, chroma [64]byte) {
	factor := 200 - 2*q
	if q < 50 {
		factor = 5000 / q
	}
	scale := func(v byte) byte { return byte(min(max((int(v)*factor+50)/100, 1), 255)) }
	for i := range luma {
		luma[i], chroma[i] = scale(baseLuma[i]), scale(baseChroma[i])
	}
	return luma, chroma
}
