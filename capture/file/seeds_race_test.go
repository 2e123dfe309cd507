//go:build race

package file

// defaultSeeds is how many seeds TestSeeds plays. The race detector makes each several times as long; 32-bit programs
// play all of them.
const defaultSeeds = 10
