package recode

import (
	"fmt"
	"sync/atomic"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/worker"
)

// Encoder encodes the frames of one opening of a Source, as encode.H264 does. It is called by jobs of
// capture.Host.Code, one at a time.
type Encoder interface {
	// Encode encodes a frame, which is only read. key asks for a key frame. The bytes of the result hold
	// until the next call, its Params stay the same until they change.
	Encode(f media.Frame, key bool) (media.Frame, error)
	// SetQuality has frames encoded with so many percent of the full bit rate from the next one on.
	SetQuality(percent int)
	// Name says who encodes, for a person.
	Name() string
	// Close frees the encoder. It is called once, when no job uses it.
	Close()
}

// fullQuality is that of a source whose quality was not changed.
const fullQuality = 100

// Source has the frames of another source encoded. It implements capture.Encoder, whose quality is
// percent of the full bit rate, and capture.KeyFramer.
type Source struct {
	pictures   capture.Source
	newEncoder func() (Encoder, error)
	made       Encoder // by New, for the first opening; nil: it is used
	name       string
	quality    int
	params     *media.Params // of the last frame
	read       *media.Params // what the encoder said of it
	figures    capture.Figures
	session    *session // nil: closed
}

// New makes a source that encodes the frames of pictures. Each opening has an encoder of its own, which
// newEncoder makes on the loop's goroutine; the first one New does. The error is newEncoder's. The source owns
// pictures, also when New fails.
func New(pictures capture.Source, newEncoder func() (Encoder, error)) (*Source, error) {
	encoder, err := newEncoder()
	if err != nil {
		_ = pictures.Close() // it is not open
		return nil, err
	}
	return &Source{pictures: pictures, newEncoder: newEncoder, made: encoder, name: encoder.Name(), quality: fullQuality}, nil
}

// Describe says what the pictures are, and what is made of them.
func (s *Source) Describe() capture.Description {
	d := s.pictures.Describe()
	if d.Coding != "" {
		d.Coding += ", "
	}
	d.Coding += "encoded to H.264 by " + s.name
	d.Params = s.params
	return d
}

// Open opens the source of pictures. This one is live when the first frame is encoded, as only then its
// Params are known.
func (s *Source) Open(host capture.Host) {
	c := &session{Host: host, source: s, encoder: s.made}
	s.session, s.made = c, nil
	if c.encoder == nil {
		if c.encoder, c.fault = s.newEncoder(); c.fault != nil {
			_ = host.Post(c.fail) // a loop that is closed wants no report
			return
		}
		s.name = c.encoder.Name() // a device may have failed meanwhile
	}
	c.worker = worker.New(host.Code, c.encode, c.encoded)
	c.isOpen = true
	s.pictures.Open(c)
}

// Quality is the part of the full bit rate at present, in percent.
func (s *Source) Quality() int { return s.quality }

// SetQuality changes it from the next frame on. What is not 1 to 100 is taken as the nearest that is.
func (s *Source) SetQuality(quality int) { s.quality = min(max(quality, 1), fullQuality) }

// RequestKeyFrame has the next frame that is encoded be a key frame. The error is always nil.
func (s *Source) RequestKeyFrame() error {
	if s.session != nil {
		s.session.wantsKey.Store(true)
	}
	return nil
}

// Figures counts as Frames those that were encoded, as Skipped those for which there was no time, and as
// Broken also those that could not be encoded.
func (s *Source) Figures() capture.Figures {
	f, of := s.figures, s.pictures.Figures()
	f.Gaps += of.Gaps
	f.Broken += of.Broken
	f.Skipped += of.Skipped
	if c := s.session; c != nil && c.isOpen {
		f.Skipped += c.worker.Dropped()
	}
	return f
}

// Close closes the source of pictures, and drops what is under way.
func (s *Source) Close() error {
	if s.made != nil { // it was never open
		s.made.Close()
		s.made = nil
	}
	c := s.session
	if c == nil {
		return s.pictures.Close()
	}
	s.session = nil
	if c.isOpen {
		s.figures.Skipped += c.worker.Dropped()
		c.worker.Close(c.encoder.Close)
	}
	return s.pictures.Close()
}

// adopt takes the parameters of an encoder's frame, of a higher version if they are others than those before:
// each opening has an encoder of its own.
func (s *Source) adopt(p *media.Params) {
	if p == s.read {
		return
	}
	s.read = p
	if s.params != nil && s.params.Equal(p) {
		return
	}
	is := *p
	if s.params != nil {
		is.Version = s.params.Version + 1
	}
	s.params = &is
}

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
	wantsKey               atomic.Bool
	failures               int   // frames in a row that could not be encoded
	fault                  error // of the last one, or of making an encoder
}

// piece is a frame on its way by the worker.
type piece struct {
	frame   media.Frame
	data    []byte // its bytes
	quality int
	coded   media.Frame
	err     error
}

// maxFailures is how many frames in a row may fail before the first one is encoded.
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
		if c.fault = p.err; !c.isLive {
			c.failures++
		}
	default:
		c.failures = 0
		s.adopt(p.coded.Params)
		p.coded.Params = s.params
		c.deliver(p.coded)
	}
	switch {
	case c.isOver || s.session != c:
	case c.failures >= maxFailures, c.hasEnded && !c.isLive && c.fault != nil && !c.worker.Waiting():
		c.fail()
	case c.hasEnded && !c.worker.Waiting():
		c.end()
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

// fail reports that frames cannot be encoded.
func (c *session) fail() {
	if c.source.session == c && !c.isOver {
		c.isOver = true
		c.Host.Failed(fmt.Errorf("pictures cannot be encoded to H.264: %w", c.fault))
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

var (
	_ capture.Encoder   = (*Source)(nil)
	_ capture.KeyFramer = (*Source)(nil)
)
