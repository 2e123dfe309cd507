package v4l2

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
)

// Options are what is wished of a camera; the zero value of each field means whatever
// suits.
type Options struct {
	// Path is the device, such as /dev/video0.
	Path string
	// Width and Height are in pixels. The camera must have the size. Without a wish it
	// is 1280x720, or 640x480 in raw formats, or the nearest below.
	Width, Height int
	// FramesPerSecond is the rate, above 0 and at most 1000. The camera uses the nearest that it
	// has. Without a wish (0) it is 30.
	FramesPerSecond float64
	// Format is one of Formats. Without a wish, "" or "auto", it is the first of these that has the size and the rate asked for, else the fastest that has the size.
	Format string
	// Controls are set each time the camera is opened, also when it was unplugged, in this order.
	Controls []Setting
	// Buffers is how many frames the driver may hold, 2 to 32 (4).
	Buffers int
	// Quality is that of JPEG coding for raw formats, 1 to 100 (80), and Encode says how else
	// pictures are encoded.
	Quality int
	Encode  encode.Options
	// Pixels has pictures of raw formats delivered as they are (media.I420), for an encoder.
	Pixels bool
	// MaxFrame is the size in bytes of the largest frame of H.264 and H.265, 1024 to 1 GB
	// (capture.DefaultMaxFrame). Larger ones are skipped and counted as broken.
	MaxFrame int
	// Log gets what is chosen and happens to the source and is no report to its host (discarded).
	Log *slog.Logger
}

// defaultRate is the rate without a wish, in frames per second.
const defaultRate = 30

func (o Options) withDefaults() (Options, error) {
	if o.Buffers == 0 {
		o.Buffers = 4
	}
	if o.Quality == 0 {
		o.Quality = 80
	}
	if o.Format == "auto" {
		o.Format = ""
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	if o.MaxFrame, err = capture.MaxFrame(o.MaxFrame); err != nil {
		return o, fmt.Errorf("largest frame: %w", err)
	}
	switch {
	case o.Format != "" && !slices.Contains(Formats(), o.Format):
		return o, fmt.Errorf("format must be auto or one of %s", strings.Join(Formats(), ", "))
	case o.Buffers < 2 || o.Buffers > 32:
		return o, errors.New("buffers must be 2 to 32")
	case !(o.FramesPerSecond >= 0 && o.FramesPerSecond <= 1000):
		return o, errors.New("frames per second must be above 0, at most 1000")
	case o.Quality < 1 || o.Quality > 100:
		return o, errors.New("quality must be 1 to 100")
	case (o.Width == 0) != (o.Height == 0) || o.Width < 0 || o.Height < 0:
		return o, errors.New("width and height must be given together")
	}
	return o, nil
}
