//go:build race

package file

// defaultSeeds is how many seeds TestSeeds plays. The race detector makes each several times as long.
const defaultSeeds = 50
