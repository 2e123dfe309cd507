//go:build race

package cast_test

// With the race detector a broadcast takes ten times as long, and these broadcasts are simulated by one goroutine: the
// 32-bit programs run all of them, and these a share.
const (
	raced        = true
	defaultSeeds = 5
)

// few is how many of n runs that differ by their seeds alone there are.
func few(n int) int { return max(n/10, min(n, 2)) }
