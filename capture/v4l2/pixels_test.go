package v4l2

import (
	"bytes"
	"testing"

	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/media"
)

// TestPixels delivers a raw camera's pictures as I420 for an encoder, and those of one that has MJPEG as they are.
func TestPixels(t *testing.T) {
	d, s := newDesk(t, Options{Pixels: true})
	d.has = setup{card: "C922", mode: mode{"yuyv", "YUYV", 64, 48}, pixels: encode.Pixels{Format: encode.YUYV, Width: 64, Height: 48, Stride: 130}, rate: 15, buffers: 4}
	d.host.Open(s)
	d.host.Turn()
	data := bytes.Repeat([]byte{200, 100}, 65*48)
	d.frame(0, data)
	d.host.Turn()
	d.host.Turn() // the worker is done
	d.check(1, 1, 0, "live")
	f := d.host.Frames[0]
	if p := f.Params; p.Format != media.I420 || p.Width != 64 || p.Height != 48 || s.Quality() != 0 || s.Describe().Coding != "YUYV" {
		t.Errorf("%+v, quality %d, %q", p, s.Quality(), s.Describe().Coding)
	}
	if want := append(bytes.Repeat([]byte{200}, 64*48), bytes.Repeat([]byte{100}, 2*32*24)...); !bytes.Equal(f.Bytes, want) {
		t.Errorf("%d bytes of other values than the camera's", len(f.Bytes))
	}
	d.host.OnFrame = func(media.Frame) { d.host.Close() }
	d.frame(1, data)
	d.host.Turn()
	d.host.Turn()
	d.host.OnFrame = nil
	d.has = setup{card: "C922", mode: mode{"mjpeg", "MJPG", 64, 48}, rate: 15, buffers: 4}
	d.host.Open(s)
	d.host.Turn()
	if p := s.Describe().Params; p.Format != media.JPEG || p.Version != 1 {
		t.Errorf("%+v", p)
	}
}
