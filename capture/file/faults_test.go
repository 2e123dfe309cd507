package file

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
	"golang.org/x/sys/unix"
)

// What cannot be read just now is no end: the source is lost and opened again, and goes on where it
// was.

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

// TestFolderThatCannotBeRead makes the folder unreadable in each way at each picture: the
// source is lost, and when the folder is back it goes on where it was.
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
				t.Run(name+map[bool]string{true: ", loop", false: ""}[loop], func(t *testing.T) {
					path, p := clip(t)
					s := newStage(t, path, Options{Loop: loop})
					s.until(p[:before]...)
					ahead := min(before+1, 3) // one is read before it is due
					if loop {
						ahead = before + 1
					}
					sequence := slices.Concat(p[:], p[:], p[:])
					during(t, path, func() { s.run(time.Second) })
					s.until(sequence[:ahead]...)
					if !loop {
						s.until(p[:]...)
						s.last("ended")
						return
					}
					if s.losses() == 0 && name != "emptied" {
						t.Errorf("reports %q, want a loss", s.host.Reports)
					}
					if name == "emptied" { // that ends a round
						sequence = slices.Concat(sequence[:ahead], sequence)
					}
					s.until(sequence[:8]...)
				})
			}
		}
	}
}

// TestPictureThatCannotBeRead skips a picture of a folder that is there.
func TestPictureThatCannotBeRead(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"mode 000": func(path string) error { return os.Chmod(path, 0) },
		"a pipe": func(path string) error {
			must(t, os.Remove(path))
			return unix.Mkfifo(path, 0o600)
		},
		"a folder": func(path string) error {
			must(t, os.Remove(path))
			return os.Mkdir(path, 0o700)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, p := clip(t)
			s := newStage(t, path, Options{})
			s.until(p[0])
			must(t, spoil(filepath.Join(path, "3.jpg")))
			withoutRoot(t, func() { s.until(p[:2]...) })
			s.last("ended")
			if s.source.Figures() != (capture.Figures{Frames: 2, Broken: 1}) {
				t.Errorf("%+v", s.source.Figures())
			}
		})
	}
}

// TestEmptyRounds has rounds without a picture: the source waits for longer and longer, or until
// the file changes.
func TestEmptyRounds(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	spoilt := map[string]func(t *testing.T, path string){
		"empty":   func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"broken":  func(t *testing.T, path string) { write(t, path, b[:len(b)-100]) },
		"garbage": func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte{0xff, 0xd8}, 1<<19)) },
		"huge": func(t *testing.T, path string) {
			write(t, path, a[:len(a)-2])
			must(t, os.Truncate(path, 50<<20))
		},
	}
	for name, spoil := range spoilt {
		for _, isFolder := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", folder", false: ""}[isFolder], func(t *testing.T) {
				path := write(t, "clip.mjpeg", a, b)
				file := path
				if isFolder {
					path = t.TempDir()
					file = write(t, filepath.Join(path, "1.jpg"), b)
				}
				s := newStage(t, path, Options{Loop: true})
				s.run(10 * interval)
				spoil(t, file)
				s.run(10 * time.Second)
				had := len(s.host.Frames)
				counting := &countingHost{Host: s.host}
				s.host.Close()
				s.host.OpenOn(counting, s.source)
				s.run(2 * time.Minute)
				if len(s.host.Frames) > had || s.host.Reports[len(s.host.Reports)-1] == "ended" {
					t.Errorf("%d more frames, reports %q", len(s.host.Frames)-had, s.host.Reports)
				}
				most := 20 // rounds
				if name == "huge" {
					most *= 60 // jobs each
				}
				if counting.jobs > most {
					t.Errorf("%d jobs in 2 minutes, want at most %d", counting.jobs, most)
				}
				write(t, file+".new", b)
				must(t, os.Rename(file+".new", file))
				s.run(time.Second)
				if len(s.host.Frames) == had {
					t.Fatal("no frame within a second of the change")
				}
			})
		}
	}
}

// countingHost counts jobs.
type countingHost struct {
	*capturetest.Host
	jobs int
}

func (h *countingHost) Work(job func() func()) {
	h.jobs++
	h.Host.Work(job)
}

// TestFileThatIsCutOff has a file be written anew while it is played: as long as it is
// shorter than it was, that is no end.
func TestFileThatIsCutOff(t *testing.T) {
	a, b := picture(t, 10), pictureOf(t, 1024, 768)
	for len(b) < 2*readBytes { // more than is read at once
		b = slices.Insert(b, 2, slices.Concat([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533))...)
	}
	path := write(t, "clip.mjpeg", a, b, b)
	s := newStage(t, path, Options{})
	s.until(a)
	must(t, os.Truncate(path, int64(len(a)+len(b)+10)))
	s.run(time.Second)
	s.until(a, b)
	if s.losses() == 0 {
		t.Errorf("reports %q, want a loss", s.host.Reports)
	}
	write(t, path, a, b, b[:readBytes], b, a)
	s.until(a, b, b, a)
	s.last("ended")
}

// TestReadError has reading fail, as a disk that is unplugged does: the file is opened anew
// when it is there again, and goes on where it was.
func TestReadError(t *testing.T) {
	a := picture(t, 10)
	large := slices.Insert(bytes.Clone(a), 2, bytes.Repeat(slices.Concat([]byte{0xff, 0xe2, 0xff, 0xff}, make([]byte, 65533)), 20)...)
	path := write(t, "clip.mjpeg", a, large, large, a)
	s := newStage(t, path, Options{})
	s.until(a)
	folder, err := open(t.TempDir())
	must(t, err)
	must(t, unix.Dup3(folder, s.source.session.player.pictures.(*stream).fd, unix.O_CLOEXEC)) // reading it is EISDIR
	must(t, closeFD(folder))
	must(t, os.Rename(path, path+"-away"))
	s.run(time.Second)
	s.until(a, large)
	must(t, os.Rename(path+"-away", path))
	s.until(a, large, large, a)
	s.last("ended")
}

// TestRenamedFile plays on: it is open.
func TestRenamedFile(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "clip.mjpeg", a, b)
	s, h := openSource(t, path, Options{Loop: true})
	play(t, h, 1, a)
	must(t, os.Rename(path, path+"-away"))
	withoutFDs(t, func() { play(t, h, 4, b, a, b, a) })
	if s.Figures() != (capture.Figures{Frames: 5}) {
		t.Errorf("%+v", s.Figures())
	}
}

// TestOpenWithoutFDs is no failure of the file: it may be opened later.
func TestOpenWithoutFDs(t *testing.T) {
	path, p := clip(t)
	var s *stage
	withoutFDs(t, func() {
		s = newStage(t, path, Options{})
		s.host.RunFor(interval / 2)
	})
	if r := s.host.Reports; len(r) != 1 || !strings.HasPrefix(r[0], "lost: "+path+": too many open files") {
		t.Errorf("reports %q, want one loss", r)
	}
	s.until(p[:]...)
}

// TestLossIsOverInOneReport has a file be unreadable for a while.
func TestLossIsOverInOneReport(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "pic.jpg", a)
	s := newStage(t, path, Options{Loop: true})
	s.run(3 * interval)
	other := write(t, path+".new", b)
	must(t, os.Chmod(other, 0))
	must(t, os.Rename(other, path))
	withoutRoot(t, func() { s.run(time.Second) })
	reports := s.host.Reports
	if s.losses() != 1 || !strings.HasPrefix(reports[len(reports)-1], "failed: ") || !strings.Contains(reports[1], "permission denied") {
		t.Errorf("reports %q, want one loss and then failures, of the permission", reports)
	}
	must(t, os.Chmod(path, 0o600))
	s.host.Frames = nil
	s.run(time.Second)
	if len(s.host.Frames) == 0 || !bytes.Equal(s.host.Frames[0].Bytes, b) {
		t.Errorf("%d frames, want the new picture", len(s.host.Frames))
	}
}

// dup has an open fd be another file.
func dup(from, to int) error { return unix.Dup3(from, to, unix.O_CLOEXEC) }
