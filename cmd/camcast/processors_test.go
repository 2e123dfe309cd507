package main

import (
	"runtime"
	"testing"
)

// TestProcessors wants one more for each stream, unless the environment says how many.
func TestProcessors(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	for _, c := range []struct {
		environment string
		more        int
	}{{"", 3}, {"2", 0}} {
		t.Setenv("GOMAXPROCS", c.environment)
		undo := addProcessors(3)
		if n := runtime.GOMAXPROCS(0); n != was+c.more {
			t.Errorf("GOMAXPROCS=%s: %d, want %d more than %d", c.environment, n, c.more, was)
		}
		undo()
		if n := runtime.GOMAXPROCS(0); n != was {
			t.Errorf("GOMAXPROCS=%s: %d in the end, was %d", c.environment, n, was)
		}
	}
}
