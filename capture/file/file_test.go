package file

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

func monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

var testClock = capture.Clock{Monotonic: monotonic}

// picture is a JPEG of one grey, which tells it from others.
func picture(t testing.TB, grey byte) []byte {
	t.Helper()
	p := image.NewRGBA(image.Rect(0, 0, 48, 32))
	for y := range 32 {
		for x := range 48 {
			p.Set(x, y, color.Gray{grey + byte(x+y)})
		}
	}
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

// play takes n frames, or all there are.
func play(t testing.TB, s *Source, n int) (frames [][]byte) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(s.FD()), Events: unix.POLLIN}}
	for len(frames) < n {
		if ready, err := unix.Poll(fds, 5000); err == unix.EINTR {
			continue
		} else if err != nil || ready != 1 {
			t.Fatalf("no frame within 5 s: %v", err)
		}
		f, err := s.Next()
		if errors.Is(err, capture.ErrNotReady) {
			continue
		}
		if errors.Is(err, capture.ErrEnd) {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		if int(f.Sequence) != len(frames)+1 {
			t.Errorf("sequence %d, want %d", f.Sequence, len(frames)+1)
		}
		frames = append(frames, bytes.Clone(f.Data))
		s.Release()
	}
	return frames
}

func openSource(t testing.TB, path string, o Options) *Source {
	t.Helper()
	o.FramesPerSecond = 500
	s, err := Open(path, o, testClock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
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
		"the last cut off":   {[][]byte{a, b, c[:len(c)-1]}, [][]byte{a, b}, 1},
		"fill bytes":         {[][]byte{filled, b}, [][]byte{filled, b}, 0},
		"junk in front":      {[][]byte{[]byte("junk"), a, b}, [][]byte{a, b}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := openSource(t, write(t, "clip.mjpeg", test.data...), Options{})
			if got := play(t, s, 100); !equal(got, test.want) {
				t.Errorf("%d pictures, want %d, or others", len(got), len(test.want))
			}
			if got := s.Figures(); got.Frames != uint64(len(test.want)) || got.Broken != test.broken {
				t.Errorf("%+v, want %d frames, %d broken", got, len(test.want), test.broken)
			}
			if d := s.Describe(); d.Width != 48 || d.Height != 32 || d.FramesPerSecond != 500 {
				t.Errorf("%+v", d)
			}
		})
	}
}

// TestGarbageIsSkippedInParts has more of it than one call of Next should read.
func TestGarbageIsSkippedInParts(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "clip.mjpeg", a)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(b, 3*maxSkippedBytes/2); err != nil { // zeros before it
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s := openSource(t, path, Options{})
	if got := play(t, s, 1); !equal(got, [][]byte{a}) {
		t.Error("another first picture")
	}
	fds := []unix.PollFd{{Fd: int32(s.FD()), Events: unix.POLLIN}}
	for i, want := range []error{capture.ErrNotReady, nil, capture.ErrEnd} {
		if _, err := unix.Poll(fds, 5000); err != nil {
			t.Fatal(err)
		}
		if f, err := s.Next(); !errors.Is(err, want) || err == nil && !bytes.Equal(f.Data, b) {
			t.Errorf("call %d: %v, want %v", i, err, want)
		}
	}
}

// TestLateCallerGetsEachFrame lets beats of a fast file pass before it goes on.
func TestLateCallerGetsEachFrame(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	s := openSource(t, write(t, "clip.mjpeg", a, b), Options{})
	slow, err := Open(write(t, "slow.jpg", a), Options{FramesPerSecond: 25, Loop: true}, testClock)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	play(t, slow, 2)
	if got := play(t, s, 100); !equal(got, [][]byte{a, b}) {
		t.Errorf("%d frames, want both", len(got))
	}
}

func TestLoop(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	s := openSource(t, write(t, "clip.mjpeg", a, b), Options{Loop: true})
	if got := play(t, s, 5); !equal(got, [][]byte{a, b, a, b, a}) {
		t.Error("the frames do not go round")
	}
}

func TestFolder(t *testing.T) {
	folder := t.TempDir()
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	write(t, filepath.Join(folder, "frame10.JPG"), c)
	write(t, filepath.Join(folder, "frame2.jpeg"), b)
	write(t, filepath.Join(folder, "frame1.jpg"), a)
	write(t, filepath.Join(folder, "frame3.jpg"), []byte("no picture"))
	write(t, filepath.Join(folder, "notes.txt"), []byte("hello"))
	s := openSource(t, folder, Options{Loop: true})
	if got := play(t, s, 4); !equal(got, [][]byte{a, b, c, a}) {
		t.Error("other frames, or in another order")
	}
	if got := s.Figures().Broken; got != 1 {
		t.Errorf("%d broken, want 1", got)
	}
}

// TestFolderOfBrokenFiles has more of them than one call of Next should open.
func TestFolderOfBrokenFiles(t *testing.T) {
	folder := t.TempDir()
	for i := range maxSkippedFiles + 1 {
		write(t, filepath.Join(folder, fmt.Sprintf("%d.jpg", i)), []byte("no picture"))
	}
	if s, err := Open(folder, Options{}, testClock); err == nil || !strings.Contains(err.Error(), "beginning") {
		t.Errorf("error %v", err)
		if err == nil {
			s.Close()
		}
	}
	a := picture(t, 10)
	write(t, filepath.Join(folder, "00.jpg"), a)
	s := openSource(t, folder, Options{})
	if got := play(t, s, 2); !equal(got, [][]byte{a}) || s.Figures().Broken != maxSkippedFiles+1 {
		t.Errorf("%d frames, %+v", len(got), s.Figures())
	}
}

func TestOpenRefuses(t *testing.T) {
	grey := picture(t, 1)
	for name, c := range map[string]struct {
		path, want string
		fps        float64
	}{
		"absent":        {"/nowhere/clip.mjpeg", "no such file", 0},
		"empty":         {write(t, "empty.mjpeg"), "is empty", 0},
		"text":          {write(t, "notes.txt", []byte("hello, world")), "no MJPEG", 0},
		"AVI":           {write(t, "clip.avi", []byte("RIFF....AVI ")), "AVI", 0},
		"MP4":           {write(t, "clip.mp4", []byte("\x00\x00\x00\x20ftypisom")), "MP4", 0},
		"only half":     {write(t, "half.jpg", grey[:len(grey)/2]), "no whole JPEG", 0},
		"empty folder":  {t.TempDir(), "no .jpg", 0},
		"a device":      {"/dev/null", "neither a file nor a folder", 0},
		"negative rate": {write(t, "a.jpg", grey), "0.01 to 1000", -1},
		"hardly a rate": {write(t, "b.jpg", grey), "0.01 to 1000", 1e-12},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(c.path, Options{FramesPerSecond: c.fps}, testClock)
			if err == nil {
				s.Close()
				t.Fatal("it is taken")
			}
			if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q and the path", err, c.want)
			}
		})
	}
}

func TestCompareNatural(t *testing.T) {
	want := []string{"a", "a1", "a02", "a2b", "a10", "a10b", "b"}
	for i := range want {
		for j := range want {
			if got := compareNatural(want[i], want[j]); got != cmpInt(i, j) {
				t.Errorf("%s, %s: %d", want[i], want[j], got)
			}
		}
	}
}

func cmpInt(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func Example() {
	// A clip of two pictures, as "ffmpeg -f mjpeg" writes it.
	folder, err := os.MkdirTemp("", "clip")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	var clip bytes.Buffer
	for range 2 {
		_ = jpeg.Encode(&clip, image.NewRGBA(image.Rect(0, 0, 64, 48)), nil)
	}
	path := filepath.Join(folder, "clip.mjpeg")
	if err := os.WriteFile(path, clip.Bytes(), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	source, err := Open(path, Options{FramesPerSecond: 25, Loop: true}, testClock)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer source.Close()
	frame, err := source.Next() // a loop would wait for source.FD()
	d := source.Describe()
	fmt.Printf("%dx%d, frame %d, %v\n", d.Width, d.Height, frame.Sequence, err)
	// Output: 64x48, frame 1, <nil>
}
