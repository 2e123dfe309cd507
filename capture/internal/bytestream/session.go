package bytestream

import (
	"errors"
	"io"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// frameBytes is what a frame costs of what may be read in a window, so that a program that makes frames
// without a pause gets no more than 640 a second to the readers.
const frameBytes = windowBytes / 32

// stepBytes is what a step of the demuxer costs likewise.
const stepBytes = 2 << 10

// Session reads a stream, and hands its frames over to a host. All of its methods belong to the loop's
// goroutine.
type Session struct {
	source  *Source
	host    capture.Host
	over    func(err error)
	demuxer *Demuxer
	inlet   *Inlet
	// silence fires when nothing has come for a part of a frame. patience is how many halves of a frame
	// that is.
	silence  capture.Timer
	patience int
	paused   bool // it has fired, and nothing has come since
	counted  uint64
	isLive   bool
	isOver   bool
	onFrame  func()
}

// mostPatience is two frames.
const mostPatience = 4

// Read begins to read a stream from an fd that never blocks, and that stays the caller's. The source is
// live with the first frame. onFrame is called before each one, and over at the stream's end: with io.EOF,
// or with why it cannot be read. Then, and after Stop, nothing is called any more. isFIFO: no program need
// have opened it for writing yet.
func (s *Source) Read(host capture.Host, fd int, isFIFO bool, onFrame func(), over func(err error)) (*Session, error) {
	c := &Session{source: s, host: host, over: over, patience: 1, onFrame: onFrame}
	c.demuxer = NewDemuxer(s.Format, s.MaxFrame, c.frame)
	c.silence = host.NewTimer(c.pause)
	var err error
	if c.inlet, err = OpenInlet(host, fd, isFIFO, c.take, c.ended); err != nil {
		return nil, err
	}
	return c, nil
}

// take takes what has come.
func (c *Session) take(data []byte) {
	had, steps := c.demuxer.Broken(), c.demuxer.Steps()
	err := c.demuxer.Push(data, c.host.Now())
	c.inlet.Spend(stepBytes * (c.demuxer.Steps() - steps))
	if c.paused && c.demuxer.Broken() > had {
		c.patience = min(2*c.patience, mostPatience) // it may have been a pause within a frame
	}
	c.paused = false
	c.count()
	switch {
	case c.isOver:
	case err != nil:
		c.end(err)
	case c.demuxer.IsHolding():
		c.silence.SetAfter(c.halfFrames())
	}
}

// minSilence is longer than programs pause within a frame: up to 12.5 ms were seen.
const minSilence = 15 * time.Millisecond

// halfFrames is how long nothing may come within a frame.
func (c *Session) halfFrames() time.Duration {
	return max(time.Duration(c.patience)*c.source.Interval()/2, minSilence)
}

// pause has what has come of a frame be all of it, unless more waits to be read.
func (c *Session) pause() {
	if c.inlet.IsResting() {
		c.silence.SetAfter(c.halfFrames())
		return
	}
	c.paused = true
	err := c.demuxer.Pause()
	c.count()
	if err != nil && !c.isOver {
		c.end(err)
	}
}

// count counts the broken frames.
func (c *Session) count() {
	n := c.demuxer.Broken()
	c.source.figures.Broken += n - c.counted
	c.counted = n
}

// frame hands over a frame.
func (c *Session) frame(f media.Frame, order int, isTimed bool) {
	if c.isOver {
		return
	}
	s := c.source
	s.adopt(f.Params, c.demuxer.Format())
	if f.Params.Format != media.JPEG && !isTimed {
		s.timing.Set(&f, order, f.Captured)
	}
	f.Params = s.params
	c.inlet.Spend(frameBytes)
	c.onFrame()
	if !c.isLive {
		c.isLive = true
		c.host.Live()
		if c.isOver {
			return
		}
	}
	s.figures.Frames++
	c.host.Frame(f)
}

// ended takes the end of what can be read.
func (c *Session) ended(err error) {
	if errors.Is(err, io.EOF) {
		if fault := c.demuxer.End(c.host.Now()); fault != nil {
			err = fault
		}
		c.count()
	}
	if !c.isOver {
		c.end(err)
	}
}

func (c *Session) end(err error) {
	c.Stop()
	c.over(err)
}

// IsLive reports whether a frame has come.
func (c *Session) IsLive() bool { return c.isLive }

// Drain reads what there still is, as the program that wrote it has ended.
func (c *Session) Drain() { c.inlet.Drain() }

// Stop ends reading.
func (c *Session) Stop() {
	c.isOver = true
	c.silence.Stop()
	c.inlet.Stop()
}
