package main

import (
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/openh264"
)

// TestSnapshotOfH264 has a daemon make a JPEG of a file of stripes in known colours, which x264 has coded; where OpenH264 is not
// installed the answer says so.
func TestSnapshotOfH264(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "testdata/stripes.h264?loop=1")
	answer, err := http.Get(d.pictureURL() + ".jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if decoder, err := openh264.New(); err == nil {
		decoder.Close()
	} else {
		text, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusNotAcceptable || !strings.Contains(string(text), "apt install") {
			t.Errorf("%v: %s", answer.Status, text)
		}
		return
	}
	picture, err := jpeg.Decode(answer.Body)
	if err != nil || picture.Bounds() != image.Rect(0, 0, 128, 64) {
		t.Fatalf("%v: %v", answer.Status, err)
	}
	for i, want := range [][3]int{{0, 0, 0}, {255, 255, 255}, {200, 30, 60}, {20, 120, 220}} {
		var got [3]int
		r, g, b, _ := picture.At(32*i+16, 32).RGBA()
		for j, c := range []uint32{r, g, b} {
			got[j] = int(c >> 8)
			if off := got[j] - want[j]; off < -6 || off > 6 {
				t.Errorf("stripe %d is %d, want %d", i, got, want)
			}
		}
	}
}

func TestNoPicture(t *testing.T) {
	for name, f := range map[string]media.Frame{
		"H.265": {Params: &media.Params{Format: media.H265}}, "no sets": {Params: &media.Params{Format: media.H264}, Bytes: []byte{0, 0, 0, 1, 0x65}},
		"broken": {Params: &media.Params{Format: media.H264}, Bytes: []byte{0, 0, 0, 9, 0x65}},
	} {
		if p, err := pictureOf(f); err == nil {
			t.Errorf("%s: %d bytes", name, len(p))
		}
	}
}
