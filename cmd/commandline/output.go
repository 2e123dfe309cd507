package commandline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// Output is a writer that never waits for its reader: a goroutine does. A terminal may be
// stopped, a pipe may be full. Any goroutine may write to it.
type Output struct {
	texts   chan []byte
	closing chan struct{} // closed by Close
	done    chan struct{} // closed when all is written
	err     error         // the first error of a write, to be read when done is closed
}

// ErrNotRead is matched by Close's error about a reader that does not read.
var ErrNotRead = errors.New("it is not read")

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
			o.write(w, text)
		case <-o.closing:
			select {
			case text := <-o.texts:
				o.write(w, text)
			default:
				return
			}
		}
	}
}

// write writes a text, and keeps the first error for Close.
func (o *Output) write(w io.Writer, text []byte) {
	if _, err := w.Write(text); o.err == nil {
		o.err = err
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

// Close waits until what was written before is out, but no longer than patience. It is called
// once. What is written later may be lost. The error is the first one of a write, or matches
// ErrNotRead.
func (o *Output) Close(patience time.Duration) error {
	close(o.closing)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-o.done:
		return o.err
	case <-late.C:
		return fmt.Errorf("%w: gave up after %v", ErrNotRead, patience)
	}
}
