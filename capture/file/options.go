package file

import (
	"fmt"
	"log/slog"

	"github.com/camcast/camcast/capture"
)

// Options are the settings of a file; the zero value of each field but Path is useful.
type Options struct {
	// Path is the file or folder.
	Path string
	// FramesPerSecond is the rate to play at, 0.01 to 1000. 0: that of an H.264 or H.265 file's
	// sequence parameter set, or 25 if it has none.
	FramesPerSecond float64
	// Loop begins again at the end.
	Loop bool
	// MaxFrame is the size in bytes of the largest picture or frame, 1024 to 1 GB
	// (capture.DefaultMaxFrame). Larger ones are skipped and counted as broken. It bounds the
	// memory.
	MaxFrame int
	// Check says why a JPEG cannot be used. It is given the first one when the file is
	// opened, and an error fails the source then. It runs in a job, not on the loop, and must
	// not keep the picture. With nil all can be used.
	Check func(picture []byte) error
	// Log gets what happens to the source and is no report to its host (discarded).
	Log *slog.Logger
}

const (
	defaultRate      = 25
	minRate, maxRate = 0.01, 1000
)

// withDefaults fills in what is not set, or says what is wrong.
func (o Options) withDefaults() (Options, error) {
	var err error
	if o.MaxFrame, err = capture.MaxFrame(o.MaxFrame); err != nil {
		return o, fmt.Errorf("%s: largest picture: %w", o.Path, err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FramesPerSecond != 0 && !(o.FramesPerSecond >= minRate && o.FramesPerSecond <= maxRate) {
		return o, fmt.Errorf("%s at %v frames/s: must be %v to %v", o.Path, o.FramesPerSecond, minRate, maxRate)
	}
	return o, nil
}
