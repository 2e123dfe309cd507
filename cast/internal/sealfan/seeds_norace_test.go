//go:build !race

package sealfan

// seeds is how many seeds are tried.
const seeds = 100
