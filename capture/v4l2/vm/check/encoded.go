//go:build cgo

package main

import (
	"fmt"
	"image"
	"os"
	"path/filepath"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/openh264"
	"github.com/camcast/camcast/proto/nal"
)

// encodedFrames is how many frames of H.264 are decoded at each moment: the emulated machine encodes slowly.
const encodedFrames = 10

// checkEncoded is one webcam in three streams: its JPEG, and H.264 in two sizes. The device is opened once,
// and all of them go on when it has been unplugged.
func checkEncoded() error {
	webcam, err := plugIn()
	if err != nil {
		return err
	}
	d, err := startDaemon("cam=/dev/video0?size=320x240", "low=cam?size=160x120&encode=h264&bitrate=300k&keyframe=300ms", "same=cam?encode=h264&bitrate=600k&keyframe=300ms")
	if err != nil {
		return err
	}
	if _, err := d.await("same", "vlc rtsp://"); err != nil {
		return err
	}
	pictures, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	streams := map[string]image.Point{"low": {160, 120}, "same": {320, 240}}
	clients := map[string]*client{}
	for name := range streams {
		if clients[name], err = playStream(name, gortsplib.ProtocolTCP); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	decode := func() error {
		for name, size := range streams {
			if err := decodeFrames(clients[name], size, name); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	}
	if err := decode(); err != nil {
		return err
	}
	if n := opened(d.cmd.Process.Pid, "/dev/video0"); n != 1 {
		return fmt.Errorf("the camera is opened %d times, want once", n)
	}
	saw("three streams of one camera, which is opened once")
	if err := checkReplug(d, webcam, pictures); err != nil {
		return err
	}
	for _, c := range clients {
		c.skip()
	}
	if err := decode(); err != nil {
		return fmt.Errorf("after that: %w", err)
	}
	pictures.close()
	for _, c := range clients {
		c.close()
	}
	return d.stop()
}

// opened is how many of a process's files are a device.
func opened(pid int, device string) (n int) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == device {
			n++
		}
	}
	return n
}

// decodeFrames wants frames from a key frame on to be pictures of a size, with something on them.
func decodeFrames(c *client, size image.Point, name string) error {
	decoder, err := openh264.New()
	if err != nil {
		return err
	}
	defer decoder.Close()
	began, decoded, octets := time.Now(), 0, 0
	for decoded < encodedFrames {
		frame, err := c.next()
		if err != nil {
			return fmt.Errorf("after %d frames: %w", decoded, err)
		}
		var sets [][]byte
		if decoded == 0 {
			if unit, _, err := nal.Next(frame); err != nil || unit[0]&0x1f != 5 {
				if time.Since(began) > patience {
					return fmt.Errorf("no key frame in %v", patience)
				}
				continue
			}
			sets = c.sets
		}
		unit, err := nal.AppendAnnexB(nil, sets, frame)
		if err != nil {
			return err
		}
		picture, err := decoder.Decode(unit, false)
		if err != nil || picture == nil || picture.Rect.Size() != size {
			return fmt.Errorf("frame %d: %v, %v", decoded, picture, err)
		}
		least, most := byte(255), byte(0)
		for y := range size.Y {
			for _, v := range picture.Y[y*picture.YStride:][:size.X] {
				least, most = min(least, v), max(most, v)
			}
		}
		if most-least < 50 {
			return fmt.Errorf("frame %d is of one brightness: %d to %d", decoded, least, most)
		}
		decoded, octets = decoded+1, octets+len(frame)
	}
	saw("%s: %d frames of H.264 of %dx%d, %d bytes, decoded without an error", name, decoded, size.X, size.Y, octets)
	return nil
}
