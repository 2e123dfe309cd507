package v4l2

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// pieces are the NAL units of a clip, with start codes, as a driver gives them: whole access units,
// or each unit in a buffer of its own.
func pieces(t testing.TB, name string, whole bool) (pieces [][]byte) {
	t.Helper()
	clip, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	splitter := nal.NewSplitter(1 << 20)
	splitter.Push(clip)
	splitter.End()
	format := formatOf(name)
	sliced := false
	for {
		unit, err := splitter.Next()
		if err != nil {
			t.Fatal(err)
		}
		if unit == nil {
			return pieces
		}
		piece := append([]byte{0, 0, 0, 1}, unit...)
		begins := len(pieces) == 0 || sliced && (!coded.IsSlice(format, unit) || coded.BeginsPicture(format, unit))
		if sliced = coded.IsSlice(format, unit) || sliced && !begins; whole && !begins {
			last := &pieces[len(pieces)-1]
			*last = append(*last, piece...)
		} else {
			pieces = append(pieces, piece)
		}
	}
}

func formatOf(name string) media.Format {
	if name == "clip.h265" {
		return media.H265
	}
	return media.H264
}

// codedDesk has a camera of H.264 or H.265.
func codedDesk(t *testing.T, clip string) (*desk, *Source) {
	t.Helper()
	d, s := newDesk(t, Options{})
	d.has.mode = mode{"h264", "H264", 64, 64}
	if formatOf(clip) == media.H265 {
		d.has.mode = mode{"h265", "HEVC", 64, 64}
	}
	d.host.Open(s)
	d.host.Turn()
	t.Cleanup(d.host.Close)
	return d, s
}

// give has buffers come, one in a turn.
func (d *desk) give(first uint32, buffers ...[]byte) {
	for i, b := range buffers {
		d.frame(first+uint32(i), b)
		d.host.Turn()
	}
}

// annexB is a frame as it came.
func annexB(t testing.TB, f media.Frame) []byte {
	t.Helper()
	data, err := nal.AppendAnnexB(nil, nil, f.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestCodedFrames has whole frames in buffers: only the first one waits for the second one, and all
// of their slices come.
func TestCodedFrames(t *testing.T) {
	for _, clip := range []string{"slices.h264", "clip.h265"} {
		t.Run(clip, func(t *testing.T) {
			d, s := codedDesk(t, clip)
			buffers := pieces(t, clip, true)
			if len(buffers) != 10 {
				t.Fatalf("%d buffers", len(buffers))
			}
			d.check(0, 1, 0)
			for i, want := range []int{0, 2, 3, 4, 5, 6, 7, 8, 9, 10} {
				d.give(uint32(i), buffers[i])
				if got := len(d.host.Frames); got != want {
					t.Fatalf("%d frames after %d buffers, want %d", got, i+1, want)
				}
			}
			d.check(10, 1, 0, "live")
			for i, f := range d.host.Frames {
				if f.Key != (i%5 == 0) || f.Params.Format != formatOf(clip) || f.Params.Width != 64 || f.Params.Height != 64 || f.Params.FramesPerSecond != 30 {
					t.Errorf("frame %d: key %v, %+v", i, f.Key, f.Params)
				}
				if !bytes.HasSuffix(buffers[i], annexB(t, f)) {
					t.Errorf("frame %d has other bytes than its buffer", i)
				}
				if f.Captured != d.host.Now()-time.Millisecond || f.Params != d.host.Frames[0].Params {
					t.Errorf("frame %d was captured at %v; params %+v", i, f.Captured, f.Params)
				}
			}
			if got := s.Figures(); got != (capture.Figures{Frames: 10}) || s.Describe().Coding != formatOf(clip).String() {
				t.Errorf("%+v, %q", got, s.Describe().Coding)
			}
		})
	}
}

// TestCodedParts has each unit in a buffer of its own: a frame ends when the next one begins.
func TestCodedParts(t *testing.T) {
	whole := pieces(t, "slices.h264", true)
	d, _ := codedDesk(t, "slices.h264")
	d.give(0, pieces(t, "slices.h264", false)...)
	d.check(9, 1, 0, "live")
	for i, f := range d.host.Frames {
		if !bytes.HasSuffix(whole[i], annexB(t, f)) || f.Key != (i%5 == 0) {
			t.Errorf("frame %d has other bytes than were sent; key %v", i, f.Key)
		}
	}
}

// TestCodedParametersApart has parameter sets in a buffer of their own, before buffers of whole frames.
func TestCodedParametersApart(t *testing.T) {
	buffers := pieces(t, "slices.h264", true)
	units := pieces(t, "slices.h264", false)
	d, _ := codedDesk(t, "slices.h264")
	sets := bytes.Join(units[:3], nil) // a delimiter, too
	d.give(0, sets, bytes.Join(units[3:6], nil), buffers[1], buffers[2])
	d.check(3, 1, 0, "live")
	if len(d.host.Frames[0].Params.ParameterSets) != 2 {
		t.Errorf("%d parameter sets", len(d.host.Frames[0].Params.ParameterSets))
	}
}

// TestCodedLosses drops what cannot be decoded: before the first key frame, behind a gap in the
// sequence, behind a buffer that the driver calls broken or that is garbage. A key frame is asked for.
func TestCodedLosses(t *testing.T) {
	buffers := pieces(t, "slices.h264", true)
	garbage := append([]byte{0, 0, 0, 1, 0x65}, bytes.Repeat([]byte{0}, 9)...)
	for name, c := range map[string]struct {
		give     func(d *desk)
		want     []int
		figures  capture.Figures
		requests int
	}{
		"begins in the middle": {func(d *desk) { d.give(0, buffers[2:7]...) }, []int{5, 6}, capture.Figures{Frames: 2}, 0},
		"gap": {func(d *desk) {
			d.give(0, buffers[:2]...)
			d.give(3, buffers[3:7]...)
		}, []int{0, 1, 5, 6}, capture.Figures{Frames: 4, Gaps: 1}, 1},
		"broken": {func(d *desk) {
			d.give(0, buffers[0], buffers[1], nil, buffers[3], buffers[4], buffers[5])
		}, []int{0, 1, 5}, capture.Figures{Frames: 3, Broken: 1}, 1},
		"no start code": {func(d *desk) {
			d.give(0, buffers[0], buffers[1], []byte("garbage"), buffers[3], buffers[4], buffers[5])
		}, []int{0, 1, 5}, capture.Figures{Frames: 3, Broken: 1}, 1},
		"malformed": {func(d *desk) {
			d.give(0, buffers[0], buffers[1], garbage, buffers[3], buffers[4], buffers[5])
		}, []int{0, 1, 5}, capture.Figures{Frames: 3, Broken: 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := codedDesk(t, "slices.h264")
			c.give(d)
			var got []int
			for _, f := range d.host.Frames {
				for i, b := range buffers {
					if bytes.HasSuffix(b, annexB(t, f)) {
						got = append(got, i)
					}
				}
			}
			if len(got) != len(c.want) || s.Figures() != c.figures || d.requests != c.requests {
				t.Fatalf("frames %v, %+v, %d requests; want %v, %+v, %d", got, s.Figures(), d.requests, c.want, c.figures, c.requests)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("frames %v, want %v", got, c.want)
				}
			}
		})
	}
}

// TestKeyFrameThatNeverComes loses the camera after a while, in which it is asked for one and watched
// anew: it is not live, so the host does not look after it.
func TestKeyFrameThatNeverComes(t *testing.T) {
	d, _ := codedDesk(t, "slices.h264")
	d.give(0, pieces(t, "slices.h264", true)[1:4]...)
	d.host.RunFor(time.Minute)
	d.check(0, 1, 0, "lost: /dev/video0: gives no key frame")
	if d.requests != keyWaits-1 || d.host.Watched(fakeFD) || d.host.Timers() != 0 {
		t.Errorf("%d requests, watched %v, %d timers", d.requests, d.host.Watched(fakeFD), d.host.Timers())
	}
}

// TestRequestKeyFrame asks the driver of a camera that is live.
func TestRequestKeyFrame(t *testing.T) {
	d, s := codedDesk(t, "slices.h264")
	if err := s.RequestKeyFrame(); err == nil {
		t.Error("a camera that is not live was asked")
	}
	d.give(0, pieces(t, "slices.h264", true)[:2]...)
	if err := s.RequestKeyFrame(); err != nil || d.requests != 1 {
		t.Errorf("%v, %d requests", err, d.requests)
	}
	d.noKeys = os.ErrInvalid
	if err := s.RequestKeyFrame(); err != os.ErrInvalid {
		t.Errorf("%v, want the driver's error", err)
	}
	d.host.Close()
	if err := s.RequestKeyFrame(); err == nil || d.requests != 2 {
		t.Errorf("%v, %d requests of a camera that is closed", err, d.requests)
	}
	jpegs, s := newDesk(t, Options{})
	jpegs.host.Open(s)
	jpegs.host.Turn()
	if err := s.RequestKeyFrame(); err == nil {
		t.Error("a camera of MJPEG was asked")
	}
	jpegs.host.Close()
}

// TestCodedClosed closes the source within Live and within each frame, and opens it again.
func TestCodedClosed(t *testing.T) {
	buffers := pieces(t, "slices.h264", true)
	for at := range 4 {
		d, s := codedDesk(t, "slices.h264")
		frames := 0
		d.host.OnReport = func(string) {
			if at == 0 {
				d.host.Close()
			}
		}
		d.host.OnFrame = func(media.Frame) {
			if frames++; frames == at {
				d.host.Close()
				d.host.OnFrame, d.host.OnReport = nil, nil
				d.host.Open(s)
			}
		}
		for i := range 3 {
			d.frame(uint32(i), buffers[i])
		}
		d.host.RunFor(time.Second / 2)
		if at == 0 {
			d.host.OnReport = nil
			d.host.Open(s)
			d.host.RunFor(time.Second / 2)
		}
		if d.opened != 2 || d.closed != 1 {
			t.Errorf("closed at %d: opened %d times, closed %d times", at, d.opened, d.closed)
		}
		d.host.Frames = nil
		d.give(0, buffers[4:7]...)
		if len(d.host.Frames) != 2 || !d.host.Frames[0].Key || d.host.Frames[0].Params.Version != 0 {
			t.Errorf("closed at %d, and opened again: %d frames", at, len(d.host.Frames))
		}
	}
}

// TestCodedAllocations wants none for a frame, once buffers have grown.
func TestCodedAllocations(t *testing.T) {
	u := newUnits("h264", 1<<20)
	buffers := pieces(t, "slices.h264", true)
	frames := 0
	deliver := func(media.Frame) bool { frames++; return true }
	run := func() {
		for _, b := range buffers {
			u.take(b, 1, deliver)
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 || frames < 100 {
		t.Errorf("%v allocations for %d frames, %d so far", n, len(buffers), frames)
	}
}

// FuzzUnits has buffers of any bytes come: frames are below the limit, and the first one is a key frame.
func FuzzUnits(f *testing.F) {
	for _, clip := range []string{"slices.h264", "clip.h265"} {
		for _, whole := range []bool{true, false} {
			f.Add(bytes.Join(pieces(f, clip, whole)[:4], []byte{0xff, 0xfe}), clip == "clip.h265")
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, is265 bool) {
		const most = 4096
		coding := map[bool]string{false: "h264", true: "h265"}[is265]
		u := newUnits(coding, most)
		begun := false
		for i, b := range bytes.Split(data, []byte{0xff, 0xfe}) {
			u.take(b, time.Duration(i), func(frame media.Frame) bool {
				if !begun && !frame.Key || len(frame.Bytes) > most || frame.Params == nil || frame.Params.Width < 1 {
					t.Fatalf("key %v, %d bytes, %+v", frame.Key, len(frame.Bytes), frame.Params)
				}
				begun = true
				return len(b)%7 > 0
			})
			if len(b)%11 == 0 {
				u.lost()
				begun = false
			}
		}
	})
}
