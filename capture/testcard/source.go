package testcard

import (
	"fmt"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/internal/beat"
	"github.com/camcast/camcast/media"
)

// Options are the settings of a card; the zero value of each field means its default.
type Options struct {
	// Width and Height are in pixels, even, 16 to 2040 (640x480). Players show sizes
	// that are no multiples of 8 rounded up.
	Width, Height int
	// FramesPerSecond is 0.1 to 240 (30).
	FramesPerSecond float64
	// Quality is that of JPEG coding, 1 to 100 (80), and Encode says how else pictures are
	// encoded.
	Quality int
	Encode  encode.Options
	// Pixels has the card deliver pictures that are not coded (media.I420), for an encoder.
	Pixels bool
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

// Source is a test card. It implements capture.Encoder.
//
// A worker draws and encodes the frames, as that takes longer than a loop should wait: at
// 2040x2040 some 10 ms by libjpeg-turbo, and ten times that by Go's encoder.
type Source struct {
	options Options // Quality is the present one
	params  *media.Params
	coding  string
	number  uint64 // of the last frame that was due, from 1; it goes on when the card is opened again
	figures capture.Figures

	host capture.Host // nil: closed
	beat *beat.Beat   // of this opening
	desk *desk        // nil until the first beat
}

// New makes a test card. Its errors say what is wrong with the options.
func New(o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Source{options: o, params: &media.Params{
		Format: media.JPEG, Width: o.Width, Height: o.Height, FramesPerSecond: o.FramesPerSecond,
	}}
	if o.Pixels {
		s.params.Format, s.coding = media.I420, "drawn"
		return s, nil
	}
	// This one tells its name, and has the library loaded before the loop runs.
	probe, err := encode.NewEncoder(o.Quality, o.Encode)
	if err != nil {
		return nil, fmt.Errorf("test card: %w", err)
	}
	s.coding = "JPEG by " + probe.Name()
	probe.Close()
	return s, nil
}

// Describe says what the card delivers.
func (s *Source) Describe() capture.Description {
	return capture.Description{Source: "test card", Coding: s.coding, Params: s.params}
}

// Open starts the card: it is live in the next turn of the loop, and the first frame is drawn
// then.
func (s *Source) Open(host capture.Host) {
	s.host = host
	s.beat = beat.Start(host, s.options.FramesPerSecond, s.frame)
}

// frame has the frame drawn that is due. If several are, because the loop was late, it skips the
// older ones and counts them as gaps. The frame's time is when it was due; the time of day in
// the picture is that of this turn of the loop.
func (s *Source) frame(beats uint64, due time.Duration) {
	if s.desk == nil && !s.begin() {
		return
	}
	s.number += beats
	s.figures.Gaps += beats - 1
	s.desk.worker.Add(func(f *frame) {
		f.number, f.due, f.wall, f.quality = uint32(s.number), due, s.host.Wall(), s.options.Quality
	})
}

// begin reports that the card is live. It returns false if that has ended this opening.
func (s *Source) begin() bool {
	opening := s.beat
	s.host.Live()
	if s.beat != opening {
		return false
	}
	s.desk = newDesk(s.host, s.options, s.drawn)
	return true
}

// drawn hands over a frame that was drawn and encoded.
func (s *Source) drawn(f *frame) {
	if f.err != nil {
		s.beat.Stop()
		s.host.Lost(fmt.Errorf("test card: %w", f.err))
		return
	}
	s.figures.Frames++
	s.host.Frame(media.Frame{Params: s.params, Bytes: f.data, Captured: f.due, Key: true})
}

// Quality is that of JPEG coding at present, 0 if pictures are not coded.
func (s *Source) Quality() int {
	if s.options.Pixels {
		return 0
	}
	return s.options.Quality
}

// SetQuality changes it from the next frame on. What is not 1 to 100 is taken as the
// nearest that is.
func (s *Source) SetQuality(quality int) { s.options.Quality = min(max(quality, 1), 100) }

// Figures counts the frames, and those that were skipped.
func (s *Source) Figures() capture.Figures {
	f := s.figures
	if s.desk != nil {
		f.Skipped += s.desk.worker.Dropped()
	}
	return f
}

// Close stops the card.
func (s *Source) Close() error {
	if s.host == nil {
		return nil
	}
	s.beat.Stop()
	if s.desk != nil {
		s.figures.Skipped += s.desk.worker.Dropped()
		s.desk.close()
	}
	s.host, s.beat, s.desk = nil, nil, nil
	return nil
}

var _ capture.Encoder = (*Source)(nil)
