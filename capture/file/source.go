package file

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/beat"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"golang.org/x/sys/unix"
)

// Options are the settings of a file; the zero value of each field but Path is useful.
type Options struct {
	// Path is the file or folder.
	Path string
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
	// next returns the next picture, valid until the next call, and how many broken ones
	// it has skipped before it. Its error is errEnd at the end, errCut if the file has
	// become shorter than it was, errMuch if there is more to skip than a loop should wait
	// for, or that of reading. After each of them but errEnd, next may be called again.
	next() (picture []byte, broken uint64, err error)
	// rewind goes back to the beginning. If it fails it may be called again.
	rewind() error
	close() error
}

var (
	errEnd   = errors.New("end of the pictures")
	errCut   = errors.New("was cut off")
	errMuch  = errors.New("much to skip")
	errEmpty = errors.New("has no picture")
)

// Source is a file that is played. It implements capture.Source.
type Source struct {
	options Options
	params  *media.Params // nil until a picture was seen
	figures capture.Figures

	host     capture.Host // nil: closed
	beat     *beat.Beat   // of this opening
	pictures pictures     // nil until the first beat
	atEnd    bool         // of a round: rewind before going on
	isEmpty  bool         // no picture has come in this round
}

// New makes a source of a file or folder, which need not be there yet. Its errors say what
// is wrong with the options.
func New(o Options) (*Source, error) {
	if o.FramesPerSecond == 0 {
		o.FramesPerSecond = defaultRate
	}
	if !(o.FramesPerSecond >= minRate && o.FramesPerSecond <= maxRate) {
		return nil, fmt.Errorf("%s at %v frames/s: must be %v to %v", o.Path, o.FramesPerSecond, minRate, maxRate)
	}
	return &Source{options: o}, nil
}

// Describe says what the file delivers. Its size is that of the last picture.
func (s *Source) Describe() capture.Description {
	coding := "JPEG, played once"
	if s.options.Loop {
		coding = "JPEG, played again and again"
	}
	return capture.Description{Source: s.options.Path, Coding: coding, Params: s.params}
}

// Open opens the file in the next turn of the loop and makes sure that there is a picture
// in it. If there is none, or the file cannot be had, the source has failed. The file is
// played from its beginning, one picture a beat. A loop that is late gets the pictures
// that it missed one by one, at the file's rate, not at once.
//
// Once a picture was found the source is never lost. What cannot be read is tried again at
// each beat, and counted as a gap.
func (s *Source) Open(host capture.Host) {
	s.host = host
	s.beat = beat.Start(host, s.options.FramesPerSecond, s.play)
}

// play hands over the picture that is due. Its time is when it was.
func (s *Source) play(_ uint64, due time.Duration) {
	if s.pictures == nil && !s.begin() {
		return
	}
	picture, err := s.picture()
	switch {
	case err == nil:
	case errors.Is(err, errEnd):
		s.beat.Stop()
		s.host.Ended()
		return
	case errors.Is(err, errMuch):
		return
	default:
		s.figures.Gaps++
		return
	}
	width, height, err := jpeg.Size(picture)
	if err != nil {
		s.figures.Broken++
		return
	}
	s.setSize(width, height)
	s.figures.Frames++
	s.host.Frame(media.Frame{Params: s.params, Bytes: picture, Captured: due, Key: true})
}

// begin opens the file and reports that it is live. It returns false if that, or an error,
// has ended this opening.
func (s *Source) begin() bool {
	opening := s.beat
	if err := s.openPictures(); err != nil {
		s.beat.Stop()
		report := s.host.Failed
		if isPassing(err) {
			report = s.host.Lost
		}
		report(fmt.Errorf("%s: %w", s.options.Path, err))
		return false
	}
	s.host.Live()
	return s.beat == opening
}

func (s *Source) openPictures() error {
	p, err := openPictures(s.options.Path)
	if err != nil {
		return err
	}
	if err := s.look(p); err != nil {
		return errors.Join(err, p.close())
	}
	s.pictures, s.atEnd, s.isEmpty = p, false, true
	return nil
}

// look finds out the size of the first picture.
func (s *Source) look(p pictures) error {
	picture, _, err := p.next()
	switch {
	case errors.Is(err, errEnd):
		return errors.New("no whole JPEG picture in it")
	case errors.Is(err, errMuch):
		return errors.New("no whole JPEG picture at its beginning")
	case err != nil:
		return err
	}
	width, height, err := jpeg.Size(picture)
	if err != nil {
		return err
	}
	s.setSize(width, height)
	return p.rewind()
}

func (s *Source) setSize(width, height int) {
	p := media.Params{Format: media.JPEG, Width: width, Height: height, FramesPerSecond: s.options.FramesPerSecond}
	if s.params != nil {
		if s.params.Width == width && s.params.Height == height {
			return
		}
		p.Version = s.params.Version + 1
	}
	s.params = &p
}

// picture returns the next picture: the first one after the last if the file is to be
// played again. A round without any is errEmpty, and the next call begins another: the
// caller waits for the next beat between them.
func (s *Source) picture() ([]byte, error) {
	for {
		if s.atEnd {
			if err := s.pictures.rewind(); err != nil {
				return nil, err
			}
			s.atEnd, s.isEmpty = false, true
		}
		picture, broken, err := s.pictures.next()
		s.figures.Broken += broken
		if err == nil {
			s.isEmpty = false
			return picture, nil
		}
		if !s.options.Loop || !errors.Is(err, errEnd) && !errors.Is(err, errCut) {
			return nil, err
		}
		s.atEnd = true
		if s.isEmpty {
			return nil, errEmpty
		}
	}
}

// isPassing reports whether an error of opening a file may pass by itself: the process or
// the system lacks something, or the disk has failed.
func isPassing(err error) bool {
	for _, errno := range []error{unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EIO, unix.ESTALE, unix.ETIMEDOUT} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// Figures counts the frames, the beats at which nothing could be read, and the broken
// pictures.
func (s *Source) Figures() capture.Figures { return s.figures }

// Close closes the file.
func (s *Source) Close() error {
	if s.host == nil {
		return nil
	}
	s.beat.Stop()
	var err error
	if s.pictures != nil {
		err = s.pictures.close()
	}
	s.host, s.beat, s.pictures = nil, nil, nil
	return err
}

var _ capture.Source = (*Source)(nil)
