package v4l2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

var (
	errNotVideo     = errors.New("not a camera: not a video device")
	errBusy         = errors.New("is in use by another program; camcast devices says by which")
	errNotPermitted = errors.New("permission denied; add the user to the group video (usermod -aG video USER) and log in again")
	errBandwidth    = errors.New("not enough USB bandwidth; choose a smaller size or rate, or another USB port")
	errNoCapture    = errors.New("not a camera: it delivers metadata, or is an output; use another /dev/video*")
	errMultiPlanar  = errors.New("has V4L2's multi-planar interface alone, which camcast cannot use")
	errNoStreaming  = errors.New("cannot stream")
)

// explain says what an error of opening a device or setting it up means. Its result is
// passing if trying again may help: all that the system says, but for a lack of permission,
// and nothing of what this package says itself.
func explain(path string, err error) error {
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return err
	}
	switch errno {
	case unix.ENOENT, unix.ENODEV, unix.ENXIO, unix.ENOTDIR:
		err = fmt.Errorf("not found; %s", connected(videoClass))
		if !strings.HasPrefix(path, "/dev/") {
			return err // it is a wrong path, and no device will be there
		}
	case unix.EACCES, unix.EPERM:
		return errNotPermitted
	case unix.EBUSY:
		err = errBusy
	case unix.ENOSPC:
		err = errBandwidth
	}
	return passing{err}
}

// videoClass is where the kernel lists its video devices.
const videoClass = "/sys/class/video4linux"

// connected says which cameras there are. It opens none of them: that can have effects, and
// another source may be opening it.
func connected(class string) string {
	var texts []string
	entries, _ := os.ReadDir(class) // without V4L2 there is no such folder
	slices.SortStableFunc(entries, func(a, b os.DirEntry) int { return len(a.Name()) - len(b.Name()) })
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "video") || attribute(class, e.Name(), "index") != "0" {
			continue // the other devices of a camera give metadata
		}
		texts = append(texts, fmt.Sprintf("/dev/%s (%s)", e.Name(), attribute(class, e.Name(), "name")))
	}
	if len(texts) == 0 {
		return "no camera is connected"
	}
	return "connected: " + strings.Join(texts, ", ")
}

func attribute(class, device, name string) string {
	text, err := os.ReadFile(filepath.Join(class, device, name))
	if err != nil {
		return "?"
	}
	return strings.TrimSpace(string(text))
}
