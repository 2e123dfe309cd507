package encode

import (
	"image"
	"time"

	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/openh264"
)

// codec encodes pictures of one size, as openh264.Encoder and m2m.Encoder do.
type codec interface {
	Encode(dst []byte, picture *image.YCbCr, at time.Duration, key bool) ([]byte, error)
	SetBitrate(bitsPerSecond int) error
	Close()
}

// codecOptions say which codec is to be made.
type codecOptions struct {
	device m2m.Device // none: OpenH264
	madeFor
	bitrate, keyInterval int
}

// newCodec makes a codec.
func newCodec(o codecOptions) (codec, error) {
	if o.device != (m2m.Device{}) {
		return codecOrNil(m2m.New(m2m.Options{
			Device: o.device, Width: o.size.X, Height: o.size.Y, FramesPerSecond: o.rate, Bitrate: o.bitrate, KeyInterval: o.keyInterval,
		}))
	}
	return codecOrNil(openh264.NewEncoder(openh264.EncoderOptions{
		Width: o.size.X, Height: o.size.Y, FramesPerSecond: o.rate, Bitrate: o.bitrate, KeyInterval: o.keyInterval, FullRange: true,
	}))
}

// codecOrNil keeps a nil pointer from becoming an interface that is not nil.
func codecOrNil[C codec](c C, err error) (codec, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// replaceDevice has OpenH264 encode from now on, if a device did, which has failed. Without OpenH264 the device is
// opened again for the next picture.
func (e *H264) replaceDevice(fault error) bool {
	if e.options.Device == (m2m.Device{}) {
		return false
	}
	e.free()
	if _, err := openh264.Version(); err != nil {
		return false
	}
	e.options.Device = m2m.Device{}
	if e.options.DeviceFailed != nil {
		e.options.DeviceFailed(fault)
	}
	return true
}
