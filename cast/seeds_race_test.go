//go:build race

package cast_test

// With the race detector a seed takes ten times as long, and these broadcasts are simulated by one goroutine.
const defaultSeeds = 10
