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
		"unknown format":    {Options{Path: "/dev/video0", Format: "vp8"}, "auto or one of mjpeg, h264, h265, yuyv, uyvy"},
		"small frames":      {Options{Path: "/dev/video0", MaxFrame: 9}, "largest frame: must be 1024"},
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
	strange = map[string][]sizeRange{"VP80": {one(640, 480)}, "BA81": nil}
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
		"nothing of use":       {Options{}, strange, mode{}, "it has BA81, VP80"},
		"nothing":              {Options{}, nil, mode{}, "it has none"},
		"sizes not told":       {Options{Width: 800, Height: 600}, telling, mode{"mjpeg", "MJPG", 800, 600}, ""},
		"only large ones":      {Options{}, large, mode{"mjpeg", "MJPG", 1920, 1080}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := choose(c.options, c.has, untold)
			if c.err == "" && (err != nil || got != c.want) {
				t.Errorf("%+v, %v; want %+v", got, err, c.want)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want one with %q", err, c.err)
			}
		})
	}
}

// untold is a camera that does not tell its rates.
func untold(mode) float64 { return 0 }

// TestChooseByRate has a camera whose MJPEG is slow where it is large, as USB 2 has it: the first
// format that reaches what is asked for is chosen, and the reason says what is wrong with those before.
func TestChooseByRate(t *testing.T) {
	has := map[string][]sizeRange{
		"MJPG": {one(640, 480), one(1280, 720)},
		"H264": {one(1280, 720), one(1920, 1080)},
		"HEVC": {one(1920, 1080)},
		"YUYV": {one(640, 480), one(1280, 720)},
	}
	rates := map[mode]float64{
		{"mjpeg", "MJPG", 640, 480}: 29.97, {"mjpeg", "MJPG", 1280, 720}: 10, {"h264", "H264", 1280, 720}: 30,
		{"h264", "H264", 1920, 1080}: 15, {"h265", "HEVC", 1920, 1080}: 30, {"yuyv", "YUYV", 1280, 720}: 5,
	}
	for name, c := range map[string]struct {
		options Options
		want    mode
		why     string
	}{
		"as fast":       {Options{Width: 640, Height: 480, FramesPerSecond: 30}, mode{"mjpeg", "MJPG", 640, 480}, "mjpeg is the first choice that the camera has"},
		"no rate":       {Options{Width: 1280, Height: 720}, mode{"mjpeg", "MJPG", 1280, 720}, "mjpeg is the first choice that the camera has"},
		"too slow":      {Options{Width: 1280, Height: 720, FramesPerSecond: 30}, mode{"h264", "H264", 1280, 720}, "mjpeg has at most 10 frames/s at 1280x720"},
		"no such size":  {Options{Width: 1920, Height: 1080, FramesPerSecond: 10}, mode{"h264", "H264", 1920, 1080}, "mjpeg has no size 1920x1080"},
		"both":          {Options{Width: 1920, Height: 1080, FramesPerSecond: 30}, mode{"h265", "HEVC", 1920, 1080}, "mjpeg has no size 1920x1080, h264 has at most 15 frames/s at 1920x1080"},
		"none is so":    {Options{Width: 1280, Height: 720, FramesPerSecond: 60}, mode{"h264", "H264", 1280, 720}, "the fastest: mjpeg has at most 10 frames/s at 1280x720, h264 has at most 30 frames/s at 1280x720, h265 has no size 1280x720, yuyv has at most 5 frames/s at 1280x720"},
		"by its name":   {Options{Format: "yuyv", Width: 1280, Height: 720, FramesPerSecond: 30}, mode{"yuyv", "YUYV", 1280, 720}, "the fastest: yuyv has at most 5 frames/s at 1280x720"},
		"H.265 by name": {Options{Format: "h265"}, mode{"h265", "HEVC", 1920, 1080}, "h265 is the first choice that the camera has"},
	} {
		t.Run(name, func(t *testing.T) {
			got, why, err := choose(c.options, has, func(m mode) float64 { return rates[m] })
			if err != nil || got != c.want || why != c.why {
				t.Errorf("%+v, %q, %v; want %+v, %q", got, why, err, c.want, c.why)
			}
		})
	}
}
