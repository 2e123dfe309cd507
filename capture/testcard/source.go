package testcard

import (
	"fmt"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/internal/tick"
)

// Options are the settings of a card; the zero value of each field means its default.
type Options struct {
	// Width and Height are in pixels, even, 16 to 2040 (640x480). Players show sizes
	// that are no multiples of 8 rounded up.
	Width, Height int
	// FramesPerSecond is 0.1 to 240 (30).
	FramesPerSecond float64
	// Quality is that of JPEG coding, 1 to 100 (80).
	Quality int
}

const (
	minSize, maxSize = 16, 2040
	minRate, maxRate = 0.1, 240
)

// Check says what is wrong with the options, if anything.
func (o Options) Check() error {
	_, err := o.withDefaults()
	return err
}

func (o Options) withDefaults() (Options, error) {
	if o.Width == 0 && o.Height == 0 {
		o.Width, o.Height = 640, 480
	}
	if o.FramesPerSecond == 0 {
		o.FramesPerSecond = 30
	}
	if o.Quality == 0 {
		o.Quality = 80
	}
	sizeOK := func(n int) bool { return n >= minSize && n <= maxSize && n%2 == 0 }
	switch {
	case !sizeOK(o.Width) || !sizeOK(o.Height):
		return o, fmt.Errorf("test card of %dx%d: both must be even, %d to %d", o.Width, o.Height, minSize, maxSize)
	case !(o.FramesPerSecond >= minRate && o.FramesPerSecond <= maxRate):
		return o, fmt.Errorf("test card at %v frames/s: must be %v to %v", o.FramesPerSecond, minRate, maxRate)
	case o.Quality < 1 || o.Quality > 100:
		return o, fmt.Errorf("test card of quality %d: must be 1 to 100", o.Quality)
	}
	return o, nil
}

// Source is a running test card. It implements capture.Encoder.
type Source struct {
	options Options
	clock   capture.Clock
	ticker  *tick.Ticker
	encoder *encode.Encoder
	card    *card
	data    []byte
	number  uint64 // of the last frame, from 1
	figures capture.Figures
}

// Open starts a test card. It fails if the options make no sense, or for want of file
// descriptors.
func Open(o Options, clock capture.Clock) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{options: o, clock: clock}
	if s.card, err = newCard(o); err != nil {
		return nil, err
	}
	if s.encoder, err = encode.NewEncoder(o.Quality, encode.Options{}); err != nil {
		return nil, err
	}
	if s.ticker, err = tick.New(o.FramesPerSecond, clock.Monotonic()); err != nil {
		s.encoder.Close()
		return nil, fmt.Errorf("test card: %w", err)
	}
	return s, nil
}

// Describe says what the card delivers.
func (s *Source) Describe() capture.Description {
	return capture.Description{
		Source: "test card", Width: s.options.Width, Height: s.options.Height,
		FramesPerSecond: s.options.FramesPerSecond, Coding: "JPEG by " + s.encoder.Name(),
	}
}

// FD becomes readable when a frame is due.
func (s *Source) FD() int { return s.ticker.FD() }

// Next draws the frame that is due. If several are, because the loop was late, the
// older ones are left out, and are gaps. The frame's time is when it was due; the time
// of day in the picture is that of drawing it.
func (s *Source) Next() (capture.Frame, error) {
	beats, due, err := s.ticker.Read()
	if err != nil {
		return capture.Frame{}, err
	}
	s.number += beats
	s.figures.Gaps += beats - 1
	s.card.draw(uint32(s.number), s.clock.Wall())
	if s.data, err = s.encoder.Encode(s.data, s.card.picture); err != nil {
		return capture.Frame{}, err
	}
	s.figures.Frames++
	return capture.Frame{Data: s.data, Format: capture.JPEG, Time: min(due, s.clock.Monotonic()), Sequence: uint32(s.number)}, nil
}

// Quality is that of JPEG coding at present.
func (s *Source) Quality() int { return s.encoder.Quality() }

// SetQuality changes it from the next frame on.
func (s *Source) SetQuality(quality int) { s.encoder.SetQuality(quality) }

// Release does nothing: the buffer is drawn into by Next alone.
func (s *Source) Release() {}

// Figures counts the frames, and those that were left out.
func (s *Source) Figures() capture.Figures { return s.figures }

// Close ends the card.
func (s *Source) Close() error {
	s.encoder.Close()
	return s.ticker.Close()
}

var _ capture.Encoder = (*Source)(nil)
