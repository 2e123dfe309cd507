package tlsbridge

import (
	"runtime"
	"sync"
)

// turns bounds how many goroutines compute at once. A goroutine that waits for a peer has none.
type turns chan struct{}

func (t turns) enter() { t <- struct{}{} }
func (t turns) leave() { <-t }

// The turns of all connections of the process: what they share are its CPUs.
var (
	carrying    = make(turns, runtime.NumCPU())
	handshaking = make(turns, (runtime.NumCPU()+1)/2)
)

// AtOnce is how many goroutines of this package compute at once, at most.
func AtOnce() int { return cap(carrying) + cap(handshaking) }

const (
	// carriedBytes is how much is encrypted at once.
	carriedBytes = 32 << 10
	// bufferBytes has room for that when it is encrypted: two records of 16 kB, with what TLS
	// adds to each, and alerts.
	bufferBytes = carriedBytes + 1<<10
)

// buffers are those of connections that carry something at present.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, bufferBytes)
	return &b
}}

// release gives a buffer back.
func release(b *[]byte) {
	if cap(*b) == bufferBytes { // it has not grown
		*b = (*b)[:0]
		buffers.Put(b)
	}
}
