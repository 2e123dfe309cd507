package commandline

import (
	"bytes"
	"io"
	"time"
)

// Output is a writer that never waits for whoever reads: a goroutine does. A terminal may be
// stopped, a pipe may be full. Any goroutine may write to it.
type Output struct {
	texts   chan []byte
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when all is written
}

// outputTexts is how many writes an Output holds. More are dropped.
const outputTexts = 64

// NewOutput makes an Output in front of a writer. Close ends its goroutine.
func NewOutput(w io.Writer) *Output {
	o := &Output{texts: make(chan []byte, outputTexts), closing: make(chan struct{}), done: make(chan struct{})}
	go o.run(w)
	return o
}

// run writes until the Output is closed and nothing waits any more.
func (o *Output) run(w io.Writer) {
	defer close(o.done)
	for {
		select {
		case text := <-o.texts:
			_, _ = w.Write(text) // there is nobody left to tell of its error
		case <-o.closing:
			select {
			case text := <-o.texts:
				_, _ = w.Write(text)
			default:
				return
			}
		}
	}
}

// Write takes p, or drops it if too much waits to be written. The error is always nil.
func (o *Output) Write(p []byte) (int, error) {
	select {
	case o.texts <- bytes.Clone(p):
	default:
	}
	return len(p), nil
}

// Close waits until what was written before is out, but no longer than a while. It is called
// once. What is written later may be lost.
func (o *Output) Close(patience time.Duration) {
	close(o.closing)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-o.done:
	case <-late.C:
	}
}
