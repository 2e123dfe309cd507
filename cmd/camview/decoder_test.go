package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// TestDecoders makes one for each format, or says what can be done instead.
func TestDecoders(t *testing.T) {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 8)), nil); err != nil {
		t.Fatal(err)
	}
	d, err := newDecoder(media.JPEG)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := d.decode(&view.Frame{Format: media.JPEG, Bytes: b.Bytes()}); err != nil || p.Bounds() != image.Rect(0, 0, 16, 8) {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := d.decode(&view.Frame{Format: media.JPEG, Bytes: b.Bytes()[:20]}); err == nil {
		t.Errorf("half a picture is %v", p)
	}
	d.close()
	if _, err := newDecoder(media.H265); err == nil || !strings.Contains(err.Error(), "-o FILE.h265") {
		t.Errorf("H.265: %v", err)
	}
}

// TestLevels maps black, white and grey of a limited range to those of a full one.
func TestLevels(t *testing.T) {
	for level, want := range map[int]byte{0: 0, 16: 0, 235: 255, 255: 255, 126: 128} {
		if got := lumaLevels[level]; got != want {
			t.Errorf("luma %d becomes %d, want %d", level, got, want)
		}
	}
	for level, want := range map[int]byte{0: 0, 16: 1, 128: 128, 240: 255, 255: 255, 72: 64} {
		if got := chromaLevels[level]; got != want {
			t.Errorf("chroma %d becomes %d, want %d", level, got, want)
		}
	}
}
