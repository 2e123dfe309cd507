package h264_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// streams are those of proto/nal/testdata: for each frame its picture order count, K for a key
// frame, O if it is open, D for a disposable one, L for one that leads to the key frame. They are as ffprobe has them.
var streams = []struct {
	name, frames  string
	width, height int
}{
	{name: "baseline", width: 96, height: 64, frames: "0K 2 4 6 8 0K 2 4 6 8 0K 2"},
	{name: "slices", width: 96, height: 96, frames: "0K 2 4 6 8 10 0K 2 4 6"},
	{name: "bframes", width: 96, height: 64, frames: "0K 8 4 2D 6D 14 10 12D 0K 8 4 2D 6D 14 10 12D"},
	{name: "recovery", width: 96, height: 64, frames: "0K 6 2 4D 12KO 8L 10DL 18 14 16D 24KO 20L 22DL 26"},
	{name: "refresh", width: 96, height: 64, frames: "0K 2 4 6 8 10 12 14 16 18 20 22 24 26"},
	{name: "fields", width: 96, height: 64, frames: "0K 2 4 6 8 10"},
	{name: "cropped", width: 90, height: 50, frames: "0K 2 4"},
}

func stream(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("../nal/testdata", name+".h264"))
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
			s := nal.NewStream(h264.NewAssembler(1 << 20))
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
				if p.Format != media.H264 || p.Width != want.width || p.Height != want.height || p.FramesPerSecond != 25 || p.Version != 0 || len(p.ParameterSets) != 2 {
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
		"baseline": "0 96x64 25 42c00a range false reorder 0",
		"slices":   "0 96x96 25 64000a range false reorder 0",
		"bframes":  "0 96x64 25 4d400a range false reorder 2",
		"fields":   "0 96x64 25 640015 range false reorder 0",
		"cropped":  "0 90x50 25 64000a range true reorder 0",
	} {
		s := nal.NewStream(h264.NewAssembler(1 << 20))
		frames(s, stream(t, name), 1<<20, func(media.Frame, error) {})
		p, err := h264.ParseSPS(s.Params().ParameterSets[0])
		if err != nil {
			t.Fatal(name, err)
		}
		got := fmt.Sprintf("%d %dx%d %v %x range %v reorder %d", p.ID, p.Width, p.Height, p.FramesPerSecond, p.ProfileLevelID, p.FullRange, p.ReorderFrames)
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// TestSPSWithoutVUI has what a set means that says no more than it must: only the baseline profile is
// known to have no B-frames.
func TestSPSWithoutVUI(t *testing.T) {
	for profile, want := range map[byte]int{66: 0, 77: -1} {
		p, err := h264.ParseSPS([]byte{0x67, profile, 0, 10, 0xf4, 0x31, 0x32})
		if err != nil || p.Width != 96 || p.Height != 64 || p.FramesPerSecond != 0 || p.FullRange || p.ReorderFrames != want {
			t.Errorf("profile %d: %+v, %v", profile, p, err)
		}
	}
	for _, bad := range []string{"", "\x67", "\x68\x42\x00\x0a\xf4\x31\x32", "\x67\x42\x00\x0a\xf4", string(make([]byte, 5000))} {
		if _, err := h264.ParseSPS([]byte(bad)); !errors.Is(err, nal.ErrMalformed) {
			t.Errorf("%.10x: %v", bad, err)
		}
	}
}

// TestFormatParameters writes and reads an SDP's parameters.
func TestFormatParameters(t *testing.T) {
	s := nal.NewStream(h264.NewAssembler(1 << 20))
	frames(s, stream(t, "bframes"), 1<<20, func(media.Frame, error) {})
	sets := s.Params().ParameterSets
	fmtp := h264.FormatParameters(sets)
	if !strings.HasPrefix(fmtp, "packetization-mode=1;profile-level-id=4D400A;sprop-parameter-sets=") {
		t.Error(fmtp)
	}
	for _, text := range []string{fmtp, strings.ReplaceAll(fmtp, "=;", ";"), strings.ReplaceAll(fmtp, ";", " ; "), strings.TrimRight(fmtp, "=")} {
		got, err := h264.ParseFormatParameters(text)
		if err != nil || len(got) != 2 || string(got[0]) != string(sets[0]) || string(got[1]) != string(sets[1]) {
			t.Errorf("%s: %x, %v", text, got, err)
		}
	}
	if got, err := h264.ParseFormatParameters("packetization-mode=1"); got != nil || err != nil {
		t.Errorf("without sets: %x, %v", got, err)
	}
	for _, text := range []string{"packetization-mode=2", "sprop-parameter-sets=?", "packetization-mode=1;sprop-parameter-sets=Z0LA,x"} {
		if _, err := h264.ParseFormatParameters(text); !errors.Is(err, nal.ErrMalformed) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
