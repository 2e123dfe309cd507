//go:build cgo

package main

import (
	"fmt"
	"strings"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

const (
	vividWidth, vividHeight = 320, 180
	// osdRows is where vivid writes texts that change, at the top.
	osdRows = 120
)

// checkVivid is vivid's raw formats, compared with what vivid says it shows, its controls and its
// faults.
func checkVivid() error {
	shown, err := readScene("/dev/video0")
	if err != nil {
		return fmt.Errorf("a raw picture to compare with: %w", err)
	}
	if err := checkFormats(shown); err != nil {
		return err
	}
	if err := checkVividControls(shown.colour); err != nil {
		return err
	}
	d, err := startDaemon(vividSource("yuyv"))
	if err != nil {
		return err
	}
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		if err := comparePixels(protocol, 30, osdRows, func(plane) plane { return brightnessOf(shown.colour) }); err != nil {
			return err
		}
	}
	if err := checkFaults(d); err != nil {
		return err
	}
	return d.stop()
}

// checkFaults has vivid drop and break buffers, and wants the daemon to count them and
// its reader to go on.
func checkFaults(d *process) error {
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	for _, fault := range []struct {
		control string
		value   int // 0 for one that is a button
		counted func(figures) int
		what    string
	}{
		{"Percentage of Dropped Buffers", 30, func(f figures) int { return f.missing }, "missing"},
		{"Inject V4L2_BUF_FLAG_ERROR", 0, func(f figures) int { return f.broken }, "broken"},
	} {
		before, err := d.askFigures()
		if err != nil {
			return err
		}
		if err := setControl("/dev/video0", fault.control, fault.value); err != nil {
			return err
		}
		after, err := playUntilCounted(d, c, before, fault.counted)
		if err != nil {
			return fmt.Errorf("%s: %w", fault.control, err)
		}
		if fault.value > 0 {
			if err := setControl("/dev/video0", fault.control, 0); err != nil {
				return err
			}
		}
		saw("%s: %d %s before, %d after", fault.control, fault.counted(before), fault.what, fault.counted(after))
	}
	return checkFatal(d, c)
}

// playUntilCounted plays pictures until a figure has grown. The first ones may have been on
// their way before there was anything to count.
func playUntilCounted(d *process, c *client, before figures, counted func(figures) int) (after figures, err error) {
	for range 10 {
		for range 10 {
			if _, err := c.next(); err != nil {
				return after, err
			}
		}
		if after, err = d.askFigures(); err != nil || counted(after) > counted(before) {
			return after, err
		}
	}
	return after, fmt.Errorf("is not counted: %+v, then %+v", before, after)
}

// checkFatal has vivid fail for good: the daemon opens it anew, and the reader goes on.
func checkFatal(d *process, c *client) error {
	if err := setControl("/dev/video0", "Inject Fatal Streaming Error", 0); err != nil {
		return err
	}
	if _, err := d.await("source is open"); err != nil {
		return err
	}
	for len(c.pictures) > 0 {
		<-c.pictures
	}
	if _, err := c.next(); err != nil {
		return err
	}
	saw("a fatal streaming error: the daemon has opened the camera anew, the same reader goes on")
	return nil
}

// setControl sets a control by its name.
func setControl(path, name string, value int) error {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// The list ends with an error; what came before it counts.
	controls, _ := v4l2.QueryAllControls(uintptr(fd))
	var names []string
	for _, c := range controls {
		names = append(names, c.Name)
		if c.Name == name {
			return v4l2.SetControlValue(uintptr(fd), c.ID, v4l2.CtrlValue(value))
		}
	}
	return fmt.Errorf("%s has no control %q; it has %q", path, name, names)
}
