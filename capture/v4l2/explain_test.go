package v4l2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		path      string
		err       error
		want      string
		isPassing bool
	}{
		{"/dev/video0", unix.ENOENT, "not found; " + connected(videoClass), true},
		{"/dev/video0", unix.ENXIO, "not found; " + connected(videoClass), true},
		{"/dev/video0", unix.ENODEV, "not found; " + connected(videoClass), true},
		{"clip.jpg", unix.ENOENT, "not found; " + connected(videoClass), false},
		{"/dev/video0", unix.EBUSY, "is in use by another program; camcast devices says by which", true},
		{"/dev/video0", unix.EACCES, errNotPermitted.Error(), false},
		{"/dev/video0", unix.EPERM, errNotPermitted.Error(), false},
		{"/dev/video0", unix.ENOSPC, errBandwidth.Error(), true},
		{"/dev/video0", unix.EMFILE, "open: too many open files", true},
		{"/dev/video0", passing{errors.New("system error")}, "system error", true},
		{"/dev/video0", errNotVideo, errNotVideo.Error(), false},
		{"/dev/video0", errors.New("has no size 4x4 in mjpeg"), "has no size 4x4 in mjpeg", false},
	} {
		err := c.err
		if errno, ok := err.(unix.Errno); ok {
			err = fmt.Errorf("cannot be set: %w", err)
			if errno == unix.EMFILE {
				err = os.NewSyscallError("open", errno)
			}
		}
		got := explain(c.path, err)
		if isPassing := errors.As(got, new(passing)); got.Error() != c.want || isPassing != c.isPassing {
			t.Errorf("%s, %v: %q, passing %v; want %q, %v", c.path, c.err, got, isPassing, c.want, c.isPassing)
		}
	}
}

// TestConnected reads a folder like sysfs' own: two webcams, of which each has a second
// device for metadata, and a radio.
func TestConnected(t *testing.T) {
	class := t.TempDir()
	if got := connected(class); got != "no camera is connected" {
		t.Errorf("%q without any", got)
	}
	if got := connected(filepath.Join(class, "absent")); got != "no camera is connected" {
		t.Errorf("%q without V4L2", got)
	}
	for device, attributes := range map[string]map[string]string{
		"video10": {"index": "0\n", "name": "Loopback\n"}, "video2": {"index": "0\n", "name": "C922 Pro\n"},
		"video3": {"index": "1\n", "name": "C922 Pro\n"}, "radio0": {"index": "0\n", "name": "Radio\n"},
		"v4l-subdev0": {"name": "imx219\n"},
	} {
		if err := os.Mkdir(filepath.Join(class, device), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, value := range attributes {
			if err := os.WriteFile(filepath.Join(class, device, name), []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := connected(class), "connected: /dev/video2 (C922 Pro), /dev/video10 (Loopback)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
