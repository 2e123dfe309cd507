package file

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/tick"
	"github.com/camcast/camcast/proto/jpeg"
)

// Options are the settings of a file; the zero value is useful.
type Options struct {
	// FramesPerSecond is the rate to play at, 0.01 to 1000 (25).
	FramesPerSecond float64
	// Loop begins again at the end.
	Loop bool
}

const (
	defaultRate      = 25
	minRate, maxRate = 0.01, 1000
)

// pictures is a sequence of JPEGs.
type pictures interface {
	// next returns the next picture, valid until the next call, and how many broken
	// ones it has skipped before it. Its error is capture.ErrEnd at the end, or
	// capture.ErrNotReady if there is more to skip than a loop should wait for: call it
	// again.
	next() (picture []byte, broken uint64, err error)
	// rewind goes back to the beginning.
	rewind() error
	close() error
}

// Source is a file that is played. It implements capture.Source.
type Source struct {
	path          string
	options       Options
	clock         capture.Clock
	ticker        *tick.Ticker
	pictures      pictures
	width, height int
	sequence      uint32
	figures       capture.Figures
}

// Open opens a file or folder and makes sure that there is a picture in it. Errors say
// what it is instead.
func Open(path string, o Options, clock capture.Clock) (*Source, error) {
	if o.FramesPerSecond == 0 {
		o.FramesPerSecond = defaultRate
	}
	if !(o.FramesPerSecond >= minRate && o.FramesPerSecond <= maxRate) {
		return nil, fmt.Errorf("%s at %v frames/s: must be %v to %v", path, o.FramesPerSecond, minRate, maxRate)
	}
	p, err := openPictures(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Source{path: path, options: o, clock: clock, pictures: p}
	if err := s.look(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), p.close())
	}
	if s.ticker, err = tick.New(o.FramesPerSecond, clock.Monotonic()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), p.close())
	}
	return s, nil
}

// look finds out the size of the first picture.
func (s *Source) look() error {
	picture, _, err := s.pictures.next()
	switch {
	case errors.Is(err, capture.ErrEnd):
		return errors.New("there is no whole JPEG picture in it")
	case errors.Is(err, capture.ErrNotReady):
		return errors.New("there is no whole JPEG picture at the beginning of it")
	case err != nil:
		return err
	}
	if s.width, s.height, err = jpeg.Size(picture); err != nil {
		return err
	}
	return s.pictures.rewind()
}

// Describe says what the file delivers: its first picture's size.
func (s *Source) Describe() capture.Description {
	coding := "JPEG, played once"
	if s.options.Loop {
		coding = "JPEG, played again and again"
	}
	return capture.Description{
		Source: s.path, Width: s.width, Height: s.height,
		FramesPerSecond: s.options.FramesPerSecond, Coding: coding,
	}
}

// FD becomes readable when a frame is due.
func (s *Source) FD() int { return s.ticker.FD() }

// Next returns the next frame if one is due; its time is when it was. A caller that is
// late gets the frames that it missed one by one, at the file's rate, not at once. Next
// returns capture.ErrEnd after the last frame.
func (s *Source) Next() (capture.Frame, error) {
	_, due, err := s.ticker.Read()
	if err != nil {
		return capture.Frame{}, err
	}
	picture, err := s.picture()
	if err != nil {
		return capture.Frame{}, err
	}
	s.sequence++
	s.figures.Frames++
	return capture.Frame{Data: picture, Format: capture.JPEG, Time: due, Sequence: s.sequence}, nil
}

// picture returns the next picture, the first one after the last if that is wished.
func (s *Source) picture() ([]byte, error) {
	picture, broken, err := s.pictures.next()
	s.figures.Broken += broken
	if !errors.Is(err, capture.ErrEnd) || !s.options.Loop {
		return picture, err
	}
	if err := s.pictures.rewind(); err != nil {
		return nil, err
	}
	picture, broken, err = s.pictures.next()
	s.figures.Broken += broken
	return picture, err
}

// Release does nothing: the buffer is written to by Next alone.
func (s *Source) Release() {}

// Figures counts the frames and the broken pictures.
func (s *Source) Figures() capture.Figures { return s.figures }

// Close closes the file.
func (s *Source) Close() error { return errors.Join(s.ticker.Close(), s.pictures.close()) }

var _ capture.Source = (*Source)(nil)
