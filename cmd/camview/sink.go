package main

import (
	"errors"
	"fmt"
	"time"
)

// output is where pictures go. Its methods may block: the goroutine of a sink calls them, which
// shares nothing with the loop.
type output interface {
	// write takes a picture, a whole JPEG file which is valid until write returns, and a
	// line of text to show with it. Without a picture (nil) only the text is new.
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
	// newest: when the queue is full the oldest picture in it gives way to a new one; else
	// the new one is skipped.
	newest bool
	used   chan []byte // buffers to be filled again
	ended  chan error  // what the output says at its end
}

// entry is a picture to be written, or nil, and the text.
type entry struct {
	jpeg   []byte
	status string
}

// newSink starts the output's goroutine, with a queue of so many pictures. failed is
// called there, once, when the output has failed or has enough; nothing is written after
// that.
func newSink(o output, depth int, newest bool, failed func(error)) *sink {
	s := &sink{
		output: o, queue: make(chan entry, depth), newest: newest,
		used: make(chan []byte, depth+1), ended: make(chan error, 1),
	}
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
		s.recycle(e)
	}
	s.ended <- s.output.close()
}

// recycle keeps the buffer of an entry that is over.
func (s *sink) recycle(e entry) {
	if e.jpeg == nil {
		return
	}
	select {
	case s.used <- e.jpeg:
	default:
	}
}

// picture has a copy of a picture written. It reports false if one was skipped,
// because the output is too slow.
func (s *sink) picture(jpeg []byte, status string) bool {
	complete := true
	if len(s.queue) == cap(s.queue) {
		if !s.newest {
			return false
		}
		select {
		case e := <-s.queue:
			complete = e.jpeg == nil
			s.recycle(e)
		default: // it is being written by now
		}
	}
	var room []byte
	select {
	case room = <-s.used:
	default:
	}
	s.queue <- entry{append(room[:0], jpeg...), status}
	return complete
}

// text has the text alone shown, unless so many pictures wait that it would be late.
func (s *sink) text(status string) {
	if len(s.queue) < cap(s.queue) {
		s.queue <- entry{nil, status}
	}
}

// close waits until all that was queued is written and the output is closed.
func (s *sink) close() error {
	close(s.queue)
	select {
	case err := <-s.ended:
		return err
	case <-time.After(drainTime):
		return fmt.Errorf("the output takes no pictures: gave up after %v", drainTime)
	}
}
