package bytestream

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
)

// Options are the settings of a stream of bytes; the zero value of each field is useful.
type Options struct {
	// Source is that of capture.Description.
	Source string
	// Format is one of Formats (Auto).
	Format string
	// FramesPerSecond is the nominal rate, 0.01 to 1000. 0: that of the stream's parameter sets, or 25.
	FramesPerSecond float64
	// MaxFrame is the size in bytes of the largest frame, 1024 to 1 GB (capture.DefaultMaxFrame). It
	// bounds the memory.
	MaxFrame int
	// Log gets what is no report to the host (discarded).
	Log *slog.Logger
}

const (
	defaultRate      = 25
	minRate, maxRate = 0.01, 1000
)

// withDefaults fills in what is not set, or says what is wrong.
func (o Options) withDefaults() (Options, error) {
	o.Format = cmp.Or(o.Format, Auto)
	if !slices.Contains(Formats, o.Format) {
		return o, fmt.Errorf("format %q: must be one of %s", o.Format, strings.Join(Formats, ", "))
	}
	if o.FramesPerSecond != 0 && !(o.FramesPerSecond >= minRate && o.FramesPerSecond <= maxRate) {
		return o, fmt.Errorf("%v frames/s: must be %v to %v", o.FramesPerSecond, minRate, maxRate)
	}
	var err error
	if o.MaxFrame, err = capture.MaxFrame(o.MaxFrame); err != nil {
		return o, fmt.Errorf("largest frame: %w", err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Source is what a source keeps of its streams, from one opening to the next.
type Source struct {
	Options
	params  *media.Params // nil until there was a frame
	given   *media.Params // what params were made of
	rate    float64
	timing  coded.Timing
	coding  string
	figures capture.Figures
}

// NewSource checks the options.
func NewSource(o Options) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Source{Options: o}, nil
}

// Describe says what the source delivers.
func (s *Source) Describe() capture.Description {
	return capture.Description{Source: s.Source, Coding: s.coding, Params: s.params}
}

// Figures counts the frames, and the broken ones.
func (s *Source) Figures() capture.Figures { return s.figures }

// adopt takes the parameters of the frames that come, of a higher version if they are others than those
// before.
func (s *Source) adopt(given *media.Params, format string) {
	if given == s.given {
		return
	}
	s.given, s.coding = given, given.Format.String()
	if name := containers[format]; name != "" {
		s.coding += " in " + name
	}
	s.rate = cmp.Or(s.FramesPerSecond, given.FramesPerSecond, defaultRate)
	if given.Format != media.JPEG {
		s.timing.Begin(given, s.rate)
	}
	p := *given
	p.FramesPerSecond, p.Version = s.rate, 0
	if s.params != nil {
		p.Version = s.params.Version
		if p.Equal(s.params) {
			return
		}
		p.Version++
	}
	s.params = &p
}

// containers are the names of formats that frames are packed in.
var containers = map[string]string{Multipart: "multipart", FLV: "FLV", MPEGTS: "MPEG-TS"}

// Interval is how long a frame lasts.
func (s *Source) Interval() time.Duration {
	rate := cmp.Or(s.FramesPerSecond, s.rate, defaultRate)
	return time.Duration(float64(time.Second) / rate)
}
