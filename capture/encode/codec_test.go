//go:build turbojpeg

package encode

import (
	"errors"
	"image"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/media"
)

// failing is a device's codec, which encodes as OpenH264 does until it fails.
type failing struct {
	codec
	pictures *int
}

var errDevice = errors.New("no such device")

func (f failing) Encode(dst []byte, p *image.YCbCr, at time.Duration, key bool) ([]byte, error) {
	if *f.pictures--; *f.pictures < 0 {
		return dst[:0], errDevice
	}
	return f.codec.Encode(dst, p, at, key)
}

// TestDeviceFails has a device fail at once, later, and when it is opened: the same picture is encoded by
// OpenH264, as a key frame, and the fault is said once.
func TestDeviceFails(t *testing.T) {
	for name, c := range map[string]struct {
		pictures int
		opens    bool
	}{"at once": {0, true}, "later": {3, true}, "not opened": {0, false}} {
		var faults []error
		device := m2m.Device{Path: "/dev/made", Card: "made up"}
		e := newH264(t, H264Options{Device: device, DeviceFailed: func(err error) { faults = append(faults, err) }})
		if e.Name() != `/dev/made ("made up")` {
			t.Errorf("%s", e.Name())
		}
		left, devices := c.pictures, 0
		e.newCodec = func(o codecOptions) (codec, error) {
			if o.device == (m2m.Device{}) {
				return newCodec(o)
			}
			if devices++; !c.opens {
				return nil, errDevice
			}
			o.device = m2m.Device{}
			made, err := newCodec(o)
			return failing{made, &left}, err
		}
		params := &media.Params{Format: media.I420, Width: 64, Height: 48, FramesPerSecond: 30}
		pixels := make([]byte, 64*48*3/2)
		version := uint32(0)
		for n := range 6 {
			f, err := e.Encode(media.Frame{Params: params, Bytes: pixels, Captured: time.Duration(n) * time.Second / 30}, false)
			if err != nil || f.Key != (n == 0 || n == c.pictures) {
				t.Fatalf("%s: picture %d: %v, key frame %v", name, n, err, f.Key)
			}
			if f.Params.Version < version {
				t.Errorf("%s: version %d after %d", name, f.Params.Version, version)
			}
			version = f.Params.Version
		}
		if len(faults) != 1 || !errors.Is(faults[0], errDevice) || devices != 1 {
			t.Errorf("%s: %d faults: %v; opened %d times", name, len(faults), faults, devices)
		}
	}
}
