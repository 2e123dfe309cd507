//go:build cgo

package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// clip is what the webcam sends as H.264, again and again.
const clip = "/clip.h264"

// checkH264 is the webcam's own H.264, which uvcvideo passes on: readers get the bytes that
// the webcam sends, from a key frame on, also after it was unplugged.
func checkH264() error {
	frames, err := clipFrames()
	if err != nil {
		return err
	}
	webcam, err := plugInto(0, 1500*time.Millisecond, "-h264", clip)
	if err != nil {
		return err
	}
	d, err := startDaemon("/dev/video0?format=h264&size=640x480")
	if err != nil {
		return err
	}
	for _, protocol := range []gortsplib.Protocol{gortsplib.ProtocolTCP, gortsplib.ProtocolUDP} {
		c, err := play(protocol)
		if err != nil {
			return err
		}
		if err := compareFrames(c, frames, true, fmt.Sprint(protocol)); err != nil {
			return err
		}
		if protocol == gortsplib.ProtocolTCP {
			if err := checkReplug(d, webcam, c); err != nil {
				return err
			}
			if err := compareFrames(c, frames, false, "after that"); err != nil {
				return err
			}
		}
		c.close()
	}
	return d.stop()
}

// clipFrames are the frames of the clip.
func clipFrames() (frames []media.Frame, err error) {
	data, err := os.ReadFile(clip)
	if err != nil {
		return nil, err
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		if err != nil || !ok {
			return frames, err
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
}

// compareFrames wants each frame to have the bytes of one that the webcam sends, and to be the next one
// or a key frame, which is the first one that a new reader gets: where a slow machine left the driver without a free buffer, all up to that are dropped.
func compareFrames(c *client, frames []media.Frame, isNew bool, how string) error {
	last, octets, left := -1, 0, 0
	for n := range wantFrames {
		got, err := c.next()
		if err != nil {
			return fmt.Errorf("after %d frames: %w", n, err)
		}
		i := slices.IndexFunc(frames, func(f media.Frame) bool { return bytes.Equal(f.Bytes, got) })
		switch {
		case i < 0:
			return fmt.Errorf("frame %d is none that the webcam has sent", n)
		case !frames[i].Key && last < 0 && isNew:
			return fmt.Errorf("the first frame is number %d, which is no key frame", i)
		case !frames[i].Key && last >= 0 && i != (last+1)%len(frames):
			return fmt.Errorf("frame %d comes behind frame %d, which it does not follow", i, last)
		case last >= 0 && i != (last+1)%len(frames):
			left++
		}
		last, octets = i, octets+len(got)
	}
	saw("%s: %d frames of H.264, %d bytes identical to what the webcam sent (%d gaps, up to a key frame)", how, wantFrames, octets, left)
	return nil
}
