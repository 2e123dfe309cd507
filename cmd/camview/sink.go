package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/view"
)

// output is where pictures go. Its methods may block: the goroutine of a sink calls them, which
// shares nothing with the loop.
type output interface {
	// write takes pictures, which are valid until it returns, and a line of text to show with the
	// last of them: those before it are to be decoded alone. Without a picture only the text is
	// new. hurry: more of them wait.
	write(pictures []view.Frame, status string, hurry bool) error
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
	// newest: when the queue has so many entries the oldest gives way to a new one; 0: when it is
	// full the new one is skipped.
	newest int
	// needsKey: a picture was skipped, and those that need it are skipped, too.
	needsKey bool
	used     chan entry // whose memory is to be used again
	ended    chan error // what the output says at its end
}

// entry is pictures to be written, or none, and the text.
type entry struct {
	pictures []view.Frame
	room     []byte // the pictures' bytes
	status   string
}

// newSink starts the output's goroutine, with a queue of so many entries. failed is
// called there, once, when the output has failed or has enough; nothing is written after
// that.
func newSink(o output, depth, newest int, failed func(error)) *sink {
	s := &sink{
		output: o, queue: make(chan entry, depth), newest: newest,
		used: make(chan entry, depth+1), ended: make(chan error, 1),
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
			if err := s.output.write(e.pictures, e.status, len(s.queue) > 0); err != nil {
				working = false
				failed(err)
			}
		}
		s.recycle(e)
	}
	s.ended <- s.output.close()
}

// recycle keeps the memory of an entry that is over.
func (s *sink) recycle(e entry) {
	if len(e.pictures) == 0 {
		return
	}
	select {
	case s.used <- e:
	default:
	}
}

// picture has a copy of pictures written, the last of which is to be shown. It reports false if any
// were skipped, because the output is too slow. Pictures that need those are skipped, too, up to the
// next key frame.
func (s *sink) picture(pictures []view.Frame, status string) bool {
	isKey := pictures[0].Key || !pictures[0].Format.Dependent()
	if s.needsKey && !isKey {
		return false
	}
	s.needsKey = false
	complete := s.makeRoom(isKey, pictures[0].Format.Dependent())
	if len(s.queue) == cap(s.queue) {
		s.needsKey = pictures[0].Format.Dependent()
		return false
	}
	var e entry
	select {
	case e = <-s.used:
	default:
	}
	e.pictures, e.room, e.status = e.pictures[:0], e.room[:0], status
	for _, p := range pictures {
		e.room = append(e.room, p.Bytes...)
	}
	rest := e.room
	for _, p := range pictures {
		p.Bytes, rest = rest[:len(p.Bytes)], rest[len(p.Bytes):]
		e.pictures = append(e.pictures, p)
	}
	s.queue <- e
	return complete
}

// makeRoom drops old pictures if there are too many, where the newest is worth most: as none needs
// them that come. It reports false if it has dropped any.
func (s *sink) makeRoom(isKey, dependent bool) (complete bool) {
	complete = true
	most := s.newest
	if dependent {
		most = cap(s.queue)
	}
	if s.newest == 0 || !isKey || len(s.queue) < most {
		return true
	}
	for first := true; first || dependent; first = false {
		select {
		case e := <-s.queue:
			complete = complete && len(e.pictures) == 0
			s.recycle(e)
		default: // they are being written by now
			return complete
		}
	}
	return complete
}

// text has the text alone shown, unless so many pictures wait that it would be late.
func (s *sink) text(status string) {
	if len(s.queue) < cap(s.queue) {
		s.queue <- entry{status: status}
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
