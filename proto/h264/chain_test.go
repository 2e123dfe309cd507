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
func chainFrames(t testing.TB, name string) []media.Frame {
	t.Helper()
	frames, _ := shownFrames(t, filepath.Join("../nal/testdata", name))
	return frames
}

// shownFrames are the frames of a stream, and when each is shown.
func shownFrames(t testing.TB, path string) (frames []media.Frame, times []uint32) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	s.Push(data)
	s.End()
	base := uint32(0)
	for {
		f, ok, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return frames, times
		}
		if f.Key && s.Order() == 0 {
			base = uint32(len(frames)) * chainTick
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames, times = append(frames, f), append(times, base+uint32(s.Order()/2*chainTick))
	}
}

// TestChainOfFields has each picture be one or two fields: nothing is missing.
func TestChainOfFields(t *testing.T) {
	var c h264.Chain
	for i, f := range chainFrames(t, "fields.h264") {
		if !c.Next(&f, h264.Arrival{Timestamp: uint32(chainTick * i), Packets: 1}) {
			t.Errorf("something is missing before frame %d", i)
		}
	}
}

func TestChainAllocatesNothing(t *testing.T) {
	frames := chainFrames(t, "bframes.h264")
	var c h264.Chain
	c.Next(&frames[0], h264.Arrival{})
	if n := testing.AllocsPerRun(10, func() {
		for i := range frames {
			c.Next(&frames[i], h264.Arrival{Timestamp: uint32(chainTick * i), Packets: 1, Missing: i % 3})
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzChain has parameter sets, frames and their times be any: no frame but a key frame is the first one, a key
// frame lacks none, and where something is missing from the beginning no other frame can be decoded.
func FuzzChain(f *testing.F) {
	for _, name := range []string{"bframes.h264", "fields.h264"} {
		frames := chainFrames(f, name)
		f.Add(bytes.Join(frames[0].Params.ParameterSets, []byte{0xff, 0xff}), frames[1].Bytes, frames[2].Bytes, uint32(3600), byte(0))
	}
	f.Fuzz(func(t *testing.T, sets, first, second []byte, timestamp uint32, flags byte) {
		var c h264.Chain
		p := &media.Params{Format: media.H264, ParameterSets: bytes.Split(sets, []byte{0xff, 0xff})}
		begins, key, missing := flags&1 != 0, flags&2 != 0, int(flags>>2)
		if c.Next(&media.Frame{Params: p, Bytes: first, Key: begins}, h264.Arrival{Packets: int(flags >> 4)}) != begins {
			t.Fatal("the first frame can be decoded if it is a key frame")
		}
		for n := uint32(1); n < 5; n++ {
			whole := c.Next(&media.Frame{Params: p, Bytes: second, Key: key}, h264.Arrival{Timestamp: n * timestamp, Packets: 1, Missing: missing})
			if key && !whole || whole && !key && (!begins || missing > 0) {
				t.Fatalf("frame %d can be decoded: %v", n, whole)
			}
		}
	})
}
