//go:build players

package main

import (
	"bytes"
	"image"
	"os"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

// clipFrames are the frames of a file of H.264, as they come out of a view.Buffer.
func clipFrames(t *testing.T, name string) (frames []view.Frame) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return frames
		}
		frames = append(frames, view.Frame{Format: media.H264, Bytes: bytes.Clone(f.Bytes), Params: f.Params, Key: f.Key})
	}
}

// TestDecodeH264 decodes a clip whose levels go from 16 to 235: each picture comes at once, and has the
// levels of a full range. What needs a picture that is missing is an error, and the next key frame is
// none.
func TestDecodeH264(t *testing.T) {
	d, err := newDecoder(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	frames := clipFrames(t, "../../openh264/testdata/clip.h264")
	for i := range frames {
		picture, err := d.decode(&frames[i])
		if err != nil || picture == nil || picture.Bounds() != image.Rect(0, 0, 64, 48) {
			t.Fatalf("frame %d: %v, %v", i, picture, err)
		}
		least, most := byte(255), byte(0)
		for _, y := range picture.(*image.YCbCr).Y {
			least, most = min(least, y), max(most, y)
		}
		if least > 8 || most < 220 {
			t.Errorf("frame %d has levels from %d to %d", i, least, most)
		}
	}
	if _, err := d.decode(&frames[1]); err == nil {
		t.Error("a frame is decoded that needs another")
	}
	if p, err := d.decode(&frames[5]); err != nil || p == nil {
		t.Errorf("the next key frame: %v", err)
	}
	if _, err := d.decode(&view.Frame{Format: media.H264, Params: frames[0].Params, Bytes: []byte{0, 0, 9}}); err == nil {
		t.Error("bytes that are no NAL units are decoded")
	}
}

// TestDecodeBFrames decodes a clip with B-frames: none is missing but those that wait for others.
func TestDecodeBFrames(t *testing.T) {
	d, err := newDecoder(media.H264)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	frames := clipFrames(t, "../../capture/file/testdata/units/bframes.h264")
	pictures := 0
	for i := range frames {
		picture, err := d.decode(&frames[i])
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if picture != nil {
			pictures++
		}
	}
	if pictures < len(frames)-4 {
		t.Errorf("%d pictures of %d frames", pictures, len(frames))
	}
}
