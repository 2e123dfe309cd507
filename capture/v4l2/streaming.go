//go:build cgo

package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/capture/encode"
	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// device is a camera behind a driver. It is also what go4vl wants to know of a device whose
// buffers it handles. Of that interface it has only the methods that are used; the others
// would start goroutines.
type device struct {
	v4l2.StreamingDevice     // nil
	number               int // the fd
	has                  setup
	count                int // of the driver's buffers
	memory               [][]byte
}

func (d *device) Fd() uintptr              { return uintptr(d.number) }
func (d *device) MemIOType() v4l2.IOType   { return v4l2.IOTypeMMAP }
func (d *device) Buffers() [][]byte        { return d.memory }
func (d *device) BufferType() v4l2.BufType { return v4l2.BufTypeVideoCapture }
func (d *device) BufferCount() uint32      { return uint32(d.count) }

// openDevice opens a camera, sets it up and starts streaming. If it fails nothing is left
// open.
func openDevice(o Options) (camera, error) {
	fd, capability, err := openCamera(o.Path)
	if err != nil {
		return nil, explain(o.Path, err)
	}
	d := &device{number: fd, has: setup{card: capability.Card}}
	if err = d.configure(o); err == nil {
		err = apply(controlDevice(fd), o.Controls) // a camera that was unplugged has forgotten them
	}
	if err == nil {
		err = d.start(o.Buffers)
	}
	if err == nil {
		return d, nil
	}
	// go4vl has one error for ENODEV and for EIO and others.
	if errors.Is(err, v4l2.ErrorSystem) {
		if d.isGone() {
			err = unix.ENODEV
		} else {
			err = passing{err}
		}
	}
	d.close()
	return nil, explain(o.Path, err)
}

// configure sets the format, the size and the rate, and reads back what the driver made
// of it.
func (d *device) configure(o Options) error {
	wish, why, err := choose(o, offers(d.number), func(m mode) float64 { return ratesOf(d.number, m).fastest() })
	if err != nil {
		return err
	}
	err = v4l2.SetPixFormat(d.Fd(), v4l2.PixFormat{
		Width: uint32(wish.width), Height: uint32(wish.height), PixelFormat: fourCC(wish.fourCC), Field: v4l2.FieldAny,
	})
	if err != nil {
		return fmt.Errorf("cannot be set to %s %dx%d: %w", wish.coding, wish.width, wish.height, err)
	}
	// go4vl's Device repeats what was asked for; this asks the driver.
	chosen, err := v4l2.GetPixFormat(d.Fd())
	if err != nil {
		return err
	}
	if fourCCText(chosen.PixelFormat) != wish.fourCC || o.Width != 0 && (int(chosen.Width) != wish.width || int(chosen.Height) != wish.height) {
		return fmt.Errorf("was asked for %s %dx%d and gives %s %dx%d", wish.fourCC, wish.width, wish.height,
			fourCCText(chosen.PixelFormat), chosen.Width, chosen.Height)
	}
	d.has.mode = mode{coding: wish.coding, fourCC: wish.fourCC, width: int(chosen.Width), height: int(chosen.Height)}
	d.has.why = why
	if isRaw(wish.coding) {
		d.has.pixels = encode.Pixels{
			Format: encode.Format(wish.coding), Width: int(chosen.Width), Height: int(chosen.Height), Stride: int(chosen.BytesPerLine),
			Limited: isLimited(wish.coding, chosen.Colorspace, chosen.Quantization), BT709: isBT709(chosen.Colorspace, chosen.YcbcrEnc),
		}
		if err := d.has.pixels.Check(); err != nil {
			return fmt.Errorf("gives a format that cannot be: %w", err)
		}
	}
	d.setRate(cmp.Or(o.FramesPerSecond, defaultRate))
	return nil
}

// setRate asks for the rate and reads back the one that there is. Drivers without
// rates say so, and have what they have.
func (d *device) setRate(rate float64) {
	const denominator = 1000
	var wish v4l2.StreamParam
	wish.Capture.TimePerFrame = v4l2.Fract{Numerator: denominator, Denominator: uint32(rate * denominator)}
	_ = v4l2.SetStreamParam(d.Fd(), v4l2.BufTypeVideoCapture, wish)
	d.has.rate = rate
	if has, err := v4l2.GetStreamParam(d.Fd(), v4l2.BufTypeVideoCapture); err == nil {
		if t := has.Capture.TimePerFrame; t.Numerator > 0 && t.Denominator > 0 {
			d.has.rate = float64(t.Denominator) / float64(t.Numerator)
		}
	}
}

// start maps the buffers, gives them to the driver and starts it.
func (d *device) start(buffers int) error {
	d.count = buffers
	granted, err := v4l2.InitBuffers(d)
	if err != nil {
		return err
	}
	d.count = int(granted.Count) // a driver may give more, or fewer
	d.has.buffers = d.count
	if d.count == 0 {
		return errors.New("gives no buffers")
	}
	if d.memory, err = v4l2.MapMemoryBuffers(d); err != nil {
		return err
	}
	for i := range d.memory {
		if _, err := v4l2.QueueBuffer(d.Fd(), d.MemIOType(), d.BufferType(), uint32(i)); err != nil {
			return err
		}
	}
	return v4l2.StreamOn(d)
}

func (d *device) setup() setup { return d.has }
func (d *device) fd() int      { return d.number }

const (
	// bufFlagError is V4L2_BUF_FLAG_ERROR: the data may be damaged.
	bufFlagError = 0x40
	// bufTimestampMask and bufTimestampMonotonic are V4L2_BUF_FLAG_TIMESTAMP_*.
	bufTimestampMask, bufTimestampMonotonic = 0xe000, 0x2000
)

func (d *device) dequeue() (buffer, error) {
	b, err := v4l2.DequeueBuffer(d.Fd(), d.MemIOType(), d.BufferType())
	if err != nil {
		return buffer{}, err
	}
	got := buffer{
		index: b.Index, sequence: b.Sequence, captured: time.Duration(b.Timestamp.Nano()),
		isMonotonic: b.Flags&bufTimestampMask == bufTimestampMonotonic,
	}
	if b.Flags&bufFlagError == 0 && int(b.Index) < len(d.memory) && int(b.BytesUsed) <= len(d.memory[b.Index]) {
		got.data = d.memory[b.Index][:b.BytesUsed]
	}
	return got, nil
}

// requeue gives a buffer back to the driver. That it fails, on a camera that is gone, the
// next dequeue will say.
func (d *device) requeue(b buffer) {
	_, _ = v4l2.QueueBuffer(d.Fd(), d.MemIOType(), d.BufferType(), b.index)
}

// forceKeyFrame is V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, of the codec controls' class.
const forceKeyFrame = 0x00990900 + 229

// requestKeyFrame is an ioctl that few cameras' drivers have. It takes no longer than those that take
// a frame and give its buffer back.
func (d *device) requestKeyFrame() error {
	return v4l2.SetExtControlValue(d.Fd(), forceKeyFrame, 1)
}

// isGone asks the device for its capabilities, which fails when it was unplugged: from the
// failure of another call go4vl does not tell, as it has one error for ENODEV and EIO.
func (d *device) isGone() bool {
	_, err := v4l2.GetCapability(d.Fd())
	return err != nil
}

// close stops streaming and frees all that openDevice has made, in the order that drivers
// need: mappings go before the buffers, or REQBUFS says EBUSY. After an unplug the ioctls
// fail, which is no reason to keep the memory and the fd.
func (d *device) close() {
	if d.memory != nil {
		_ = v4l2.StreamOff(d)
		_ = v4l2.UnmapMemoryBuffers(d)
	}
	if d.count > 0 {
		_, _ = v4l2.ResetBuffers(d)
	}
	_ = unix.Close(d.number)
}
