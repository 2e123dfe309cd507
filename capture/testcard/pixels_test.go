package testcard

import (
	"image"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
)

// TestPixels delivers the card as it is drawn, and its number can be read.
func TestPixels(t *testing.T) {
	s, h := open(t, Options{Width: 320, Height: 240, FramesPerSecond: 100, Pixels: true})
	h.RunFor(25 * time.Millisecond)
	if len(h.Frames) != 3 || s.Quality() != 0 {
		t.Fatalf("%d frames, quality %d; want 3 and none", len(h.Frames), s.Quality())
	}
	for i, f := range h.Frames {
		p := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
		if f.Params.Format != media.I420 || len(f.Bytes) != len(p.Y)+len(p.Cb)+len(p.Cr) {
			t.Fatalf("%+v, %d bytes", f.Params, len(f.Bytes))
		}
		copy(p.Cr, f.Bytes[copy(p.Y, f.Bytes)+copy(p.Cb, f.Bytes[len(p.Y):]):])
		if number, _, err := Read(p); err != nil || int(number) != i+1 {
			t.Errorf("frame %d is number %d: %v", i+1, number, err)
		}
	}
}
