package v4l2

import (
	"errors"

	"github.com/camcast/camcast/capture/encode"
)

// Options are what is wished of a camera; the zero value of each field means whatever
// suits.
type Options struct {
	// Path is the device, such as /dev/video0.
	Path string
	// Width and Height are in pixels. The camera must have the size. Without a wish it
	// is 1280x720, or 640x480 in YUYV, or the nearest below.
	Width, Height int
	// FramesPerSecond is the rate (30). The camera uses the nearest that it has.
	FramesPerSecond float64
	// Format is "mjpeg" or "yuyv"; without a wish MJPEG if the camera has it.
	Format string
	// Buffers is how many frames the driver may hold, 2 to 32 (4).
	Buffers int
	// Quality is that of JPEG coding for YUYV, 1 to 100 (80), and Encode says how else
	// pictures are encoded.
	Quality int
	Encode  encode.Options
}

// Device is a camera that there is.
type Device struct {
	Path string
	// Card is the camera's name, Driver the kernel's driver and Bus where it is plugged
	// in, as the driver tells them.
	Card, Driver, Bus string
}

func (o Options) withDefaults() (Options, error) {
	if o.FramesPerSecond == 0 {
		o.FramesPerSecond = 30
	}
	if o.Buffers == 0 {
		o.Buffers = 4
	}
	if o.Quality == 0 {
		o.Quality = 80
	}
	switch {
	case o.Format != "" && o.Format != "mjpeg" && o.Format != "yuyv":
		return o, errors.New("format must be mjpeg or yuyv")
	case o.Buffers < 2 || o.Buffers > 32:
		return o, errors.New("buffers must be 2 to 32")
	case !(o.FramesPerSecond > 0 && o.FramesPerSecond <= 1000):
		return o, errors.New("frames per second must be above 0, at most 1000")
	case o.Quality < 1 || o.Quality > 100:
		return o, errors.New("quality must be 1 to 100")
	case (o.Width == 0) != (o.Height == 0) || o.Width < 0 || o.Height < 0:
		return o, errors.New("width and height must be given together")
	}
	return o, nil
}
