package h264_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// chainFrames are the frames of a stream in proto/nal/testdata.
func chainFrames(t testing.TB, name string) (frames []media.Frame) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../nal/testdata", name))
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
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
}

// TestChain drops each frame of real streams in turn: the next one tells whether others needed it.
func TestChain(t *testing.T) {
	disposable := 0
	for _, name := range []string{"baseline.h264", "slices.h264", "bframes.h264", "cropped.h264", "recovery.h264"} {
		frames := chainFrames(t, name)
		for dropped := range len(frames) - 1 {
			var c h264.Chain
			for i := range frames {
				if i == dropped {
					continue
				}
				want := i != dropped+1 || frames[dropped].Disposable || frames[i].Key
				if got := c.Next(&frames[i]); got != want && !(dropped == 0 && i == 1) {
					t.Errorf("%s: frame %d, without frame %d: %v, want %v", name, i, dropped, got, want)
				}
			}
			if frames[dropped].Disposable {
				disposable++
			}
		}
	}
	if disposable == 0 {
		t.Error("no stream has a frame that no other needs")
	}
}

// TestChainOfFields has each picture be one or two fields: nothing is missing.
func TestChainOfFields(t *testing.T) {
	var c h264.Chain
	for i, f := range chainFrames(t, "fields.h264") {
		if !c.Next(&f) {
			t.Errorf("something is missing before frame %d", i)
		}
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	frames := chainFrames(t, "bframes.h264")
	var c h264.Chain
	c.Next(&frames[0])
	if n := testing.AllocsPerRun(10, func() {
		for i := range frames {
			c.Next(&frames[i])
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzChain has parameter sets and frames be any bytes: no frame but a key frame is the first one, and
// a key frame never lacks any.
func FuzzChain(f *testing.F) {
	for _, name := range []string{"bframes.h264", "fields.h264"} {
		frames := chainFrames(f, name)
		f.Add(bytes.Join(frames[0].Params.ParameterSets, []byte{0xff, 0xff}), frames[1].Bytes, frames[2].Bytes, false)
	}
	f.Fuzz(func(t *testing.T, sets, first, second []byte, key bool) {
		var c h264.Chain
		p := &media.Params{Format: media.H264, ParameterSets: bytes.Split(sets, []byte{0xff, 0xff})}
		if c.Next(&media.Frame{Params: p, Bytes: first}) {
			t.Fatal("nothing is missing before the first frame")
		}
		if whole := c.Next(&media.Frame{Params: p, Bytes: second, Key: key}); key && !whole {
			t.Fatal("something is missing before a key frame")
		}
	})
}
