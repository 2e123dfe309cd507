//go:build cgo

package main

import (
	"fmt"
	"image"
	"strings"
	"syscall"

	"github.com/bluenviron/gortsplib/v5"
)

// command runs a command of camcast's, which must succeed and print all words.
func command(words []string, args ...string) error {
	p, err := start("/camcast", args...)
	if err != nil {
		return err
	}
	if err := p.wait(); err != nil {
		return fmt.Errorf("camcast %q: %w:\n%s", args, err, p.text.String())
	}
	for _, word := range words {
		if !strings.Contains(p.text.String(), word) {
			return fmt.Errorf("camcast %q lacks %q:\n%s", args, word, p.text.String())
		}
	}
	saw("camcast %s: %d lines with %q", strings.Join(args, " "), strings.Count(p.text.String(), "\n"), words)
	return nil
}

// checkVividControls lists and sets vivid's controls, of each kind, and looks at what the pictures become.
func checkVividControls(reference *image.YCbCr) error {
	const device = "/dev/video0"
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"vivid", "'/dev/video0?size=640x360&format=yuyv'", "nv12:", "rgb24:", "cannot be broadcast: ", "brightness ", "test_pattern "}, []string{"devices"}},
		{[]string{`"argument": "/dev/video0?size=320x180&format=bgr24"`, `"name": "horizontal_flip"`, `"open_by": []`}, []string{"devices", "--json"}},
		{[]string{"now 100\n", "now 1 (100% Colorbar)", "now -5\n", "now 77\n", "now 0x80002000\n"}, []string{"controls", device, "brightness=100",
			"test_pattern=100% colorbar", "integer_64_bits=-5", "integer_32_bits=77", "bitmask=0x80002000", "button=1"}},
		{[]string{"brightness ", "now 100\n"}, []string{"controls", device}},
		{[]string{"now 128\n", "75% Colorbar"}, []string{"controls", device, "brightness=128", "test_pattern=0"}},
	} {
		if err := command(c.words, c.args...); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		words []string
		args  []string
	}{
		{[]string{"control brightness=256: must be 0 to 255"}, []string{"controls", device, "contrast=1", "brightness=256"}},
		{[]string{`"brightnes": unknown; there is brightness`}, []string{"controls", device, "brightnes=1"}},
		{[]string{"cam: /dev/video0: control horizontal_flip=2: must be 1 or 0"}, []string{"/dev/video0?control.horizontal_flip=2"}},
		{[]string{"cam: /dev/video0", `"flip": unknown; there is vertical_flip, horizontal_flip`}, []string{"/dev/video0?control.flip=1"}},
	} {
		if err := wantRefusal(c.words, c.args...); err != nil {
			return err
		}
	}
	return checkFlip(reference)
}

// checkFlip has the daemon flip the picture at start, and then another command flip it back.
func checkFlip(reference *image.YCbCr) error {
	d, err := startDaemon(vividSource("rgb24") + "&control.horizontal_flip=1")
	if err != nil {
		return err
	}
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.awaitPicture(mirrored(reference), reference); err != nil {
		return fmt.Errorf("control.horizontal_flip=1: %w", err)
	}
	if err := command([]string{fmt.Sprintf("open in camcast (pid %d)", d.cmd.Process.Pid)}, "devices"); err != nil {
		return err
	}
	if err := command([]string{"horizontal_flip", "now 0\n"}, "controls", "/dev/video0", "horizontal_flip=off"); err != nil {
		return err
	}
	if err := c.awaitPicture(reference, mirrored(reference)); err != nil {
		return fmt.Errorf("horizontal_flip=off: %w", err)
	}
	saw("a picture is flipped by control.horizontal_flip=1 and flipped back by camcast controls")
	return d.stop()
}

// awaitPicture plays until a picture is as the one that is wanted, and not as another. vivid's flipped
// pattern is shifted by a pixel or two, so the edges of its bars differ.
func (c *client) awaitPicture(want, not *image.YCbCr) error {
	const most = wantFrames
	luma, other := 0.0, 0.0
	for range most {
		got, err := c.nextColours()
		if err != nil {
			return err
		}
		luma, _ = colourPSNR(got, want)
		if other, _ = colourPSNR(got, not); luma >= 25 && luma >= other+6 {
			saw("a picture is as wanted by %.1f dB, and as the other by %.1f dB", luma, other)
			return nil
		}
	}
	return fmt.Errorf("none of %d pictures is as wanted, the last one by %.1f dB, and as the other by %.1f dB", most, luma, other)
}

// checkWebcamControls unplugs a webcam whose controls the daemon sets: it sets them again. The exposure's
// name has its words in another order, as older kernels have them.
func checkWebcamControls(d, webcam *process) error {
	set := func() error {
		for _, line := range []string{"brightness is set to 10", "exposure mode is set to 1", "exposure time is set to 100"} {
			if _, err := webcam.await(line); err != nil {
				return err
			}
		}
		return nil
	}
	if err := set(); err != nil {
		return err
	}
	if err := command([]string{"brightness ", "now 10\n", "now 1 (Manual Mode)", "integer 3 to 2047; default 250; now 100\n"}, "controls", "/dev/video0"); err != nil {
		return err
	}
	if err := webcam.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return err
	}
	if _, err := d.await("source is open"); err != nil {
		return err
	}
	if err := set(); err != nil {
		return fmt.Errorf("after a replug: %w", err)
	}
	saw("three controls are set at start, and again after a replug")
	return nil
}

// webcamControls are the options of a daemon for checkWebcamControls.
const webcamControls = "control.brightness=10&control.exposure_auto=manual_mode&control.exposure_time_absolute=100"
