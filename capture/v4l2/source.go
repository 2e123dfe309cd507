//go:build cgo

package v4l2

import (
	"errors"
	"fmt"
	"image"
	"os"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/encode"
	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// Source is a camera that streams. It implements capture.Restarter
// and, with YUYV, capture.Encoder.
type Source struct {
	options Options
	clock   capture.Clock
	device  streamingDevice
	open    bool

	mode         mode
	bytesPerLine int
	rate         float64
	encoder      *encode.Encoder // for YUYV
	picture      *image.YCbCr
	data         []byte

	held     uint32 // the buffer that was handed out
	isHeld   bool
	sequence uint32
	begun    bool // sequence is a frame's
	figures  capture.Figures
}

// Open opens a camera and starts it. Its errors say in one line what is wrong with the
// device, or lists what it has if it lacks what is wished.
func Open(o Options, clock capture.Clock) (*Source, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	s := &Source{options: o, clock: clock}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("%s: %w", o.Path, err)
	}
	return s, nil
}

// start opens the device, sets it up and starts streaming. If it fails nothing is left
// open.
func (s *Source) start() (err error) {
	s.device = streamingDevice{}
	if s.device.fd, s.device.capability, err = openCamera(s.options.Path); err != nil {
		return explain(err)
	}
	s.open, s.begun, s.isHeld = true, false, false
	if err = s.configure(); err == nil {
		err = s.stream()
	}
	if err == nil {
		err = s.prepareEncoder()
	}
	if err != nil {
		_ = s.stop() // the first error is the one that tells
		return explain(err)
	}
	return nil
}

// configure sets the format, the size and the rate, and reads back what the driver made
// of it.
func (s *Source) configure() error {
	wish, err := choose(s.options, offers(s.device.fd))
	if err != nil {
		return err
	}
	fd := s.device.Fd()
	err = v4l2.SetPixFormat(fd, v4l2.PixFormat{
		Width: uint32(wish.width), Height: uint32(wish.height), PixelFormat: fourCC(wish.fourCC), Field: v4l2.FieldAny,
	})
	if err != nil {
		return fmt.Errorf("cannot be set to %s %dx%d: %w", wish.coding, wish.width, wish.height, err)
	}
	// go4vl's Device repeats what was asked for; this asks the driver.
	chosen, err := v4l2.GetPixFormat(fd)
	if err != nil {
		return err
	}
	if fourCCText(chosen.PixelFormat) != wish.fourCC || s.options.Width != 0 && (int(chosen.Width) != wish.width || int(chosen.Height) != wish.height) {
		return fmt.Errorf("was asked for %s %dx%d and gives %s %dx%d", wish.fourCC, wish.width, wish.height,
			fourCCText(chosen.PixelFormat), chosen.Width, chosen.Height)
	}
	s.mode = mode{coding: wish.coding, fourCC: wish.fourCC, width: int(chosen.Width), height: int(chosen.Height)}
	s.bytesPerLine = int(chosen.BytesPerLine)
	s.setRate()
	return nil
}

// setRate asks for the rate and reads back the one that there is. Drivers without
// rates say so, and have what they have.
func (s *Source) setRate() {
	fd := s.device.Fd()
	const denominator = 1000
	var wish v4l2.StreamParam
	wish.Capture.TimePerFrame = v4l2.Fract{Numerator: denominator, Denominator: uint32(s.options.FramesPerSecond * denominator)}
	_ = v4l2.SetStreamParam(fd, v4l2.BufTypeVideoCapture, wish)
	s.rate = s.options.FramesPerSecond
	if has, err := v4l2.GetStreamParam(fd, v4l2.BufTypeVideoCapture); err == nil {
		if t := has.Capture.TimePerFrame; t.Numerator > 0 && t.Denominator > 0 {
			s.rate = float64(t.Denominator) / float64(t.Numerator)
		}
	}
}

// stream maps the buffers, gives them to the driver and starts it.
func (s *Source) stream() error {
	d := &s.device
	d.count = s.options.Buffers
	granted, err := v4l2.InitBuffers(d)
	if err != nil {
		return err
	}
	d.count = int(granted.Count) // a driver may give more, or fewer
	if d.count == 0 {
		return errors.New("gives no buffers")
	}
	if d.buffers, err = v4l2.MapMemoryBuffers(d); err != nil {
		return err
	}
	for i := range d.buffers {
		if _, err := v4l2.QueueBuffer(d.Fd(), d.MemIOType(), d.BufferType(), uint32(i)); err != nil {
			return err
		}
	}
	return v4l2.StreamOn(d)
}

func (s *Source) prepareEncoder() error {
	if s.mode.coding != "yuyv" {
		return nil
	}
	s.picture = image.NewYCbCr(image.Rect(0, 0, s.mode.width, s.mode.height), image.YCbCrSubsampleRatio422)
	if s.encoder != nil {
		return nil
	}
	var err error
	s.encoder, err = encode.NewEncoder(s.options.Quality, encode.Options{})
	return err
}

// stop stops streaming and frees all that start has made, in the order that drivers
// need: mappings go before the buffers, or REQBUFS says EBUSY. After an unplug the
// ioctls fail, which is no reason to keep the memory and the fd.
func (s *Source) stop() error {
	if !s.open {
		return nil
	}
	s.open = false
	d := &s.device
	if d.buffers != nil {
		_ = v4l2.StreamOff(d)
		_ = v4l2.UnmapMemoryBuffers(d)
		d.buffers = nil
	}
	if d.count > 0 {
		_, _ = v4l2.ResetBuffers(d)
	}
	return os.NewSyscallError("close", unix.Close(d.fd))
}

// Describe says what the camera delivers, which need not be the rate that was wished.
func (s *Source) Describe() capture.Description {
	coding := "MJPEG"
	if s.mode.coding == "yuyv" {
		coding = "YUYV, encoded by " + s.encoder.Name()
	}
	return capture.Description{
		Source: fmt.Sprintf("%s (%s)", s.options.Path, s.device.capability.Card),
		Width:  s.mode.width, Height: s.mode.height, FramesPerSecond: s.rate, Coding: coding,
	}
}

// FD becomes readable when a frame is there. It streams already: drivers take an fd that
// is watched before for another kind of I/O.
func (s *Source) FD() int { return s.device.fd }

// Next takes a frame from the driver; broken ones are given back and passed over. Its
// error is capture.ErrNotReady if there is none, and matches capture.ErrLost if the
// camera is gone or has failed.
func (s *Source) Next() (capture.Frame, error) {
	if !s.open {
		return capture.Frame{}, fmt.Errorf("%s: %w: it is closed", s.options.Path, capture.ErrLost)
	}
	for range s.device.count + 1 {
		b, err := v4l2.DequeueBuffer(s.device.Fd(), s.device.MemIOType(), s.device.BufferType())
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			return capture.Frame{}, capture.ErrNotReady
		case err != nil:
			return capture.Frame{}, s.lost(err)
		}
		s.count(b.Sequence)
		s.held, s.isHeld = b.Index, true
		if data := s.usable(&b); data != nil {
			if data, err = s.coded(data); err != nil {
				return capture.Frame{}, err
			}
			s.figures.Frames++
			return capture.Frame{Data: data, Format: capture.JPEG, Time: s.captured(&b), Sequence: b.Sequence}, nil
		}
		s.figures.Broken++
		s.Release()
	}
	return capture.Frame{}, capture.ErrNotReady // all were broken: let others have a turn
}

// lost says what a failed ioctl means: whether the device is still there, go4vl does not
// tell, as it maps ENODEV and EIO to one error. So the device is asked for its
// capabilities, which answers ENODEV when it is unplugged.
func (s *Source) lost(err error) error {
	if _, gone := v4l2.GetCapability(s.device.Fd()); gone != nil {
		return fmt.Errorf("%s: %w: it was unplugged", s.options.Path, capture.ErrLost)
	}
	return fmt.Errorf("%s: %w: %w", s.options.Path, capture.ErrLost, err)
}

// count notes the frames that are missing before one.
func (s *Source) count(sequence uint32) {
	if missing := sequence - s.sequence - 1; s.begun && missing < 1<<31 {
		s.figures.Gaps += uint64(missing)
	}
	s.sequence, s.begun = sequence, true
}

// bufFlagError is V4L2_BUF_FLAG_ERROR: the data may be damaged.
const bufFlagError = 0x40

// usable returns a buffer's picture, nil if it is none.
func (s *Source) usable(b *v4l2.Buffer) []byte {
	if b.Flags&bufFlagError != 0 || int(b.Index) >= len(s.device.buffers) || int(b.BytesUsed) > len(s.device.buffers[b.Index]) {
		return nil
	}
	data := s.device.buffers[b.Index][:b.BytesUsed]
	if s.mode.coding == "yuyv" {
		if len(data) < (s.mode.height-1)*s.bytesPerLine+2*s.mode.width {
			return nil
		}
		return data
	}
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return nil
	}
	return data
}

// coded returns the picture as JPEG. A picture that is encoded is in memory of our own,
// so its buffer goes back at once.
func (s *Source) coded(data []byte) ([]byte, error) {
	if s.mode.coding != "yuyv" {
		return data, nil
	}
	encode.FromYUYV(s.picture, data, s.bytesPerLine)
	s.Release()
	var err error
	s.data, err = s.encoder.Encode(s.data, s.picture)
	return s.data, err
}

const (
	// bufTimestampMask and bufTimestampMonotonic are V4L2_BUF_FLAG_TIMESTAMP_*.
	bufTimestampMask, bufTimestampMonotonic = 0xe000, 0x2000
	// maxTimestampError is how far a driver's time may be from now to be believed.
	maxTimestampError = 10 * time.Second
)

// captured is when a frame was taken: the driver's word, if it is on the right clock.
func (s *Source) captured(b *v4l2.Buffer) time.Duration {
	now := s.clock.Monotonic()
	if b.Flags&bufTimestampMask != bufTimestampMonotonic {
		return now
	}
	at := time.Duration(b.Timestamp.Nano())
	if (now - at).Abs() > maxTimestampError {
		return now
	}
	return at
}

// Quality is that of JPEG coding at present, 0 if the camera delivers JPEG.
func (s *Source) Quality() int {
	if s.mode.coding != "yuyv" || s.encoder == nil {
		return 0
	}
	return s.encoder.Quality()
}

// SetQuality changes it from the next frame on.
func (s *Source) SetQuality(quality int) {
	if s.encoder != nil {
		s.encoder.SetQuality(quality)
	}
}

// Release gives the frame's buffer back to the driver. That it fails, on a camera that
// is gone, the next Next will say.
func (s *Source) Release() {
	if s.isHeld {
		s.isHeld = false
		_, _ = v4l2.QueueBuffer(s.device.Fd(), s.device.MemIOType(), s.device.BufferType(), s.held)
	}
}

// Figures counts the frames, those missing in the driver's sequence, and the broken
// ones.
func (s *Source) Figures() capture.Figures { return s.figures }

// Restart closes the camera, if it is open, and opens it anew with the same wishes. The
// figures go on.
func (s *Source) Restart() error {
	_ = s.stop() // what cannot be closed of a camera that is gone is gone
	if err := s.start(); err != nil {
		return fmt.Errorf("%s: %w", s.options.Path, err)
	}
	return nil
}

// Close stops the camera and closes it.
func (s *Source) Close() error {
	err := s.stop()
	if s.encoder != nil {
		s.encoder.Close()
		s.encoder = nil
	}
	return err
}

var (
	_ capture.Restarter = (*Source)(nil)
	_ capture.Encoder   = (*Source)(nil)
)
