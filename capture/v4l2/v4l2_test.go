package v4l2

import (
	"strings"
	"testing"
)

// What real drivers do is tested in the virtual machine (vm/test.sh). Here is what the
// source makes of it (source_test.go), what can go wrong before there is a camera, and how a
// mode is chosen.

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		want    string
	}{
		"unknown format":    {Options{Path: "/dev/video0", Format: "h265"}, "mjpeg or yuyv"},
		"half a size":       {Options{Path: "/dev/video0", Width: 640}, "together"},
		"too many buffers":  {Options{Path: "/dev/video0", Buffers: 33}, "2 to 32"},
		"a negative rate":   {Options{Path: "/dev/video0", FramesPerSecond: -1}, "above 0"},
		"too high quality":  {Options{Path: "/dev/video0", Quality: 101}, "1 to 100"},
		"a negative height": {Options{Path: "/dev/video0", Width: 4, Height: -3}, "together"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "/dev/video0: ") {
				t.Errorf("error %v, want one with %q and the path", err, c.want)
			}
		})
	}
}

func one(w, h int) sizeRange { return sizeRange{w, w, 0, h, h, 0} }

var (
	webcam = map[string][]sizeRange{
		"MJPG": {one(320, 240), one(640, 480), one(1280, 720), one(1920, 1080)},
		"YUYV": {one(160, 120), one(640, 480), one(1280, 720)},
	}
	stepped = map[string][]sizeRange{"YUYV": {{48, 1920, 16, 32, 1080, 8}}}
	telling = map[string][]sizeRange{"MJPG": nil}
	strange = map[string][]sizeRange{"H264": {one(640, 480)}, "BGR3": nil}
	large   = map[string][]sizeRange{"MJPG": {one(3840, 2160), one(1920, 1080)}}
)

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		has     map[string][]sizeRange
		want    mode
		err     string
	}{
		"no wish":              {Options{}, webcam, mode{"mjpeg", "MJPG", 1280, 720}, ""},
		"a size":               {Options{Width: 640, Height: 480}, webcam, mode{"mjpeg", "MJPG", 640, 480}, ""},
		"YUYV":                 {Options{Format: "yuyv"}, webcam, mode{"yuyv", "YUYV", 640, 480}, ""},
		"in steps":             {Options{Width: 640, Height: 480}, stepped, mode{"yuyv", "YUYV", 640, 480}, ""},
		"in steps, no wish":    {Options{}, stepped, mode{"yuyv", "YUYV", 640, 480}, ""},
		"between steps":        {Options{Width: 641, Height: 480}, stepped, mode{}, "48x32 to 1920x1080 in steps of 16x8"},
		"no such size":         {Options{Width: 800, Height: 600}, webcam, mode{}, "has no size 800x600 in mjpeg: it has 320x240, 640x480, 1280x720, 1920x1080"},
		"no such size in YUYV": {Options{Width: 320, Height: 240, Format: "yuyv"}, webcam, mode{}, "160x120, 640x480, 1280x720"},
		"no such format":       {Options{Format: "mjpeg"}, stepped, mode{}, "has no format mjpeg: it has yuyv"},
		"nothing of use":       {Options{}, strange, mode{}, "it has BGR3, H264"},
		"nothing":              {Options{}, nil, mode{}, "it has none"},
		"sizes not told":       {Options{Width: 800, Height: 600}, telling, mode{"mjpeg", "MJPG", 800, 600}, ""},
		"only large ones":      {Options{}, large, mode{"mjpeg", "MJPG", 1920, 1080}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := choose(c.options, c.has)
			if c.err == "" && (err != nil || got != c.want) {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want one with %q", err, c.err)
			}
		})
	}
}
