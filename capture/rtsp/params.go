package rtsp

import (
	"errors"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/jpeg"
	"github.com/camcast/camcast/view"
)

// parameters are those of the frames. They stay the same while what comes does, over several
// sessions with the camera too, and else get a higher version.
type parameters struct {
	now  *media.Params
	of   *media.Params // H.264's and H.265's of which now was made
	rate float64       // of which now was made
}

var errSize = errors.New("a JPEG whose size cannot be read")

// use gives the parameters of a frame. rate is what else is known of how many come in a second, 0:
// nothing.
func (p *parameters) use(f view.Frame, rate float64) (*media.Params, error) {
	var made media.Params
	if f.Params != nil {
		if f.Params == p.of && rate == p.rate {
			return p.now, nil
		}
		made = *f.Params
	} else {
		width, height, err := jpeg.Size(f.Bytes)
		if err != nil || width == 0 || height == 0 {
			return nil, errSize
		}
		if p.of == nil && p.now != nil && p.now.Width == width && p.now.Height == height && rate == p.rate {
			return p.now, nil
		}
		made = media.Params{Format: media.JPEG, Width: width, Height: height}
	}
	if made.FramesPerSecond == 0 {
		made.FramesPerSecond = rate
	}
	made.Version = 0
	if p.of, p.rate = f.Params, rate; p.now != nil {
		if made.Equal(p.now) {
			return p.now, nil
		}
		made.Version = p.now.Version + 1
	}
	p.now = &made
	return p.now, nil
}
