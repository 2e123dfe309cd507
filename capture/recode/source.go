package recode

import (
	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// Encoder encodes the frames of one opening of a Source, as encode.H264 does. Encode, SetQuality and Close are
// called by jobs of capture.Host.Code, one at a time.
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
	made       Encoder // by Prepare, for the first opening; nil: there is none, or it is used
	name       string  // of the last encoder, "" until there was one
	quality    int
	params     *media.Params // of the last frame
	read       *media.Params // what the encoder said of it
	figures    capture.Figures
	session    *session // nil: closed
}

// New makes a source that encodes the frames of pictures, which it owns. Each opening has an encoder of its own,
// which newEncoder makes in a job of capture.Host.Work: it may read a library's file.
func New(pictures capture.Source, newEncoder func() (Encoder, error)) *Source {
	return &Source{pictures: pictures, newEncoder: newEncoder, quality: fullQuality}
}

// Prepare makes the encoder of the first opening, so that Describe has its name before that. The error is
// newEncoder's. Prepare may wait for files: call it once, before the loop has viewers.
func (s *Source) Prepare() error {
	made, err := s.newEncoder()
	if err == nil {
		s.made, s.name = made, made.Name()
	}
	return err
}

// Describe says what the pictures are, and what is made of them.
func (s *Source) Describe() capture.Description {
	d := s.pictures.Describe()
	if d.Coding != "" {
		d.Coding += ", "
	}
	d.Coding += "encoded to H.264"
	if s.name != "" {
		d.Coding += " by " + s.name
	}
	d.Params = s.params
	return d
}

// Open makes an encoder and opens the source of pictures. This one is live when the first frame is encoded, as
// only then its Params are known.
func (s *Source) Open(host capture.Host) {
	c := &session{Host: host, source: s, encoder: s.made}
	s.session, s.made = c, nil
	if c.encoder != nil {
		c.open()
		return
	}
	host.Work(c.makeEncoder)
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
	switch {
	case c.isOpen:
		s.figures.Skipped += c.worker.Dropped()
		c.worker.Close(c.encoder.Close)
	case !c.state.CompareAndSwap(making, abandoned) && c.encoder != nil: // else the job closes it
		c.encoder.Close()
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

var (
	_ capture.Encoder   = (*Source)(nil)
	_ capture.KeyFramer = (*Source)(nil)
)
