//go:build !race

package cast_test

const defaultSeeds = 50
