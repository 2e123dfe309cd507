//go:build !race

package file

// defaultSeeds is how many seeds TestSeeds plays.
const defaultSeeds = 200
