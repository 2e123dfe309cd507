package main

import (
	"os"
	"runtime"
)

// addProcessors has Go's scheduler run that many goroutines more at a time: one for each stream, which
// may have a picture encoded, those of TLS, and one for HTTP. It runs as many as there are CPUs; while all of these
// compute, the loop, or a smaller picture, would wait until it interrupts one, for up to 10 ms. The
// kernel shares the CPUs in a finer way. Who sets GOMAXPROCS knows better. The returned function
// undoes it.
func addProcessors(more int) (undo func()) {
	if os.Getenv("GOMAXPROCS") != "" {
		return func() {}
	}
	was := runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + more)
	return func() { runtime.GOMAXPROCS(was) }
}
