package main

import (
	"errors"
	"fmt"
	"time"
)

// output is where pictures go. It may wait for whoever takes them: its methods are called
// by the goroutine of a sink, which shares nothing with the loop.
type output interface {
	// write takes a picture, a whole JPEG file which is valid until write returns, and a
	// line of text to show with it. Without a picture only the text is new.
	write(jpeg []byte, status string) error
	// close ends it; what was written is safe then.
	close() error
}

// errEnough is returned by an output that wants no more pictures.
var errEnough = errors.New("the output has all it wants")

// drainTime is how long an output may take for its last pictures.
const drainTime = 2 * time.Second

// sink is the queue of pictures before an output. Its methods belong to one goroutine,
// the loop's, and do not wait, but for close.
type sink struct {
	output output
	queue  chan entry
	used   chan []byte // buffers to be filled again
	ended  chan error  // what the output says at its end
}

// entry is a picture to be written.
type entry struct {
	jpeg   []byte
	status string
}

// newSink starts the output's goroutine, with a queue of so many pictures. failed is
// called there, once, when the output has failed or has enough; nothing is written after
// that.
func newSink(o output, depth int, failed func(error)) *sink {
	s := &sink{output: o, queue: make(chan entry, depth), used: make(chan []byte, depth+1), ended: make(chan error, 1)}
	go s.work(failed)
	return s
}

func (s *sink) work(failed func(error)) {
	defer func() {
		if p := recover(); p != nil {
			_ = s.output.close() // gives the terminal back before the program ends
			panic(p)
		}
	}()
	working := true
	for e := range s.queue {
		if working {
			if err := s.output.write(e.jpeg, e.status); err != nil {
				working = false
				failed(err)
			}
		}
		select {
		case s.used <- e.jpeg:
		default:
		}
	}
	s.ended <- s.output.close()
}

// offer has a copy of a picture written, and reports false if the output is too slow: the
// queue is full. Without a picture the status alone is shown.
func (s *sink) offer(jpeg []byte, status string) bool {
	if len(s.queue) == cap(s.queue) {
		return false
	}
	var room []byte
	select {
	case room = <-s.used:
	default:
	}
	s.queue <- entry{append(room[:0], jpeg...), status}
	return true
}

// close waits until all that was offered is written and the output is closed.
func (s *sink) close() error {
	close(s.queue)
	select {
	case err := <-s.ended:
		return err
	case <-time.After(drainTime):
		return fmt.Errorf("the output takes no pictures: gave up after %v", drainTime)
	}
}
