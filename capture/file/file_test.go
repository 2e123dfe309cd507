package file

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// picture is a JPEG of one grey, which tells it from others.
func picture(t testing.TB, grey byte) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			p.Set(x, y, color.Gray{grey + byte(x+y)})
		}
	}
	return encoded(t, p)
}

// pictureOf is a JPEG of a size.
func pictureOf(t testing.TB, width, height int) []byte {
	t.Helper()
	return encoded(t, image.NewRGBA(image.Rect(0, 0, width, height)))
}

func encoded(t testing.TB, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, name string, data ...[]byte) string {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join(t.TempDir(), name)
	}
	if err := os.WriteFile(name, bytes.Join(data, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// interval is that of the sources that openSource opens.
const interval = 2 * time.Millisecond

// openSource opens a source on a host of its own. It is closed when the test ends.
func openSource(t testing.TB, path string, o Options) (*Source, *capturetest.Host) {
	t.Helper()
	o.Path, o.FramesPerSecond = path, 500
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	h.Open(s)
	t.Cleanup(h.Close)
	return s, h
}

// newHost makes a host that watches what the kernel tells of files.
func newHost(t testing.TB) *capturetest.Host {
	h := capturetest.NewHost(t)
	h.Readable = func(fd int) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0 && err == nil
	}
	return h
}

// played are the frames that the host has got.
func played(h *capturetest.Host) (pictures [][]byte) {
	for _, f := range h.Frames {
		pictures = append(pictures, f.Bytes)
	}
	return pictures
}

// play runs n beats and wants these pictures, and no others.
func play(t testing.TB, h *capturetest.Host, n int, want ...[]byte) {
	t.Helper()
	h.Frames = nil
	h.RunFor(time.Duration(n)*interval - 1)
	h.Stall(1) // the next beat is due now and has not run
	if got := played(h); !equal(got, want) {
		t.Errorf("%d pictures, want %d, or others", len(got), len(want))
	}
}

func equal(got, want [][]byte) bool { return slices.EqualFunc(got, want, bytes.Equal) }

func TestStream(t *testing.T) {
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	thumbnail := slices.Insert(bytes.Clone(b), 2, slices.Concat([]byte{0xff, 0xe1, 0x00, 0x0c}, []byte{0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 1, 0xff, 0xd9})...)
	large := slices.Insert(bytes.Clone(c), 2, bytes.Repeat(slices.Concat([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533)), 20)...)
	filled := bytes.Replace(a, []byte{0xff, 0xc0}, []byte{0xff, 0xff, 0xff, 0xc0}, 1)
	for name, test := range map[string]struct {
		data, want [][]byte
		broken     uint64
	}{
		"three":              {[][]byte{a, b, c}, [][]byte{a, b, c}, 0},
		"one":                {[][]byte{a}, [][]byte{a}, 0},
		"padded":             {[][]byte{a, make([]byte, 1000), b, {0xff}, c, {0xff}}, [][]byte{a, b, c}, 0},
		"with a thumbnail":   {[][]byte{a, thumbnail, c}, [][]byte{a, thumbnail, c}, 0},
		"larger than a read": {[][]byte{a, large, b}, [][]byte{a, large, b}, 0},
		"one cut off":        {[][]byte{a, b[:len(b)/2], c}, [][]byte{a, c}, 1},
		"headers cut off":    {[][]byte{a, b[:30], c}, [][]byte{a, c}, 1},
		"the last cut off":   {[][]byte{a, b, c[:len(c)-9]}, [][]byte{a, b}, 1},
		"no EOI":             {[][]byte{a, b[:len(b)-2], c[:len(c)-1]}, [][]byte{a, b, c}, 0},
		"zeros in front":     {[][]byte{{0, 0, 0}, a, b}, [][]byte{a, b}, 0},
		"much in front":      {[][]byte{make([]byte, maxJunkBytes-9), a, b}, [][]byte{a, b}, 0},
		"fill bytes":         {[][]byte{filled, b}, [][]byte{filled, b}, 0},
		"junk in front":      {[][]byte{[]byte("junk"), a, b}, [][]byte{a, b}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, h := openSource(t, write(t, "clip.mjpeg", test.data...), Options{})
			play(t, h, 100, test.want...)
			if !slices.Equal(h.Reports, []string{"live", "ended"}) || h.Timers() != 0 {
				t.Errorf("%q, %d timers; want \"live\" and \"ended\"", h.Reports, h.Timers())
			}
			if got := s.Figures(); got != (capture.Figures{Frames: uint64(len(test.want)), Broken: test.broken}) {
				t.Errorf("%+v, want %d frames, %d broken", got, len(test.want), test.broken)
			}
			want := media.Params{Format: media.JPEG, Width: 48, Height: 32, FramesPerSecond: 500}
			if p := s.Describe().Params; !reflect.DeepEqual(*p, want) {
				t.Errorf("params %+v, want %+v", *p, want)
			}
			for i, f := range h.Frames {
				if due := capturetest.Start + time.Duration(i)*interval; f.Captured != due || !f.Key {
					t.Errorf("frame %d captured at %v, want %v; key %v", i, f.Captured, due, f.Key)
				}
			}
		})
	}
}

// TestGarbageIsSkippedInParts has more of it than one job should read.
func TestGarbageIsSkippedInParts(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "clip.mjpeg", a)
	writeAt(t, path, 50<<20, b) // zeros before it
	s, h := openSource(t, path, Options{})
	play(t, h, 1, a)
	play(t, h, 1, b)
	play(t, h, 1)
	if s.mostBytes > jobBytes {
		t.Errorf("a job has read %d bytes, want at most %d", s.mostBytes, jobBytes)
	}
	if !slices.Equal(h.Reports, []string{"live", "ended"}) || s.Figures() != (capture.Figures{Frames: 2}) {
		t.Errorf("%q, %+v; want 2 frames and \"ended\"", h.Reports, s.Figures())
	}
}

func writeAt(t testing.TB, path string, at int64, data []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(data, at)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestLateLoopPlaysEachFrame has the loop be busy for 10.5 intervals.
func TestLateLoopPlaysEachFrame(t *testing.T) {
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	s, h := openSource(t, write(t, "clip.mjpeg", a, b, c), Options{})
	play(t, h, 1, a)
	h.Stall(19 * interval / 2)
	h.Turn()
	h.RunFor(interval)
	if !equal(played(h), [][]byte{a, b, c}) || s.Figures() != (capture.Figures{Frames: 3}) {
		t.Fatalf("%d frames, %+v; want all three", len(h.Frames), s.Figures())
	}
	for i, beat := range []int{0, 10, 11} {
		if due := capturetest.Start + time.Duration(beat)*interval; h.Frames[i].Captured != due {
			t.Errorf("frame %d captured at %v, want %v", i, h.Frames[i].Captured, due)
		}
	}
}

func TestLoop(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	_, h := openSource(t, write(t, "clip.mjpeg", a, b), Options{Loop: true})
	play(t, h, 5, a, b, a, b, a)
}

// TestOtherSizes plays pictures of two sizes: Params follow.
func TestOtherSizes(t *testing.T) {
	a, b := picture(t, 10), pictureOf(t, 64, 48)
	s, h := openSource(t, write(t, "clip.mjpeg", a, b, b, a), Options{})
	play(t, h, 5, a, b, b, a)
	for i, want := range []media.Params{{Width: 48, Height: 32}, {Width: 64, Height: 48, Version: 1}, {Width: 64, Height: 48, Version: 1}, {Width: 48, Height: 32, Version: 2}} {
		want.Format, want.FramesPerSecond = media.JPEG, 500
		if got := *h.Frames[i].Params; !reflect.DeepEqual(got, want) {
			t.Errorf("frame %d has %+v, want %+v", i, got, want)
		}
	}
	if d := s.Describe(); d.Params != h.Frames[3].Params {
		t.Errorf("described as %+v", d.Params)
	}
}

// TestCloseAndOpen closes a file within each kind of report, and opens it again.
func TestCloseAndOpen(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "clip.mjpeg", a, b)
	fds := openFDs(t)
	s, h := openSource(t, path, Options{})
	check := func(when string, reports, frames int) {
		t.Helper()
		h.RunFor(time.Second)
		if len(h.Reports) != reports || len(h.Frames) != frames || h.Timers() != 0 || openFDs(t) != fds {
			t.Fatalf("closed by %s: %q, %d frames, %d timers, %d open fds instead of %d", when, h.Reports, len(h.Frames), h.Timers(), openFDs(t), fds)
		}
	}
	h.Close()
	check("nothing, at once", 0, 0)
	h.Open(s)
	h.OnReport = func(string) { h.Close() }
	check("Live", 1, 0)
	h.OnReport = func(string) { h.OnReport = nil; h.Close(); h.Open(s) }
	h.OnFrame = func(media.Frame) { h.Close() }
	h.Open(s)
	check("a frame", 3, 1)
	h.OnFrame = nil
	h.OnReport = func(report string) {
		if report == "ended" {
			h.Close()
		}
	}
	h.Open(s)
	check("the end", 5, 3) // from the beginning
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.OnReport = func(string) { h.Close() }
	h.Open(s)
	check("a failure", 6, 3)
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func openFDs(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
