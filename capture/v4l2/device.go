//go:build cgo

package v4l2

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// videoMajor is the device number of all video devices (Linux, devices.txt).
const videoMajor = 81

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
	fd, err = unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, capability, os.NewSyscallError("open", err)
	}
	capability, err = v4l2.GetCapability(uintptr(fd))
	switch {
	case err != nil:
		err = errNotVideo
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

// explain says what an error of opening a device or setting it up means.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("is not there; %s", present())
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return errNotPermitted
	case errors.Is(err, unix.EBUSY):
		return errBusy
	}
	return err
}

// present says which cameras there are instead.
func present() string {
	var names []string
	for _, d := range List() {
		names = append(names, fmt.Sprintf("%s (%s)", d.Path, d.Card))
	}
	if len(names) == 0 {
		return "there is no camera at all"
	}
	return "there is " + strings.Join(names, ", ")
}

// maxDevices is how many numbers of /dev/video are looked at.
const maxDevices = 64

// List returns the cameras there are, by their numbers. Devices that cannot be opened,
// or are no cameras, are left out.
func List() (devices []Device) {
	for i := range maxDevices {
		path := fmt.Sprintf("/dev/video%d", i)
		fd, capability, err := openCamera(path)
		if err != nil {
			continue
		}
		unix.Close(fd)
		devices = append(devices, Device{Path: path, Card: capability.Card, Driver: capability.Driver, Bus: capability.BusInfo})
	}
	return devices
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

func fourCCText(code uint32) string {
	return string([]byte{byte(code), byte(code >> 8), byte(code >> 16), byte(code>>24) & 0x7f})
}

func fourCC(text string) uint32 {
	return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 | uint32(text[3])<<24
}

// streamingDevice is what go4vl wants to know of a device whose buffers it handles. Of
// the interface it has only the methods that are used; the others would start goroutines.
type streamingDevice struct {
	v4l2.StreamingDevice // nil
	fd                   int
	capability           v4l2.Capability
	count                int
	buffers              [][]byte
}

func (d *streamingDevice) Fd() uintptr              { return uintptr(d.fd) }
func (d *streamingDevice) MemIOType() v4l2.IOType   { return v4l2.IOTypeMMAP }
func (d *streamingDevice) Buffers() [][]byte        { return d.buffers }
func (d *streamingDevice) BufferType() v4l2.BufType { return v4l2.BufTypeVideoCapture }
func (d *streamingDevice) BufferCount() uint32      { return uint32(d.count) }
