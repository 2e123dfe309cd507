//go:build race

package sealfan

// seeds is how many seeds are tried: the race detector makes them many times slower.
const seeds = 10
