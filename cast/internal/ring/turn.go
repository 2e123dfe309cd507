package ring

// First is which of n readers is first in a turn. It goes round in strides of the golden
// ratio, so that after any number of turns everybody was early and late about as often: in
// strides of one the last of ten thousand would be among the last for minutes.
func First(turn uint32, n int) int {
	const golden = 0x9e3779b9 // 2^32 divided by the golden ratio
	return int(uint64(turn*golden) * uint64(n) >> 32)
}
