package file

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"golang.org/x/sys/unix"
)

// What cannot be read just now is no end: it is tried again at each beat, and the file goes
// on where it was.

// withoutFDs runs f while the process can open nothing (EMFILE).
func withoutFDs(t testing.TB, f func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	set := func(now uint64) {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: now, Max: limit.Max}); err != nil {
			t.Fatal(err)
		}
	}
	set(0)
	defer set(limit.Cur)
	f()
}

// withoutRoot runs f on a thread for which the modes of files hold, even if root runs the
// tests.
func withoutRoot(t testing.TB, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		t.Fatal(err)
	}
	want := have
	want[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH
	if err := unix.Capset(&header, &want[0]); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Capset(&header, &have[0]); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// must is for what a test does to files.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantFigures wants the source to be open still, with these figures.
func wantFigures(t testing.TB, s *Source, h *capturetest.Host, frames, gaps, broken uint64) {
	t.Helper()
	if got, want := s.Figures(), (capture.Figures{Frames: frames, Gaps: gaps, Broken: broken}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if !slices.Equal(h.Reports, []string{"live"}) {
		t.Errorf("reports %q, want only \"live\"", h.Reports)
	}
}

// clip is a folder of three pictures.
func clip(t testing.TB) (path string, pictures [3][]byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "clip")
	must(t, os.Mkdir(path, 0o700))
	for i, name := range []string{"1.jpg", "2.jpg", "3.jpg"} {
		pictures[i] = picture(t, byte(10+50*i))
		write(t, filepath.Join(path, name), pictures[i])
	}
	return path, pictures
}

// TestFolderThatCannotBeRead makes the folder unreadable in each way at each picture: when
// it is back it goes on where it was.
func TestFolderThatCannotBeRead(t *testing.T) {
	away := func(t testing.TB, path string, f func()) {
		must(t, os.Rename(path, path+"-away"))
		f()
		must(t, os.Rename(path+"-away", path))
	}
	for name, during := range map[string]func(t testing.TB, path string, f func()){
		"no fds":       func(t testing.TB, _ string, f func()) { withoutFDs(t, f) },
		"renamed away": away,
		"emptied": func(t testing.TB, path string, f func()) {
			away(t, path, func() {
				must(t, os.Mkdir(path, 0o700))
				f()
				must(t, os.Remove(path))
			})
		},
		"mode 000": func(t testing.TB, path string, f func()) {
			must(t, os.Chmod(path, 0))
			withoutRoot(t, f)
			must(t, os.Chmod(path, 0o700))
		},
		"mode 400": func(t testing.TB, path string, f func()) {
			must(t, os.Chmod(path, 0o400)) // its names can be read, its files cannot
			withoutRoot(t, f)
			must(t, os.Chmod(path, 0o700))
		},
	} {
		for before := 1; before <= 3; before++ {
			for _, loop := range []bool{true, false} {
				if before == 3 && !loop {
					continue // nothing is left to read
				}
				t.Run(name+map[bool]string{true: ", loop", false: ""}[loop], func(t *testing.T) {
					path, p := clip(t)
					s, h := openSource(t, path, Options{Loop: loop})
					play(t, h, before, p[:before]...)
					during(t, path, func() { play(t, h, 4) })
					wantFigures(t, s, h, uint64(before), 4, 0)
					if loop {
						play(t, h, 6, slices.Concat(p[before:], p[:], p[:before])...)
						wantFigures(t, s, h, uint64(before)+6, 4, 0)
						return
					}
					play(t, h, 5-before, p[before:]...)
					if want := []string{"live", "ended"}; !slices.Equal(h.Reports, want) {
						t.Errorf("reports %q, want %q", h.Reports, want)
					}
				})
			}
		}
	}
}

// TestPictureThatCannotBeRead skips a picture of a folder that is there.
func TestPictureThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed":  os.Remove,
		"mode 000": func(path string) error { return os.Chmod(path, 0) },
		"a folder": func(path string) error {
			must(t, os.Remove(path))
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, p := clip(t)
			s, h := openSource(t, path, Options{})
			play(t, h, 1, p[0])
			must(t, spoil(filepath.Join(path, "2.jpg")))
			withoutRoot(t, func() { play(t, h, 1, p[2]) })
			wantFigures(t, s, h, 2, 0, 1)
			play(t, h, 1)
			if want := []string{"live", "ended"}; !slices.Equal(h.Reports, want) {
				t.Errorf("reports %q, want %q", h.Reports, want)
			}
		})
	}
}

// TestEmptyRounds has a round without a picture be waited for: one round a beat.
func TestEmptyRounds(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	t.Run("file", func(t *testing.T) {
		path := write(t, "clip.mjpeg", a, b)
		s, h := openSource(t, path, Options{Loop: true})
		play(t, h, 2, a, b)
		must(t, os.Truncate(path, 0))
		play(t, h, 50)
		wantFigures(t, s, h, 2, 50, 0)
		write(t, path, b[:len(b)-10])
		play(t, h, 10)
		wantFigures(t, s, h, 2, 60, 10)
		write(t, path, b, a)
		play(t, h, 3, b, a, b)
	})
	t.Run("folder", func(t *testing.T) {
		path, p := clip(t)
		s, h := openSource(t, path, Options{Loop: true})
		play(t, h, 3, p[:]...)
		for _, name := range []string{"1.jpg", "2.jpg", "3.jpg"} {
			must(t, os.Truncate(filepath.Join(path, name), 50))
		}
		play(t, h, 5)
		wantFigures(t, s, h, 3, 5, 15)
		write(t, filepath.Join(path, "2.jpg"), a)
		play(t, h, 2, a, a)
	})
}

// TestFileThatIsCutOff has a file be written anew while it is played: as long as it is
// shorter than it was, that is no end.
func TestFileThatIsCutOff(t *testing.T) {
	a, b := picture(t, 10), pictureOf(t, 1024, 768)
	for len(b) < 2*readBytes { // more than is read ahead
		b = slices.Insert(b, 2, slices.Concat([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533))...)
	}
	path := write(t, "clip.mjpeg", a, b, b)
	s, h := openSource(t, path, Options{})
	play(t, h, 2, a, b)
	must(t, os.Truncate(path, int64(len(a)+len(b)+10)))
	play(t, h, 20)
	wantFigures(t, s, h, 2, 20, 1)
	write(t, path, a, b, b[:readBytes], b, a)
	play(t, h, 5, b, a)
	if want := []string{"live", "ended"}; !slices.Equal(h.Reports, want) {
		t.Errorf("reports %q, want %q", h.Reports, want)
	}
}

// TestReadError has reading fail, as a disk that is unplugged does: the file is opened anew
// when it is there again, and goes on where it was.
func TestReadError(t *testing.T) {
	a := picture(t, 10)
	large := slices.Insert(bytes.Clone(a), 2, bytes.Repeat(slices.Concat([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533)), 20)...)
	path := write(t, "clip.mjpeg", a, large, a)
	s, h := openSource(t, path, Options{})
	play(t, h, 1, a)
	folder, err := open(t.TempDir())
	must(t, err)
	must(t, unix.Dup3(folder, s.pictures.(*stream).fd, unix.O_CLOEXEC)) // reading it is EISDIR
	must(t, closeFD(folder))
	must(t, os.Rename(path, path+"-away"))
	play(t, h, 5)
	wantFigures(t, s, h, 1, 5, 0)
	must(t, os.Rename(path+"-away", path))
	play(t, h, 3, large, a)
	if want := []string{"live", "ended"}; !slices.Equal(h.Reports, want) {
		t.Errorf("reports %q, want %q", h.Reports, want)
	}
}

// TestRenamedFile plays on: it is open.
func TestRenamedFile(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "clip.mjpeg", a, b)
	s, h := openSource(t, path, Options{Loop: true})
	play(t, h, 1, a)
	must(t, os.Rename(path, path+"-away"))
	withoutFDs(t, func() { play(t, h, 4, b, a, b, a) })
	wantFigures(t, s, h, 5, 0, 0)
}

// TestOpenWithoutFDs is no failure of the file: it may be opened later.
func TestOpenWithoutFDs(t *testing.T) {
	path, p := clip(t)
	s, h := openSource(t, path, Options{})
	withoutFDs(t, func() { play(t, h, 3) })
	if len(h.Reports) != 1 || !strings.HasPrefix(h.Reports[0], "lost: "+path+": too many open files") {
		t.Errorf("reports %q, want one loss", h.Reports)
	}
	h.Close()
	h.Open(s)
	play(t, h, 3, p[:]...)
}
