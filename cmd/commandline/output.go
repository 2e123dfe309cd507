package commandline

import (
	"bytes"
	"io"
	"time"
)

// Output is a writer that never waits for whoever reads: a goroutine does. A terminal may be
// stopped, a pipe may be full. Any goroutine may write to it.
type Output struct {
	texts chan []byte
	done  chan struct{} // closed when all is written
}

// outputTexts is how many writes an Output holds. More are dropped.
const outputTexts = 64

// NewOutput makes an Output in front of a writer. Close ends its goroutine.
func NewOutput(w io.Writer) *Output {
	o := &Output{texts: make(chan []byte, outputTexts), done: make(chan struct{})}
	go func() {
		defer close(o.done)
		for text := range o.texts {
			_, _ = w.Write(text) // nobody is left to be told
		}
	}()
	return o
}

// Write takes p, or drops it if too much waits to be written. The error is always nil.
func (o *Output) Write(p []byte) (int, error) {
	select {
	case o.texts <- bytes.Clone(p):
	default:
	}
	return len(p), nil
}

// Close waits until all is written, but no longer than a while. Nothing may be written after it.
func (o *Output) Close(patience time.Duration) {
	close(o.texts)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-o.done:
	case <-late.C:
	}
}
