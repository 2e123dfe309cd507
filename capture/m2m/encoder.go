package m2m

import (
	"errors"
	"fmt"
	"image"
	"time"

	"golang.org/x/sys/unix"
)

// Options are the settings of an Encoder.
type Options struct {
	// Device is the one that encodes, as Find has found it.
	Device Device
	// Coded is the format of the frames, by its four letters; "": H264.
	Coded string
	// Width and Height are in pixels, even, 16 to 4096. Drivers may take less.
	Width, Height int
	// FramesPerSecond is the rate at which pictures come, more than 0 and at most 1000.
	FramesPerSecond float64
	// Bitrate is in bits a second; the driver takes the nearest that it has.
	Bitrate int
	// KeyInterval is how many frames there are from one key frame to the next.
	KeyInterval int
}

const minSide, maxSide = 16, 4096

// check says what is wrong with the options.
func (o Options) check() error {
	sideOK := func(n int) bool { return n >= minSide && n <= maxSide && n%2 == 0 }
	switch {
	case !sideOK(o.Width) || !sideOK(o.Height):
		return fmt.Errorf("a picture of %dx%d: both must be even, %d to %d", o.Width, o.Height, minSide, maxSide)
	case len(o.Coded) != 4:
		return fmt.Errorf("format %q: must be four letters", o.Coded)
	case !(o.FramesPerSecond > 0 && o.FramesPerSecond <= 1000):
		return fmt.Errorf("%v frames/s: must be more than 0 and at most 1000", o.FramesPerSecond)
	case o.Bitrate < 0 || o.Bitrate > 1<<30 || o.KeyInterval < 0 || o.KeyInterval > 1<<30:
		return fmt.Errorf("%d bits/s, a key frame every %d frames: must be 0 to %d", o.Bitrate, o.KeyInterval, 1<<30)
	}
	return nil
}

// Encoder encodes the pictures of one stream by a device. It belongs to one goroutine at a time.
type Encoder struct {
	driver  driver
	options Options
	layout  layout
	in, out [][]byte // the device's memory: of pictures and of coded frames
	free    []uint32 // those of in that the device does not have
	// isOn: both queues stream. isBegun: a picture was given since then, the first one of which is a key frame.
	isOn, isBegun bool
	buffer        buffer // what the ioctls are given, so that they allocate nothing
	plane         plane
	control       control
}

// The errors of a device that answers in an unexpected way.
var (
	errGone     = errors.New("the device has stopped")
	errSilent   = fmt.Errorf("the device has encoded nothing in %v", patience)
	errBroken   = errors.New("the device could not encode a picture")
	errPicture  = errors.New("the picture is not of 4:2:0 and the encoder's size, or its planes are too short")
	errNoFormat = errors.New("the device takes neither YU12 nor NV12")
)

// New opens a device. Close frees it. It may take some milliseconds, and so is for a worker.
func New(o Options) (*Encoder, error) {
	if o.Coded == "" {
		o.Coded = H264
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Device.Path, err)
	}
	d, err := openDevice(o.Device.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Device.Path, err)
	}
	return newEncoder(d, o)
}

// newEncoder makes an encoder of an open device, which it owns.
func newEncoder(d driver, o Options) (*Encoder, error) {
	e := &Encoder{driver: d, options: o}
	err := e.setUp()
	if err == nil {
		err = e.start()
	}
	if err != nil {
		e.Close()
		return nil, e.explain(err)
	}
	return e, nil
}

func (e *Encoder) explain(err error) error { return fmt.Errorf("%s: %w", e.options.Device.Path, err) }

// Encode encodes a 4:2:0 picture of the encoder's size into dst, from its beginning, and grows it if its
// capacity does not suffice: given the last result, nothing is allocated. It waits for the device, at most
// two seconds. Of H.264 the result is NAL units with start codes; it is a key frame if key is set, or if
// one is due. at is when the picture was taken. The picture is only read. After an error the encoder is of
// no more use.
func (e *Encoder) Encode(dst []byte, picture *image.YCbCr, at time.Duration, key bool) ([]byte, error) {
	dst, err := e.encode(dst[:0], picture, at, key)
	if err != nil {
		return dst[:0], e.explain(err)
	}
	return dst, nil
}

func (e *Encoder) encode(dst []byte, p *image.YCbCr, at time.Duration, key bool) ([]byte, error) {
	w, h := e.options.Width, e.options.Height
	if p.SubsampleRatio != image.YCbCrSubsampleRatio420 || p.Rect.Dx() != w || p.Rect.Dy() != h ||
		!fits(p.Y, p.YStride, w, h) || !fits(p.Cb, p.CStride, w/2, h/2) || !fits(p.Cr, p.CStride, w/2, h/2) {
		return dst, errPicture
	}
	if key && e.isBegun && e.set(controlForceKey, 1) != nil { // it has no such control
		if _, err := e.drain(nil); err != nil {
			return dst, err
		}
	}
	if err := e.start(); err != nil {
		return dst, err
	}
	index, err := e.room()
	if err != nil {
		return dst, err
	}
	e.layout.put(e.in[index], p)
	e.isBegun = true
	e.prepare(outputQueue, index)
	e.buffer.field, e.buffer.stamp = fieldNone, unix.NsecToTimeval(int64(at))
	e.plane.used, e.plane.length = uint32(e.layout.size), uint32(len(e.in[index]))
	if err := call(e.driver, "VIDIOC_QBUF", queueBuffer, &e.buffer); err != nil {
		return dst, err
	}
	return e.await(dst)
}

// SetBitrate changes the bit rate from the next picture on. A device that cannot stays with its own; the
// error is always nil.
func (e *Encoder) SetBitrate(bitsPerSecond int) error {
	e.options.Bitrate = bitsPerSecond
	_ = e.set(controlBitrate, int32(bitsPerSecond)) // optional
	return nil
}

// Drain has the device encode all that it was given, and appends what comes to dst. The next picture begins
// a new stream, with a key frame.
func (e *Encoder) Drain(dst []byte) ([]byte, error) {
	dst, err := e.drain(dst)
	if err != nil {
		return dst, e.explain(err)
	}
	return dst, nil
}

// Close frees the device.
func (e *Encoder) Close() {
	_ = e.stop() // what fails here, closing ends as well
	for _, memory := range append(e.in, e.out...) {
		_ = e.driver.munmap(memory)
	}
	e.in, e.out = nil, nil
	_ = e.driver.close()
}
