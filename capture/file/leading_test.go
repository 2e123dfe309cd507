package file

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// fromOpenGroup is a clip from its second key frame on, whose group is open: frames are shown before
// that key frame which need others before it. open is how many these are.
func fromOpenGroup(t *testing.T, name string, format media.Format) (clip []byte, frames []media.Frame, open int) {
	t.Helper()
	data, err := os.ReadFile("../../proto/nal/testdata/" + name)
	must(t, err)
	frames = framesOf(t, data, format)
	second := 1 + slices.IndexFunc(frames[1:], func(f media.Frame) bool { return f.Key })
	if second == 0 {
		t.Fatalf("%s has one key frame", name)
	}
	frames = frames[second:]
	for _, set := range frames[0].Params.ParameterSets {
		clip = append(append(clip, 0, 0, 0, 1), set...)
	}

	for _, f := range frames {
		for rest := f.Bytes; len(rest) > 0; {
			unit, behind, err := nal.Next(rest)
			must(t, err)
			clip, rest = append(append(clip, 0, 0, 0, 1), unit...), behind
		}
	}
	var orders []int
	s := nal.NewStream(coded.NewAssembler(format, 1<<20))
	s.Push(clip)
	s.End()
	for {
		_, ok, err := s.Next()
		must(t, err)
		if !ok {
			break
		}
		orders = append(orders, s.Order())
	}
	for orders[1+open] < orders[0] {
		open++
	}
	return clip, frames, open
}

// TestOpenGroupAtTheBeginning plays clips that begin with an open group: what cannot be decoded there is
// left out, at the beginning of every round. The open group within the clip is played whole.
func TestOpenGroupAtTheBeginning(t *testing.T) {
	for name, format := range map[string]media.Format{"bframes.h265": media.H265, "recovery.h264": media.H264} {
		clip, frames, open := fromOpenGroup(t, name, format)
		if open == 0 {
			t.Fatalf("%s has no open group", name)
		}
		whole := bytesOf(frames)
		round := append([][]byte{whole[0]}, whole[1+open:]...)
		_, h := openUnits(t, write(t, "clip."+name[len(name)-4:], clip), Options{Loop: true})
		h.RunFor(30 * unitInterval)
		got := played(h)
		want := bytes.Join(slices.Repeat(round, 30), nil)
		if all := bytes.Join(got, nil); len(got) < 25 || !bytes.HasPrefix(want, all) {
			t.Errorf("%s: %d frames are played, or others than the key frame and those after the %d before it", name, len(got), open)
		}
		for i, f := range h.Frames {
			if i > 0 && f.Decode < h.Frames[i-1].Decode || f.Decode > f.Captured {
				t.Errorf("%s: frame %d is decoded at %v and shown at %v", name, i, f.Decode, f.Captured)
			}
		}
	}
	// Later in the clip such frames can be decoded.
	data, err := os.ReadFile("../../proto/nal/testdata/bframes.h265")
	must(t, err)
	_, h := openUnits(t, write(t, "clip.h265", data), Options{})
	h.RunFor(30 * unitInterval)
	skipped := 0
	for _, f := range h.Frames {
		if u := (units{format: media.H265}); h265.IsRASL(coded.FirstSlice(u.format, f.Bytes)) {
			skipped++
		}
	}
	if skipped == 0 || len(h.Frames) != 14 {
		t.Errorf("%d frames are played, and %d of them are shown before a later key frame", len(h.Frames), skipped)
	}
}
