package main

import (
	"strings"
	"testing"
	"time"
)

// TestEncodingOptions understands how pictures are encoded, and streams of earlier ones.
func TestEncodingOptions(t *testing.T) {
	specs, err := parseSources([]string{
		"cam=/dev/video99?size=1280x720&encode=h264&bitrate=2M&keyframe=2s", "low=cam?size=640x360&encode=H264&bitrate=500k&keyframe=0.5",
		"testcard:?encode=h264&bitrate=1.5M", "./cam", "clip.mjpeg?encode=h264&loop=1&keyframe=1500ms",
		"exec?encode=h264&fps=5&bitrate=1M:cat x?encode=h265",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		kind sourceKind
		path string
		encoding
	}{
		{deviceSource, "/dev/video99", encoding{true, 2_000_000, 2 * time.Second}}, {streamSource, "cam", encoding{true, 500_000, time.Second / 2}},
		{testcardSource, "testcard:", encoding{true, 1_500_000, 0}}, {fileSource, "./cam", encoding{}}, {fileSource, "clip.mjpeg", encoding{true, 0, 1500 * time.Millisecond}},
		{execSource, "cat x?encode=h265", encoding{true, 1_000_000, 0}},
	}
	for i, w := range want {
		if s := specs[i]; s.kind != w.kind || s.path != w.path || s.encoding != w.encoding {
			t.Errorf("%+v, want %+v", s, w)
		}
	}
	if o := specs[0].h264(); o.Width != 0 || o.Height != 0 {
		t.Errorf("a camera's pictures are scaled to %dx%d", o.Width, o.Height)
	}
	if o := specs[1].h264(); o.Width != 640 || o.Height != 360 || o.Bitrate != 500_000 {
		t.Errorf("%+v", o)
	}
}

// TestWrongEncodingOptions names the option and what it may be.
func TestWrongEncodingOptions(t *testing.T) {
	for source, want := range map[string]string{
		"testcard:?encode=h265":                      "encode=h265: must be h264",
		"testcard:?encode=":                          "encode=: must be h264",
		"testcard:?encode=h264&bitrate=fast":         "bitrate=fast: must be bits a second, such as 2M or 500k",
		"testcard:?encode=h264&bitrate=-2M":          "bitrate=-2M",
		"testcard:?encode=h264&bitrate=NaN":          "bitrate=NaN",
		"testcard:?encode=h264&bitrate=1e300":        "bitrate=1e300",
		"testcard:?encode=h264&bitrate=1000":         "H.264 of 1000 bits/s: must be 10000 to 100000000",
		"testcard:?encode=h264&keyframe=soon":        "keyframe=soon: must be the time from one key frame to the next, such as 2s",
		"testcard:?encode=h264&keyframe=0":           "keyframe=0",
		"testcard:?encode=h264&keyframe=1ms":         "must be 100ms to 10m0s",
		"testcard:?bitrate=2M":                       "bitrate and keyframe are of use with encode=h264 alone",
		"exec?encode=h265:secret":                    `source "exec?encode=h265:...": encode=h265: must be h264`,
		"exec?bitrate=2M:secret":                     "bitrate and keyframe are of use with encode=h264 alone",
		"exec?encode=h264&bitrate=1:secret":          "H.264 of 1 bits/s",
		"exec?encode=h264&size=64x48:secret":         `option "size": unknown`,
		"clip.mjpeg?keyframe=2s":                     "bitrate and keyframe are of use with encode=h264 alone",
		"clip.mjpeg?encode=h264&size=640x480":        `option "size": unknown`,
		"cam?size=320x240":                           "add encode=h264",
		"cam?size=321x240&encode=h264":               "H.264 of 321x240: both must be even",
		"cam?encode=h264&fps=5":                      `option "fps": unknown; this kind of source has size, encode, bitrate, keyframe`,
		"testcard:?encode=h264&bitrate=2M&bitrate=x": "bitrate=x",
	} {
		_, err := parseSource(source, "cam")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", source, err, want)
		}
	}
}
