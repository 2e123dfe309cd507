package file

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/capture/internal/coded"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// unitClip is a file of testdata/units.
func unitClip(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/units", name))
	must(t, err)
	return data
}

// framesOf are the frames of a clip, as the package that reads bit streams finds them.
func framesOf(t testing.TB, data []byte, format media.Format) (frames []media.Frame) {
	t.Helper()
	s := nal.NewStream(coded.NewAssembler(format, 1<<20))
	s.Push(data)
	s.End()
	for {
		f, ok, err := s.Next()
		must(t, err)
		if !ok {
			return frames
		}
		f.Bytes = bytes.Clone(f.Bytes)
		frames = append(frames, f)
	}
}

// bytesOf are the bytes of frames.
func bytesOf(frames []media.Frame) (all [][]byte) {
	for _, f := range frames {
		all = append(all, f.Bytes)
	}
	return all
}

// openUnits opens a clip at its own rate, which is 25 frames per second.
func openUnits(t testing.TB, path string, o Options) (*Source, *capturetest.Host) {
	t.Helper()
	o.Path = path
	s, err := New(o)
	must(t, err)
	h := newHost(t)
	h.Open(s)
	t.Cleanup(h.Close)
	return s, h
}

const unitInterval = time.Second / 25

// TestUnits plays clips by their names and by their bytes: all frames, at the rate that they say.
func TestUnits(t *testing.T) {
	for clip, format := range map[string]media.Format{"slices.h264": media.H264, "clip.h265": media.H265} {
		data := unitClip(t, clip)
		want := framesOf(t, data, format)
		if len(want) != 10 {
			t.Fatalf("%s has %d frames", clip, len(want))
		}
		for _, name := range []string{clip, "clip" + strings.ToUpper(filepath.Ext(clip)), "clip.bin", "clip"} {
			t.Run(name, func(t *testing.T) {
				s, h := openUnits(t, write(t, name, data), Options{})
				h.RunFor(time.Second)
				if !equal(played(h), bytesOf(want)) || !slices.Equal(h.Reports, []string{"live", "ended"}) {
					t.Fatalf("%d frames, or others; %q", len(h.Frames), h.Reports)
				}
				for i, f := range h.Frames {
					if due := capturetest.Start + time.Duration(i)*unitInterval; f.Captured != due || f.Decode != 0 || f.Key != (i%5 == 0) {
						t.Errorf("frame %d at %v, want %v; decoded at %v, key %v", i, f.Captured, due, f.Decode, f.Key)
					}
					if p := f.Params; p != h.Frames[0].Params || p.Format != format || p.Width != 64 || p.Height != 64 || p.FramesPerSecond != 25 || len(p.ParameterSets) < 2 {
						t.Errorf("frame %d: %+v", i, p)
					}
				}
				if d := s.Describe(); d.Coding != format.String()+", played once" || s.Figures() != (capture.Figures{Frames: 10}) {
					t.Errorf("%q, %+v", d.Coding, s.Figures())
				}
			})
		}
	}
}

// TestUnitRates plays at the rate asked for, else the file's, else 25, and says which.
func TestUnitRates(t *testing.T) {
	data := unitClip(t, "slices.h264")
	for name, c := range map[string]struct {
		options Options
		want    time.Duration
		said    string
	}{
		"the file's": {Options{}, unitInterval, "frames_per_second=25 rate_from=\"the file\""},
		"asked for":  {Options{FramesPerSecond: 50}, unitInterval / 2, "frames_per_second=50 rate_from=\"fps=\""},
	} {
		var log bytes.Buffer
		c.options.Log = slog.New(slog.NewTextHandler(&log, nil))
		_, h := openUnits(t, write(t, "clip.h264", data), c.options)
		h.RunFor(3 * unitInterval)
		if h.Frames[1].Captured-h.Frames[0].Captured != c.want || !strings.Contains(log.String(), c.said) {
			t.Errorf("%s: %v apart, want %v; %s", name, h.Frames[1].Captured-h.Frames[0].Captured, c.want, log.String())
		}
	}
	s := Source{options: Options{Log: slog.New(slog.DiscardHandler)}}
	if s.setRate(&media.Params{Format: media.H265}); s.rate != 25 {
		t.Errorf("%v frames/s where nobody says it, want 25", s.rate)
	}
}

// TestUnitLoop plays again and again: times go on, and the parameters stay the same.
func TestUnitLoop(t *testing.T) {
	data := unitClip(t, "slices.h264")
	want := bytesOf(framesOf(t, data, media.H264))
	s, h := openUnits(t, write(t, "clip.h264", data), Options{Loop: true})
	h.RunFor(30 * unitInterval)
	got := played(h)
	if len(got) < 30 || !equal(got[:30], slices.Concat(want, want, want)) {
		t.Fatalf("%d frames, or others", len(got))
	}
	for i, f := range h.Frames {
		if f.Captured != capturetest.Start+time.Duration(i)*unitInterval || f.Params != h.Frames[0].Params {
			t.Errorf("frame %d at %v, params %+v", i, f.Captured, f.Params)
		}
	}
	if s.mostBytes > jobBytes {
		t.Errorf("a job has read %d bytes", s.mostBytes)
	}
}

// TestBFrames gives frames the times at which they are shown, and those at which they are decoded.
func TestBFrames(t *testing.T) {
	_, h := openUnits(t, write(t, "clip.h264", unitClip(t, "bframes.h264")), Options{Loop: true})
	h.RunFor(41 * unitInterval)
	if len(h.Frames) < 40 {
		t.Fatalf("%d frames", len(h.Frames))
	}
	var shown []time.Duration
	for i, f := range h.Frames[:40] {
		shown = append(shown, f.Captured)
		if f.Decode == 0 || f.Decode > f.Captured || i > 0 && f.Decode < h.Frames[i-1].Decode {
			t.Errorf("frame %d is decoded at %v and shown at %v; the one before was decoded at %v", i, f.Decode, f.Captured, h.Frames[max(i-1, 0)].Decode)
		}
	}
	if slices.IsSorted(shown) {
		t.Error("there are no B-frames")
	}
	slices.Sort(shown)
	for i, at := range shown { // every time once
		if want := capturetest.Start + time.Duration(i)*unitInterval; at != want {
			t.Errorf("a frame is shown at %v, want %v", at, want)
		}
	}
	disposable := 0
	for _, f := range h.Frames {
		if f.Disposable {
			disposable++
		}
	}
	if disposable == 0 {
		t.Error("no frame is one that no other needs")
	}
}

// TestUnitsThatBeginInTheMiddle drops what is before the first key frame, and says so once.
func TestUnitsThatBeginInTheMiddle(t *testing.T) {
	data := unitClip(t, "slices.h264")
	all := framesOf(t, data, media.H264)
	for name, c := range map[string]struct {
		cut  int
		said string
	}{
		"at a frame":   {bytes.Index(data[5:], []byte{0, 0, 0, 1, 9}) + 5, "frames=4"},
		"within one":   {60, "frames=5"},
		"within zeros": {1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s, h := openUnits(t, write(t, "clip.h264", data[c.cut:]), Options{Loop: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
			h.RunFor(15 * unitInterval)
			want := bytesOf(all[5:])
			if c.said == "" {
				want = bytesOf(all)
			}
			want = slices.Concat(want, want, want, want)
			if got := played(h); len(got) < 14 || !equal(got, want[:len(got)]) {
				t.Errorf("%d frames, or others", len(got))
			}
			if n := strings.Count(log.String(), "does not begin with a key frame"); n != len(c.said)/8 || !strings.Contains(log.String(), c.said) || s.Figures().Broken != 0 {
				t.Errorf("said %d times, want %q: %s; %+v", n, c.said, log.String(), s.Figures())
			}
		})
	}
}

// TestUnitsThatCannotBePlayed has files of which nothing can be: each fails at once, in a line that
// says why.
func TestUnitsThatCannotBePlayed(t *testing.T) {
	data := unitClip(t, "slices.h264")
	second := bytes.Index(data[5:], []byte{0, 0, 0, 1, 9}) + 5
	fifth := second
	for range 4 {
		fifth += bytes.Index(data[fifth+5:], []byte{0, 0, 0, 1, 9}) + 5
	}
	for name, c := range map[string]struct {
		data []byte
		o    Options
		want string
	}{
		"empty":         {nil, Options{}, "the file is empty"},
		"garbage":       {bytes.Repeat([]byte("garbage"), 1<<18), Options{}, "no key frame with its parameter sets in it"},
		"endless":       {bytes.Repeat([]byte{0, 0, 1, 0x0c, 7}, 1<<19), Options{MaxFrame: 1 << 16}, "no whole picture at its beginning"},
		"no key frame":  {data[second : fifth-100], Options{}, "no key frame with its parameter sets in it"},
		"too large":     {data, Options{MaxFrame: 1024}, ""},
		"all too large": {append(bytes.Clone(data[:200]), make([]byte, 1<<20)...), Options{MaxFrame: 1024}, "no key frame"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, loop := range []bool{true, false} {
				c.o.Loop = loop
				s, h := openUnits(t, write(t, "clip.h264", c.data), c.o)
				h.RunFor(time.Second)
				if c.want == "" {
					if s.Figures().Frames == 0 || h.Reports[0] != "live" {
						t.Errorf("%+v, %q", s.Figures(), h.Reports)
					}
				} else if len(h.Reports) != 1 || !strings.HasPrefix(h.Reports[0], "failed: ") || !strings.Contains(h.Reports[0], c.want) {
					t.Errorf("%q, want %q", h.Reports, c.want)
				}
			}
		})
	}
}

// TestUnitTooLarge leaves out a frame above the limit, and what needs it, and says so.
func TestUnitTooLarge(t *testing.T) {
	data := unitClip(t, "slices.h264")
	all := framesOf(t, data, media.H264)
	at := bytes.Index(data[5:], []byte{0, 0, 0, 1, 9}) + 5 + 6 // behind the second frame's delimiter
	large := slices.Insert(bytes.Clone(data), at, slices.Concat([]byte{0, 0, 0, 1, 6}, bytes.Repeat([]byte{5}, 9000))...)
	var log bytes.Buffer
	s, h := openUnits(t, write(t, "clip.h264", large), Options{MaxFrame: 8192, Log: slog.New(slog.NewTextHandler(&log, nil))})
	h.RunFor(time.Second)
	if want := slices.Concat(bytesOf(all[:1]), bytesOf(all[5:])); !equal(played(h), want) || s.Figures() != (capture.Figures{Frames: 6, Broken: 1}) {
		t.Errorf("%d frames, or others; %+v", len(h.Frames), s.Figures())
	}
	if !strings.Contains(log.String(), "8192") || strings.Count(log.String(), "was dropped") != 1 {
		t.Errorf("said %s", log.String())
	}
}

// TestUnitsAreReplaced has the name get another file while it is played again and again, of each kind.
func TestUnitsAreReplaced(t *testing.T) {
	a := picture(t, 10)
	jpegs := slices.Concat(a, a)
	clips := map[string][]byte{"JPEG": jpegs, "H.264": unitClip(t, "slices.h264"), "H.265": unitClip(t, "clip.h265")}
	for before, old := range clips {
		for after, replacement := range clips {
			for _, inPlace := range []bool{false, true} {
				t.Run(before+" by "+after, func(t *testing.T) {
					path := write(t, "clip.bin", old)
					s := newStage(t, path, Options{Loop: true})
					s.run(15 * interval)
					if inPlace {
						must(t, os.WriteFile(path, replacement, 0o600))
					} else {
						must(t, os.Rename(write(t, path+".new", replacement), path))
					}
					s.run(time.Second)
					had := len(s.host.Frames)
					s.run(12 * interval)
					if len(s.host.Frames) < had+10 {
						t.Fatalf("%d frames before, %d after; %q", had, len(s.host.Frames)-had, s.host.Reports)
					}
					for _, f := range s.host.Frames[had:] {
						if f.Params.Format.String() != after || f.Params.FramesPerSecond != 500 {
							t.Errorf("a frame of %+v", f.Params)
						}
					}
				})
			}
		}
	}
}

// TestUnitsAreLost has reading fail: the source goes on at the next key frame from where it was, with
// the parameter sets of the beginning.
func TestUnitsAreLost(t *testing.T) {
	data := unitClip(t, "bframes.h264") // its parameter sets come once
	want := bytesOf(framesOf(t, data, media.H264))
	long := data
	for len(long) < readBytes+readBytes/4 {
		long = append(long, data...)
	}
	path := write(t, "clip.h264", long)
	s := newStage(t, path, Options{})
	s.run(20 * interval)
	folder, err := open(t.TempDir())
	must(t, err)
	must(t, dup(folder, s.source.session.player.pictures.(*units).fd)) // reading it is EISDIR
	must(t, closeFD(folder))
	s.run(4000 * interval)
	if s.losses() != 1 {
		t.Fatalf("%q", s.host.Reports)
	}
	s.last("ended")
	frames := played(s.host)
	if got, most := len(frames), len(long)/len(data)*len(want); got > most || got < most-400 {
		t.Errorf("%d frames, want %d at most", got, most)
	}
	if version := s.host.Frames[len(frames)-1].Params.Version; version != 0 {
		t.Errorf("version %d", version)
	}
}

// TestUnitsAllocateNothing plays a clip for a while.
func TestUnitsAllocateNothing(t *testing.T) {
	u := &units{input: input{path: write(t, "clip.h264", unitClip(t, "slices.h264")), options: Options{MaxFrame: 1 << 20}, fd: -1}, format: media.H264}
	must(t, u.reopen())
	must(t, u.begin(resume{}))
	defer u.close()
	round := func() {
		for {
			b := budget{bytes: jobBytes}
			_, err := u.next(&b)
			if err == errEnd {
				break
			}
			must(t, err)
		}
		must(t, u.seek(0))
		u.ending = false
	}
	round()
	if n := testing.AllocsPerRun(10, round); n > 0 {
		t.Errorf("%v allocations for 10 frames", n)
	}
}

// FuzzFormatOfBytes has files begin with any bytes.
func FuzzFormatOfBytes(f *testing.F) {
	f.Add("clip.h264", []byte{0, 0, 0, 1, 0x67, 0x42})
	f.Add("clip.bin", []byte{0, 0, 1, 0x40, 1, 0x0c})
	f.Add("clip.mjpeg", []byte{0, 0, 0, 0xff, 0xd8, 0xff})
	f.Add("clip.HEVC", []byte{})
	f.Fuzz(func(t *testing.T, name string, begin []byte) {
		format := formatOfBytes(name, begin)
		if format < media.JPEG || format > media.H265 {
			t.Fatalf("format %d", format)
		}
		if named := unitNames[strings.ToLower(filepath.Ext(name))]; named != 0 && format == media.JPEG {
			t.Fatalf("%q is JPEG", name)
		}
		if bytes.HasPrefix(begin, []byte{0xff, 0xd8}) && unitNames[strings.ToLower(filepath.Ext(name))] == 0 && format != media.JPEG {
			t.Fatalf("a JPEG is %v", format)
		}
	})
}
