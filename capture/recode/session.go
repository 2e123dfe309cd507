package recode

import (
	"fmt"
	"sync/atomic"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/worker"
)

// session is a source from Open to Close. It is the Host of the source of pictures: it passes on all that
// it does not take part in.
type session struct {
	capture.Host
	source  *Source
	encoder Encoder
	worker  *worker.Worker[piece]
	// isOpen: the source of pictures was opened. isLive: Live was reported, isOver: one of the reports
	// after which there are none.
	isOpen, isLive, isOver bool
	hasEnded               bool // the source of pictures has, and the worker has not
	// state is that of the job that makes the encoder. Close and its end may be on two goroutines at once.
	state    atomic.Int32
	wantsKey atomic.Bool
	failures int   // frames in a row that could not be encoded
	fault    error // of the last one, or of making an encoder
}

// The states of the job that makes an encoder.
const (
	making    int32 = iota // it may run
	made                   // the encoder is the session's, or fault says why there is none
	abandoned              // the source was closed: the encoder is the job's
)

// makeEncoder is that job.
func (c *session) makeEncoder() (done func()) {
	encoder, err := c.source.newEncoder()
	if c.fault = err; err == nil {
		c.encoder = encoder
	}
	if c.state.CompareAndSwap(making, made) {
		return c.encoderMade
	}
	if err == nil {
		encoder.Close()
	}
	return nil
}

// encoderMade goes on with what the job has made.
func (c *session) encoderMade() {
	switch {
	case c.source.session != c:
	case c.fault != nil:
		c.fail()
	default:
		c.open()
	}
}

// open opens the source of pictures.
func (c *session) open() {
	c.source.name = c.encoder.Name() // a device may have failed since the opening before
	c.worker = worker.New(c.Host.Code, c.encode, c.encoded)
	c.isOpen = true
	c.source.pictures.Open(c)
}

// piece is a frame on its way by the worker.
type piece struct {
	frame   media.Frame
	data    []byte // its bytes
	quality int
	coded   media.Frame
	err     error
}

// maxFailures is how many frames in a row may fail.
const maxFailures = 10

// Live is called by the source of pictures. What is made of them is known with the first frame.
func (c *session) Live() {}

// Frame is called by the source of pictures.
func (c *session) Frame(f media.Frame) {
	if c.isOver {
		return
	}
	c.worker.Add(func(p *piece) {
		p.data = append(p.data[:0], f.Bytes...)
		p.frame, p.quality = f, c.source.quality
		p.frame.Bytes = p.data
	})
}

// encode is the job.
func (c *session) encode(p *piece) {
	c.encoder.SetQuality(p.quality)
	p.coded, p.err = c.encoder.Encode(p.frame, c.wantsKey.Swap(false))
}

// encoded hands over what the job has made.
func (c *session) encoded(p *piece) {
	s := c.source
	switch {
	case c.isOver:
	case p.err != nil:
		s.figures.Broken++
		c.failures++
		c.fault = p.err
	default:
		c.failures = 0
		s.adopt(p.coded.Params)
		p.coded.Params = s.params
		c.deliver(p.coded)
	}
	isLast := c.hasEnded && !c.worker.Waiting()
	switch {
	case c.isOver || s.session != c:
	case isLast && c.isLive:
		c.end()
	case isLast, c.failures >= maxFailures && !c.hasEnded:
		c.fail()
	}
}

// deliver hands over a frame; before the first it reports that the source is live, after which it may be closed.
func (c *session) deliver(f media.Frame) {
	if !c.isLive {
		c.isLive = true
		c.Host.Live()
	}
	if c.source.session == c && !c.isOver {
		c.source.figures.Frames++
		c.Host.Frame(f)
	}
}

// fail reports that frames cannot be encoded. If some were, that may be over soon.
func (c *session) fail() {
	if c.source.session == c && !c.isOver {
		c.isOver = true
		report := c.Host.Failed
		if c.isLive {
			report = c.Host.Lost
		}
		report(fmt.Errorf("pictures cannot be encoded to H.264: %w", c.fault))
	}
}

func (c *session) end() {
	c.isOver = true
	c.Host.Ended()
}

// Lost is called by the source of pictures.
func (c *session) Lost(err error) {
	if !c.isOver {
		c.isOver = true
		c.Host.Lost(err)
	}
}

// Failed is called by the source of pictures.
func (c *session) Failed(err error) {
	if !c.isOver {
		c.isOver = true
		c.Host.Failed(err)
	}
}

// Ended is called by the source of pictures. Its last frames may still be encoded.
func (c *session) Ended() {
	switch {
	case c.isOver:
	case c.worker.Busy():
		c.hasEnded = true
	default:
		c.end()
	}
}
