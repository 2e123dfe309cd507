package h265_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h265"
	"github.com/camcast/camcast/proto/nal"
)

// streams are those of proto/nal/testdata: for each frame its picture order count, K for a key
// frame, O if it is open, D for a disposable one, L for one that leads to the key frame. They are as ffprobe has them.
var streams = []struct {
	name, frames  string
	width, height int
}{
	{name: "baseline", width: 96, height: 64, frames: "0K 1 2 3 4KO 5 6 7"},
	{name: "bframes", width: 96, height: 64, frames: "0K 4 2 1D 3D 8KO 6L 5DL 7DL 12 10 9D 11D 13"},
	{name: "slices", width: 128, height: 128, frames: "0K 1 2 3 4KO 5"},
	{name: "cropped", width: 90, height: 50, frames: "0K 1 2"},
}

func stream(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("../nal/testdata", name+".h265"))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// frames reads a stream that comes in pieces of n bytes.
func frames(s *nal.Stream, data []byte, n int, each func(f media.Frame, err error)) {
	for len(data) > 0 {
		piece := data[:min(n, len(data))]
		data = data[len(piece):]
		s.Push(piece)
		if len(data) == 0 {
			s.End()
		}
		for {
			f, ok, err := s.Next()
			if !ok && err == nil {
				break
			}
			each(f, err)
		}
	}
}

// TestFrames reads each stream, in pieces of several sizes.
func TestFrames(t *testing.T) {
	for _, want := range streams {
		for _, n := range []int{1, 2, 3, 7, 1000, 1 << 20} {
			s := nal.NewStream(h265.NewAssembler(1 << 20))
			var got []string
			frames(s, stream(t, want.name), n, func(f media.Frame, err error) {
				if err != nil {
					t.Fatal(want.name, err)
				}
				text := fmt.Sprint(s.Order())
				if f.Key {
					text += "K"
				}
				if f.Open {
					text += "O"
				}
				if f.Disposable {
					text += "D"
				}
				if f.Leading {
					text += "L"
				}
				got = append(got, text)
				p := f.Params
				if p.Format != media.H265 || p.Width != want.width || p.Height != want.height || p.FramesPerSecond != 25 || p.Version != 0 || len(p.ParameterSets) != 3 {
					t.Errorf("%s: %+v", want.name, p)
				}
			})
			if text := strings.Join(got, " "); text != want.frames {
				t.Errorf("%s in pieces of %d bytes: %s, want %s", want.name, n, text, want.frames)
			}
		}
	}
}

// TestSPS reads what the streams' encoder was told.
func TestSPS(t *testing.T) {
	for name, want := range map[string]string{
		"baseline": "0 96x64 25 range false reorder 0",
		"bframes":  "0 96x64 25 range false reorder 2",
		"slices":   "0 128x128 25 range false reorder 0",
		"cropped":  "0 90x50 25 range true reorder 0",
	} {
		s := nal.NewStream(h265.NewAssembler(1 << 20))
		frames(s, stream(t, name), 1<<20, func(media.Frame, error) {})
		p, err := h265.ParseSPS(s.Params().ParameterSets[1])
		if err != nil {
			t.Fatal(name, err)
		}
		got := fmt.Sprintf("%d %dx%d %v range %v reorder %d", p.ID, p.Width, p.Height, p.FramesPerSecond, p.FullRange, p.ReorderFrames)
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestFormatParameters writes and reads an SDP's parameters.
func TestFormatParameters(t *testing.T) {
	s := nal.NewStream(h265.NewAssembler(1 << 20))
	frames(s, stream(t, "bframes"), 1<<20, func(media.Frame, error) {})
	sets := s.Params().ParameterSets
	fmtp := h265.FormatParameters(sets)
	if !strings.HasPrefix(fmtp, "sprop-vps=QAE") || !strings.Contains(fmtp, ";sprop-sps=QgE") || !strings.Contains(fmtp, ";sprop-pps=RAH") {
		t.Error(fmtp)
	}
	for _, text := range []string{fmtp, strings.ReplaceAll(fmtp, "=;", ";"), strings.ReplaceAll(fmtp, ";", " ; "), strings.TrimRight(fmtp, "=")} {
		got, err := h265.ParseFormatParameters(text)
		if err != nil || len(got) != 3 || string(got[0]) != string(sets[0]) || string(got[2]) != string(sets[2]) {
			t.Errorf("%s: %x, %v", text, got, err)
		}
	}
	if got, err := h265.ParseFormatParameters("tx-mode=SRST"); got != nil || err != nil {
		t.Errorf("without sets: %x, %v", got, err)
	}
	for _, text := range []string{"sprop-max-don-diff=2", "sprop-sps=?", "sprop-vps=QAEM;sprop-pps=RAHA,x"} {
		if _, err := h265.ParseFormatParameters(text); !errors.Is(err, nal.ErrMalformed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
