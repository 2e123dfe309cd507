package file

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/mpegts"
	"golang.org/x/sys/unix"
)

func TestFailures(t *testing.T) {
	grey := picture(t, 1)
	for name, c := range map[string]struct{ path, want string }{
		"absent":       {"/nowhere/clip.mjpeg", "no such file"},
		"empty":        {write(t, "empty.mjpeg"), "is empty"},
		"text":         {write(t, "notes.txt", []byte("hello, world")), "not an MJPEG file"},
		"AVI":          {write(t, "clip.avi", []byte("RIFF....AVI ")), "AVI"},
		"MP4":          {write(t, "clip.mp4", []byte("\x00\x00\x00\x20ftypisom")), "MP4 file, not MJPEG, H.264 or H.265 alone; take its video out by: ffmpeg"},
		"MPEG-TS":      {write(t, "clip.ts", bytes.Repeat(append([]byte("G"), make([]byte, mpegts.PacketBytes-1)...), 3)), "MPEG-TS file"},
		"PNG":          {write(t, "newest.png", []byte("\x89PNG\r\n")), "PNG picture, not MJPEG; convert it by: ffmpeg"},
		"only half":    {write(t, "half.jpg", grey[:len(grey)/2]), "no whole JPEG"},
		"empty folder": {t.TempDir(), "no .jpg"},
		"a device":     {"/dev/null", "neither a file nor a folder"},
		"a pipe":       {pipe(t), "neither a file nor a folder"},
		"far away":     {write(t, "far.mjpeg", make([]byte, 2*maxJunkBytes), grey), "no JPEG found in its first 1024 kB"},
		"endless":      {endless(t), "no whole picture at its beginning"},
	} {
		t.Run(name, func(t *testing.T) {
			_, h := openSource(t, c.path, Options{Loop: true})
			play(t, h, 3)
			if len(h.Reports) != 1 {
				t.Fatalf("%q, want one failure", h.Reports)
			}
			got := h.Reports[0]
			if !strings.HasPrefix(got, "failed: "+c.path) || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("%q, want one line with %q and the path", got, c.want)
			}
		})
	}
}

// pipe makes a pipe with a name.
func pipe(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "pipe.jpg")
	must(t, unix.Mkfifo(path, 0o600))
	return path
}

// endless is a picture of 100 MB without an end.
func endless(t testing.TB) string {
	a := picture(t, 10)
	path := write(t, "endless.mjpeg", a[:len(a)-2])
	must(t, os.Truncate(path, 100<<20))
	return path
}

func TestNewRefuses(t *testing.T) {
	for _, n := range []int{-1, 1023, 1<<30 + 1} {
		if _, err := New(Options{Path: "clip.mjpeg", MaxFrame: n}); err == nil || !strings.Contains(err.Error(), "1024 to 1073741824") {
			t.Errorf("pictures of %d bytes: error %v", n, err)
		}
	}
	for _, rate := range []float64{-1, 1e-12, 1001} {
		if _, err := New(Options{Path: "clip.mjpeg", FramesPerSecond: rate}); err == nil || !strings.Contains(err.Error(), "0.01 to 1000") {
			t.Errorf("%v frames/s: error %v", rate, err)
		}
	}
}
