package encode

import (
	"errors"
	"fmt"
	"image"
	"math"
	"time"

	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/openh264"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// H264Options are the settings of an H264; the zero value of each field is useful.
type H264Options struct {
	// Width and Height are what pictures are scaled to, even, 16 to 4096; 0: they keep their size, but for
	// an odd column or line. Both are given, or none.
	Width, Height int
	// Bitrate is in bits a second, 10 kbit/s to 100 Mbit/s (by size and rate: 3.6 Mbit/s at 1280x720 and 30
	// frames/s).
	Bitrate int
	// KeyInterval is the time from one key frame to the next, 100 ms to 10 minutes (2 s).
	KeyInterval time.Duration
	// MaxFrame is the size in bytes of the largest frame, 0: 16 MB.
	MaxFrame int
	// Device is an encoder of H.264 that m2m.Find has found; without one OpenH264 encodes, as it does when
	// the device fails.
	Device m2m.Device
	// DeviceFailed is called by Encode when the device fails and OpenH264 has taken its place; nil: nothing is.
	DeviceFailed func(error)
	Options
}

const (
	defaultKeyInterval             = 2 * time.Second
	minKeyInterval, maxKeyInterval = 100 * time.Millisecond, 10 * time.Minute
	defaultRate                    = 30.0
	defaultMaxFrame                = 16 << 20
	// bitsPerPixel are those of a frame without a wish.
	bitsPerPixel             = 0.13
	minSideH264, maxSideH264 = 16, 4096
)

// Check says what is wrong with the options; nil: nothing.
func (o H264Options) Check() error {
	sideOK := func(n int) bool { return n >= minSideH264 && n <= maxSideH264 && n%2 == 0 }
	switch {
	case (o.Width != 0 || o.Height != 0) && !(sideOK(o.Width) && sideOK(o.Height)):
		return fmt.Errorf("H.264 of %dx%d: both must be even, %d to %d", o.Width, o.Height, minSideH264, maxSideH264)
	case o.Bitrate != 0 && (o.Bitrate < openh264.MinBitrate || o.Bitrate > openh264.MaxBitrate):
		return fmt.Errorf("H.264 of %d bits/s: must be %d to %d", o.Bitrate, openh264.MinBitrate, openh264.MaxBitrate)
	case o.KeyInterval != 0 && (o.KeyInterval < minKeyInterval || o.KeyInterval > maxKeyInterval):
		return fmt.Errorf("a key frame every %v: must be %v to %v", o.KeyInterval, minKeyInterval, maxKeyInterval)
	}
	return nil
}

// H264 makes H.264 of pictures, which are JPEG or I420. It has no delay: each picture is a frame. It must
// not be used by two goroutines at once.
type H264 struct {
	options  H264Options
	name     string
	pictures pictures
	encoder  codec // nil until the first picture has come
	made     madeFor
	newCodec func(codecOptions) (codec, error)
	stream   *nal.Stream
	units    []byte
	quality  int // that is wished, in percent of the bit rate
	is       int // that the encoder has
	last     time.Duration
	// read is what the assembler says of the last frame, params what is told of it.
	read, params *media.Params
}

// madeFor is what an encoder was made for.
type madeFor struct {
	size image.Point
	rate float64
}

// NewH264 makes an encoder. The error says what is wrong with the options, or, without a device, matches
// openh264.ErrMissing. Close frees the encoder.
func NewH264(o H264Options) (*H264, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	version, err := openh264.Version()
	if err != nil && o.Device == (m2m.Device{}) {
		return nil, fmt.Errorf("no H.264 can be made: %w", err)
	}
	if o.KeyInterval == 0 {
		o.KeyInterval = defaultKeyInterval
	}
	if o.MaxFrame == 0 {
		o.MaxFrame = defaultMaxFrame
	}
	e := &H264{options: o, name: "OpenH264 " + version, quality: fullQuality, newCodec: newCodec}
	if o.Device != (m2m.Device{}) {
		e.name = fmt.Sprintf("%s (%q)", o.Device.Path, o.Device.Card)
	}
	e.pictures.size = image.Pt(o.Width, o.Height)
	if lib := o.turbo(); lib != nil {
		if e.pictures.transform, err = lib.newTransform(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Name says who encodes first, for a person.
func (e *H264) Name() string { return e.name }

// fullQuality is the whole bit rate, in percent.
const fullQuality = 100

// SetQuality has pictures encoded with so many percent of the bit rate, 1 to 100, from the next one on. What is
// not 1 to 100 is taken as the nearest that is.
func (e *H264) SetQuality(percent int) { e.quality = min(max(percent, 1), fullQuality) }

var errNotCoded = errors.New("the encoder has made no frame of a picture")

// Encode encodes a frame of JPEG or I420, which is only read. The result is a key frame if key is set, or
// if one is due. Its bytes are valid until the next call; its Params stay the same, or have a higher
// Version.
func (e *H264) Encode(f media.Frame, key bool) (media.Frame, error) {
	planes, err := e.pictures.planesOf(f)
	if err != nil {
		return media.Frame{}, err
	}
	e.last = max(f.Captured, e.last+time.Millisecond)
	coded, err := e.encode(planes, f, key)
	if err != nil && e.replaceDevice(err) {
		coded, err = e.encode(planes, f, true)
	}
	return coded, err
}

// encode encodes the planes of a frame.
func (e *H264) encode(planes *image.YCbCr, f media.Frame, key bool) (media.Frame, error) {
	err := e.make(planes.Rect.Size(), f.Params.FramesPerSecond)
	if err != nil {
		return media.Frame{}, err
	}
	if e.units, err = e.encoder.Encode(e.units, planes, e.last, key); err != nil {
		return media.Frame{}, err
	}
	e.stream.Push(e.units)
	e.stream.End()
	coded, ok, err := e.stream.Next()
	switch {
	case err != nil:
		return media.Frame{}, err
	case !ok:
		return media.Frame{}, errNotCoded
	}
	coded.Params, coded.Captured = e.describe(coded.Params, f.Params.FramesPerSecond), f.Captured
	return coded, nil
}

// make has the encoder be one for pictures of this size and rate, and have the bit rate that is wished.
func (e *H264) make(size image.Point, rate float64) (err error) {
	if rate <= 0 {
		rate = defaultRate
	}
	rate = min(max(rate, 1), 240)
	if want := (madeFor{size, rate}); e.encoder == nil || e.made != want {
		e.free()
		e.encoder, err = e.newCodec(codecOptions{
			device: e.options.Device, madeFor: want, bitrate: e.bitrate(want), keyInterval: int(math.Ceil(e.options.KeyInterval.Seconds() * rate)),
		})
		if err != nil {
			return err
		}
		e.made, e.is = want, fullQuality
		e.stream = nal.NewStream(h264.NewAssembler(e.options.MaxFrame))
	}
	if e.is != e.quality {
		if err := e.encoder.SetBitrate(percentOf(e.bitrate(e.made), e.quality)); err != nil {
			return err
		}
		e.is = e.quality
	}
	return nil
}

// percentOf is a part of a bit rate, whose product with a percentage an int of 32 bits cannot hold.
func percentOf(bitrate, percent int) int { return int(int64(bitrate) * int64(percent) / fullQuality) }

// bitrate is the full one.
func (e *H264) bitrate(m madeFor) int {
	if e.options.Bitrate != 0 {
		return e.options.Bitrate
	}
	bits := bitsPerPixel * float64(m.size.X) * float64(m.size.Y) * m.rate
	return int(min(max(bits, openh264.MinBitrate), openh264.MaxBitrate))
}

// describe completes what the assembler says: the encoder writes no rate.
func (e *H264) describe(p *media.Params, rate float64) *media.Params {
	if p == e.read && e.params != nil && e.params.FramesPerSecond == rate {
		return e.params
	}
	is := *p
	is.FramesPerSecond = rate
	if e.params != nil {
		is.Version = e.params.Version + 1
	}
	e.read, e.params = p, &is
	return e.params
}

func (e *H264) free() {
	if e.encoder != nil {
		e.encoder.Close()
		e.encoder = nil
	}
}

// Close frees what the encoder holds. It must not be used afterwards.
func (e *H264) Close() {
	e.free()
	if e.pictures.transform != nil {
		e.pictures.transform.close()
	}
}
