//go:build !race

package cast_test

const (
	raced        = false
	defaultSeeds = 50
)

// few is how many of n runs that differ by their seeds alone there are.
func few(n int) int { return n }
