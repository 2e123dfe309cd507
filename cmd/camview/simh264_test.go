package main

import (
	"bytes"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// groupCamera is a source of H.264: a key frame when it is asked for one, and in each 300.
type groupCamera struct {
	simCamera
	frames []media.Frame // a group of a clip
	at     int           // of the next one
	since  int           // frames since the last key frame
	asked  int
}

func newGroupCamera(t *testing.T) *groupCamera {
	t.Helper()
	data, err := os.ReadFile("../../proto/nal/testdata/baseline.h264")
	if err != nil {
		t.Fatal(err)
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	s.Push(data)
	s.End()
	c := &groupCamera{}
	for {
		f, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok || len(c.frames) > 0 && f.Key {
			return c
		}
		f.Bytes = bytes.Clone(f.Bytes)
		c.frames = append(c.frames, f)
	}
}

func (c *groupCamera) Describe() capture.Description {
	return capture.Description{Source: "simulation", Params: c.frames[0].Params}
}

func (c *groupCamera) Open(h capture.Host) {
	c.host, c.beat, c.due = h, h.NewTimer(c.sendNext), h.Now()
	h.Live()
	c.wait()
}

// sendNext sends a frame. What it shows is of no matter here.
func (c *groupCamera) sendNext() {
	f := c.frames[c.at]
	c.at = 1 + c.at%(len(c.frames)-1)
	if c.since++; c.since >= 300 {
		c.at, c.since = 0, 0
	}
	f.Captured = c.host.Now()
	c.number++
	c.wait()
	c.host.Frame(f)
}

func (c *groupCamera) RequestKeyFrame() error {
	c.asked++
	c.at, c.since = 0, 0
	return nil
}

// TestH264 watches H.264 by each way, at first without a loss and then with many: there are pictures, and
// the camera is asked for key frames, at most once a second.
func TestH264(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			camera := newGroupCamera(t)
			if _, err := s.cast.AddStream("roof", camera, cast.StreamOptions{}); err != nil {
				t.Fatal(err)
			}
			s.run(2 * time.Second) // the group is under way
			s.watch(way[:len(way)-len("cam")] + "roof")
			s.run(10 * time.Second)
			sum := s.viewer.summary()
			if want := uint64(10 * cardFPS); sum.Frames < want-15 || sum.FramesLost+sum.PacketsLost != 0 || s.said.Len() > 0 {
				t.Errorf("%+v, want about %d frames and none lost; the viewer says %q, %v", sum, want, s.said.String(), s.viewer.failure)
			}
			s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{Delay: 5 * time.Millisecond, Loss: 0.02})
			before := camera.asked
			s.run(10 * time.Second)
			after := s.viewer.summary()
			if asked := camera.asked - before; name != "tcp" && (asked == 0 || asked > 11 || after.FramesLost == 0) || after.Frames-sum.Frames < 50 {
				t.Errorf("%d key frames were asked for, %d pictures came, %+v", asked, after.Frames-sum.Frames, after)
			}
			s.k.SetLink(netip.MustParsePrefix("127.0.0.0/8"), sim.Link{})
			s.leave()
		})
	}
}
