package v4l2

import (
	"image"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/worker"
)

// coder encodes the pictures of a camera that does not, or lays them out for another encoder. A worker does so, from a copy: the driver has
// its buffer back at once, and the device may be closed meanwhile.
type coder struct {
	encoder *encode.Encoder // nil: pictures are not encoded
	planes  *image.YCbCr
	layout  encode.Pixels
	worker  *worker.Worker[pixels] // nil until it is started
}

// pixels are a picture to encode.
type pixels struct {
	data     []byte // as the driver gave them
	quality  int
	params   *media.Params
	captured time.Duration
	coded    []byte // the result
	err      error
}

// newCoder makes a coder. It is called by the job that opens the camera.
func newCoder(has setup, o Options) (*coder, error) {
	if o.Pixels {
		return &coder{planes: encode.I420Planes(has.pixels.Width, has.pixels.Height), layout: has.pixels}, nil
	}
	encoder, err := encode.NewEncoder(o.Quality, o.Encode)
	if err != nil {
		return nil, err
	}
	return &coder{
		encoder: encoder,
		planes:  image.NewYCbCr(image.Rect(0, 0, has.pixels.Width, has.pixels.Height), has.pixels.Ratio()),
		layout:  has.pixels,
	}, nil
}

// start has pictures encoded from now on.
func (c *coder) start(host capture.Host, done func(*pixels)) {
	c.worker = worker.New(host.Work, c.encode, done)
}

// encode is the job.
func (c *coder) encode(p *pixels) {
	if p.err = c.layout.Unpack(c.planes, p.data); p.err != nil {
		return
	}
	if c.encoder == nil {
		p.coded = encode.AppendI420(p.coded[:0], c.planes)
		return
	}
	c.encoder.SetQuality(p.quality)
	p.coded, p.err = c.encoder.Encode(p.coded, c.planes)
}

// fits reports whether data is a whole picture.
func (c *coder) fits(data []byte) bool { return len(data) >= c.layout.Size() }

// dropped is how many pictures were not encoded as the encoder was busy.
func (c *coder) dropped() uint64 {
	if c == nil || c.worker == nil {
		return 0
	}
	return c.worker.Dropped()
}

// close drops what is under way.
func (c *coder) close() {
	free := func() {
		if c.encoder != nil {
			c.encoder.Close()
		}
	}
	if c.worker == nil {
		free()
		return
	}
	c.worker.Close(free)
}
