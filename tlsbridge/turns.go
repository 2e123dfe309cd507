package tlsbridge

import (
	"runtime"
	"sync"
	"time"
)

// turns bounds how many goroutines compute at once. A goroutine that waits for a peer has none.
type turns struct {
	taken chan struct{}
	// rests: after each turn nobody has it for as long as it took, so that a flood leaves half of
	// the time to others.
	rests bool
}

// mostRest bounds how long nobody has a turn. On a busy machine they take long.
const mostRest = 2 * time.Millisecond

// enter takes a turn, when there is one, and returns the time.
func (t turns) enter() (began time.Time) {
	t.taken <- struct{}{}
	return time.Now()
}

// leave gives a turn back that began then.
func (t turns) leave(began time.Time) {
	if t.rests {
		time.AfterFunc(min(time.Since(began), mostRest), t.release)
		return
	}
	t.release()
}

func (t turns) release() { <-t.taken }

// The turns of all connections of the process: what they share are its CPUs.
var (
	carrying    = turns{taken: make(chan struct{}, runtime.NumCPU())}
	handshaking = turns{taken: make(chan struct{}, (runtime.NumCPU()+1)/2), rests: true}
)

// AtOnce is how many goroutines of this package compute at once, at most.
func AtOnce() int { return cap(carrying.taken) + cap(handshaking.taken) }

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
