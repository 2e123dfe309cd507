package ring

import (
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// labelled is a layout that puts a label before each frame.
type labelled string

func (l labelled) Lay(dst []byte, f *Frame) (rtp.Packets, error) {
	return rtp.Single(append(append(dst, l...), f.Bytes...)), nil
}

// TestDrop has a form take the room of one that was dropped: nothing of that one is found in it.
func TestDrop(t *testing.T) {
	r := New(Limits{Frames: 4})
	params := &media.Params{Format: media.JPEG}
	publish := func() *Frame {
		t.Helper()
		f, err := r.Publish(media.Frame{Params: params, Bytes: []byte("frame"), Key: true})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first, stays := r.NewForm(labelled("first ")), r.NewForm(labelled("stays "))
	first.Use()
	stays.Use()
	f := publish()
	first.Release()
	first.Drop()
	second := r.NewForm(labelled("second "))
	if second.Of(f) != nil {
		t.Errorf("%q was laid out in a form that is dropped", second.Of(f).Bytes)
	}
	if r.NewForm(labelled("third ")).Of(f) != nil || string(stays.Of(f).Bytes) != "stays frame" {
		t.Error("forms are mixed up")
	}
	second.Use()
	if f = publish(); string(second.Of(f).Bytes) != "second frame" || string(stays.Of(f).Bytes) != "stays frame" {
		t.Errorf("%q", second.Of(f).Bytes)
	}
}
