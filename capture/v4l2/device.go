//go:build cgo

package v4l2

import (
	"errors"
	"os"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// videoMajor is the device number of all video devices (Linux, devices.txt).
const videoMajor = 81

// capMultiPlanar is V4L2_CAP_VIDEO_CAPTURE_MPLANE.
const capMultiPlanar = 0x1000

// openCamera opens a device and makes sure that it is a camera. It asks the file system
// first: to open a device of another kind can have effects.
func openCamera(path string) (fd int, capability v4l2.Capability, err error) {
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return -1, capability, os.NewSyscallError("stat", err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFCHR || unix.Major(stat.Rdev) != videoMajor {
		return -1, capability, errNotVideo
	}
	for err = unix.EINTR; err == unix.EINTR; { // signals, which the runtime sends to itself
		fd, err = unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return -1, capability, os.NewSyscallError("open", err)
	}
	capability, err = v4l2.GetCapability(uintptr(fd))
	switch {
	case errors.Is(err, v4l2.ErrorSystem):
		err = unix.ENODEV // unplugged since it was opened
	case err != nil:
		err = errNotVideo
	case capability.GetCapabilities()&capMultiPlanar != 0:
		err = errMultiPlanar
	case !capability.IsVideoCaptureSupported() || capability.GetCapabilities()&v4l2.CapVideoCapture == 0:
		err = errNoCapture
	case !capability.IsStreamingSupported():
		err = errNoStreaming
	}
	if err != nil {
		unix.Close(fd)
		return -1, capability, err
	}
	return fd, capability, nil
}

// withCamera has a function use a camera that is opened for it alone.
func withCamera(path string, use func(fd int, card Device) error) error {
	fd, capability, err := openCamera(path)
	if err != nil {
		return explain(path, err)
	}
	defer unix.Close(fd)
	return explain(path, use(fd, Device{Path: path, Card: capability.Card, Driver: capability.Driver, Bus: capability.BusInfo}))
}

// offers asks for the formats and sizes that a camera has.
func offers(fd int) map[string][]sizeRange {
	has := map[string][]sizeRange{}
	// An error ends the list, and what came before it counts.
	descriptions, _ := v4l2.GetAllFormatDescriptions(uintptr(fd))
	for _, d := range descriptions {
		var sizes []sizeRange
		enumerated, _ := v4l2.GetFormatFrameSizes(uintptr(fd), d.PixelFormat)
		for _, s := range enumerated {
			sizes = append(sizes, sizeRange{
				minWidth: int(s.Size.MinWidth), maxWidth: int(s.Size.MaxWidth), stepWidth: int(s.Size.StepWidth),
				minHeight: int(s.Size.MinHeight), maxHeight: int(s.Size.MaxHeight), stepHeight: int(s.Size.StepHeight),
			})
		}
		has[fourCCText(d.PixelFormat)] = sizes
	}
	return has
}
