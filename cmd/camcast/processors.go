package main

import (
	"os"
	"runtime"
)

// addProcessors has Go's scheduler run as many goroutines more at a time as there are streams, each
// of which may have a picture encoded. It runs as many as there are CPUs; while all of them encode,
// the loop, or a smaller picture, would wait until it interrupts one, for up to 10 ms. The kernel
// shares the CPUs in a finer way. Who sets GOMAXPROCS knows better. The returned function undoes it.
func addProcessors(streams int) (undo func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	was := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + streams)
	return func() { runtime.GOMAXPROCS(was) }
}
