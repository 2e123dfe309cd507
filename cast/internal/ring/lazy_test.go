package ring

import (
	"errors"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// counting is a layout that notes which frames it was given, and cannot lay one of them out.
type counting struct {
	laid   []uint64
	refuse uint64
}

func (c *counting) Lay(dst []byte, f *Frame) (rtp.Packets, error) {
	c.laid = append(c.laid, f.Number)
	if f.Number == c.refuse {
		return rtp.Packets{}, errors.New("refused")
	}
	return rtp.Single(append(dst, f.Bytes...)), nil
}

// TestLazyForm has the first reader of a lazy form come in a group of pictures: nothing is laid out but what is asked for, once, and
// each frame that comes.
func TestLazyForm(t *testing.T) {
	r := New(Limits{Frames: 10, GroupBytes: 1 << 20})
	params := &media.Params{Format: media.H264}
	publish := func() *Frame {
		f, _ := r.Publish(media.Frame{Params: params, Bytes: []byte("frame"), Key: r.newest == 0})
		return f
	}
	for range 5 {
		publish()
	}
	layout := &counting{refuse: 6}
	form := r.NewLazyForm(layout)
	if form.Of(r.Get(3)) != nil {
		t.Error("a frame was laid out that nobody wants")
	}
	form.Use()
	form.Use()
	if len(layout.laid) > 0 {
		t.Errorf("frames %v were laid out before somebody has asked", layout.laid)
	}
	for range 2 {
		for _, n := range []uint64{4, 2} {
			if w := form.Of(r.Get(n)); w == nil || string(w.Bytes) != "frame" {
				t.Errorf("frame %d is %v", n, w)
			}
		}
	}
	refused, taken := publish(), publish()
	if form.Of(refused) != nil || form.Of(taken) == nil {
		t.Error("frame 6 was laid out, or frame 7 was not")
	}
	if n := len(layout.laid); n != 4 {
		t.Errorf("%v were laid out, want 4, 2, 6 and 7", layout.laid)
	}
}
