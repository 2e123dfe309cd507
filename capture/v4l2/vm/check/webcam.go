//go:build cgo

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/bluenviron/gortsplib/v5"
)

// dumped is where the emulated webcam writes its pictures.
const dumped = "/tmp/pictures"

// plugIn starts the emulated webcam and waits for its device. When it is unplugged it is
// plugged in again soon.
func plugIn() (*process, error) { return plugInto(0, 1500*time.Millisecond) }

// plugInto plugs a webcam into a port. The webcam there has been unplugged for as long as
// replug when it is plugged in again.
func plugInto(port int, replug time.Duration, more ...string) (*process, error) {
	webcam, err := start("/uvcemu", append(more, "-port", strconv.Itoa(port), "-dump", dumped, "-replug", replug.String())...)
	if err != nil {
		return nil, err
	}
	if _, err := webcam.await("plugged in"); err != nil {
		return nil, err
	}
	return webcam, awaitFile(deviceAt(port))
}

// deviceAt is the device of the webcam in a port, if the webcams are plugged in by their
// ports: each has a second device for metadata.
func deviceAt(port int) string { return fmt.Sprintf("/dev/video%d", 2*port) }

// sentBy reads the pictures that the webcam sends at a size.
func sentBy(size string) (pictures [][]byte, err error) {
	names, err := filepath.Glob(filepath.Join(dumped, size+"-*.jpg"))
	slices.Sort(names)
	for _, name := range names {
		picture, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, picture)
	}
	if len(pictures) == 0 {
		return nil, fmt.Errorf("the webcam sends nothing at %s", size)
	}
	return pictures, err
}

// checkWebcam is a USB webcam behind uvcvideo.
func checkWebcam() error {
	webcam, err := plugIn()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		words []string
		arg   string
	}{
		{[]string{"has no size 800x600 in mjpeg", "640x480", "1280x720", "320x240"}, "/dev/video0?size=800x600"},
		{[]string{"has no size 1280x720 in yuyv", "640x480", "320x240"}, "/dev/video0?size=1280x720&format=yuyv"},
		{[]string{"/dev/video1", "not a camera"}, "/dev/video1"},
	} {
		if err := wantRefusal(c.words, c.arg); err != nil {
			return err
		}
	}
	if err := command([]string{"/dev/video0: Emulated UVC webcam", "30, 15, 5 frames/s", "'/dev/video0?size=320x240&format=mjpeg'", "yuyv:", "h264:",
		"brightness ", "integer -64 to 64; default 0; now 0"}, "devices"); err != nil {
		return err
	}
	if err := wantWaiting("/dev/video7: not found; connected: /dev/video0 (Emulated UVC webcam", "/dev/video7"); err != nil {
		return err
	}
	nobody := &syscall.Credential{Uid: 65534, Gid: 65534}
	if err := wantRefusalAs(nobody, []string{"/dev/video0", "group video"}, "/dev/video0"); err != nil {
		return err
	}
	if err := checkMJPEG(webcam); err != nil {
		return fmt.Errorf("MJPEG: %w", err)
	}
	if err := checkYUYV(webcam); err != nil {
		return fmt.Errorf("YUYV: %w", err)
	}
	return nil
}

// checkMJPEG is the daemon without arguments: the first camera, its MJPEG untouched.
func checkMJPEG(webcam *process) error {
	d, err := startDaemon()
	if err != nil {
		return err
	}
	sent, err := sentBy("1280x720")
	if err != nil {
		return err
	}
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		if err := compareScans(d, protocol, sent); err != nil {
			return err
		}
	}
	if err := wantWaiting("/dev/video0: is in use by another program", "--rtsp", ":0", "--rtp", ":0", "/dev/video0"); err != nil {
		return err
	}
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	if err := checkGap(d, webcam, c); err != nil {
		return err
	}
	if err := checkReplug(d, webcam, c); err != nil {
		return err
	}
	return d.stop()
}

// checkGap has the webcam break a frame, which uvcvideo drops: a gap in its sequence.
func checkGap(d, webcam *process, c *client) error {
	before, err := d.askFigures()
	if err != nil {
		return err
	}
	if err := webcam.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		return err
	}
	after, err := playUntilCounted(d, c, before, func(f figures) int { return f.missing + f.broken })
	if err != nil {
		return fmt.Errorf("a broken frame: %w", err)
	}
	saw("a broken frame: %d missing and %d broken before, %d and %d after", before.missing, before.broken, after.missing, after.broken)
	return nil
}

// checkReplug pulls the webcam's plug and puts it back: the reader who was there goes on.
func checkReplug(d, webcam *process, c *client) error {
	if err := webcam.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return err
	}
	if _, err := d.await("source is lost"); err != nil {
		return err
	}
	if _, err := d.await("source is open"); err != nil {
		return err
	}
	for len(c.pictures) > 0 {
		<-c.pictures
	}
	for i := range 10 {
		if _, err := c.next(); err != nil {
			return fmt.Errorf("%d pictures after the replug: %w", i, err)
		}
	}
	saw("unplugged and plugged in again: the same reader goes on")
	return nil
}

// checkYUYV is the webcam's other format: grey pictures of four shades in turn.
func checkYUYV(webcam *process) error {
	const width, height = 320, 240 // encoding more takes long on an emulated processor
	d, err := startDaemon(fmt.Sprintf("/dev/video0?size=%dx%d&format=yuyv&%s", width, height, webcamControls))
	if err != nil {
		return err
	}
	err = comparePixels(gortsplib.ProtocolTCP, 35, 0, func(got plane) plane {
		want := plane{width: width, height: height, pixels: make([]byte, width*height)}
		// The webcam's 0, 60, 120 and 180 are of limited levels: 16 is black, 235 white.
		shade := nearest(int(got.pixels[len(got.pixels)/2]), []int{0, 51, 121, 191})
		for i := range want.pixels {
			want.pixels[i] = byte(shade)
		}
		return want
	})
	if err != nil {
		return err
	}
	if err := checkWebcamControls(d, webcam); err != nil {
		return err
	}
	return d.stop()
}

func nearest(value int, of []int) int {
	return slices.MinFunc(of, func(a, b int) int { return (a-value)*(a-value) - (b-value)*(b-value) })
}

// starts is how often the daemon is started in a row.
const starts = 50

// checkStarts starts the daemon again and again: each time pictures come.
func checkStarts() error {
	if _, err := plugIn(); err != nil {
		return err
	}
	revived := 0
	for i := range starts {
		d, err := startDaemon("/dev/video0?size=320x240")
		if err != nil {
			return fmt.Errorf("start %d: %w", i, err)
		}
		c, err := play(gortsplib.ProtocolTCP)
		if err != nil {
			return fmt.Errorf("start %d: %w", i, err)
		}
		for n := range 5 {
			if _, err := c.next(); err != nil {
				return fmt.Errorf("start %d, after %d pictures: %w", i, n, err)
			}
		}
		c.close()
		if err := d.stop(); err != nil {
			return fmt.Errorf("start %d: %w:\n%s", i, err, d.text.String())
		}
		if contains(d.text.String(), "watching it anew") {
			revived++
		}
	}
	saw("%d starts in a row, pictures each time, %d with the watchdog's help", starts, revived)
	return nil
}

// serveHost serves the webcam to a player on the host, until one has come and gone.
func serveHost() error {
	if _, err := plugIn(); err != nil {
		return err
	}
	d, err := startDaemon("/dev/video0?size=640x480")
	if err != nil {
		return err
	}
	fmt.Println("serving")
	line, err := d.await("reader left")
	if err != nil {
		return err
	}
	saw("%s", line)
	return d.stop()
}
