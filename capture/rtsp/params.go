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
	if f.Params != nil {
		if f.Params != p.of || rate != p.rate {
			p.renew(*f.Params, f.Params, rate)
		}
		return p.now, nil
	}
	width, height, err := jpeg.Size(f.Bytes)
	if err != nil || width == 0 || height == 0 {
		return nil, errSize
	}
	if p.now == nil || p.of != nil || p.now.Width != width || p.now.Height != height || rate != p.rate {
		p.renew(media.Params{Format: media.JPEG, Width: width, Height: height}, nil, rate)
	}
	return p.now, nil
}

// renew makes new parameters, if they are others.
func (p *parameters) renew(made media.Params, of *media.Params, rate float64) {
	p.of, p.rate = of, rate
	if made.FramesPerSecond == 0 {
		made.FramesPerSecond = rate
	}
	made.Version = 0
	if p.now != nil {
		if made.Equal(p.now) {
			return
		}
		made.Version = p.now.Version + 1
	}
	p.now = &made
}
