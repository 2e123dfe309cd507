package cast

import (
	"slices"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// Tap makes a source of the pictures that the stream's source delivers: for another stream that is made of
// them, such as one of smaller pictures. The stream's source is opened while a tap of it is open, as for a
// reader, and the tap has its states. Where StreamOptions.Encoded is set the pictures are those before they
// are encoded. The tap belongs to the loop's goroutine; frames reach it before they reach readers, and their
// bytes hold until its host's Frame returns.
func (s *Stream) Tap() capture.Source {
	if s.pictures != nil {
		s = s.pictures
	}
	return &tap{stream: s}
}

// tap is a source of a stream's frames.
type tap struct {
	stream *Stream
	host   capture.Host // nil: closed
	// isReady: Open has returned. isLive: Live was reported, isOver: one of the reports after which there
	// are none.
	isReady, isLive, isOver bool
	frames                  uint64
}

// Describe says what the stream's source is. It is no device to look after: the stream does that.
func (t *tap) Describe() capture.Description {
	d := t.stream.Describe()
	d.Device = false
	return d
}

// Open has the stream's source be opened, if nobody has watched. The state is reported in the next turn.
func (t *tap) Open(host capture.Host) {
	s := t.stream
	t.host, t.isReady, t.isLive, t.isOver = host, false, false, false
	s.taps = append(s.taps, t)
	s.wanted()
	_ = host.Post(func() { // a loop that is closed wants no report
		if t.host == host && !t.isReady {
			t.isReady = true
			t.follow(s.failure)
		}
	})
}

// follow reports the stream's state; err is the reason of a bad one.
func (t *tap) follow(err error) {
	if t.host == nil || !t.isReady || t.isOver {
		return
	}
	switch state := t.stream.State(); {
	case state == Ended && err != nil:
		t.isOver = true
		t.host.Failed(err)
	case state == Ended:
		t.isOver = true
		t.host.Ended()
	case state == Lost:
		t.isOver = true
		t.host.Lost(err)
	case (state == Live || state == Lingering) && !t.isLive && t.stream.params != nil:
		t.isLive = true
		t.host.Live()
	}
}

// frame hands over a frame.
func (t *tap) frame(f media.Frame) {
	if t.host != nil && t.isLive && !t.isOver {
		t.frames++
		t.host.Frame(f)
	}
}

// Figures counts the frames. What is lost before, the stream's own source counts.
func (t *tap) Figures() capture.Figures { return capture.Figures{Frames: t.frames} }

// Close ends the tap: the stream's source is closed if nobody else watches, and it is one that is closed then.
func (t *tap) Close() error {
	if t.host == nil {
		return nil
	}
	t.host = nil
	s := t.stream
	s.taps = slices.DeleteFunc(slices.Clone(s.taps), func(other *tap) bool { return other == t }) // the old list may be walked
	s.unwanted()
	return nil
}

// tellTaps tells the taps of the stream's state; err is the reason of a bad one.
func (s *Stream) tellTaps(err error) {
	s.failure = err
	if s.broadcaster.leaving {
		return // they are told goodbye as readers are
	}
	for _, t := range s.taps {
		t.follow(err)
	}
}

// isWatched reports whether the stream's source has to deliver.
func (s *Stream) isWatched() bool { return s.Readers() > 0 || len(s.taps) > 0 }
