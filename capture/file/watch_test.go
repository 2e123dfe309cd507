package file

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"golang.org/x/sys/unix"
)

// shown are the different pictures that the host has got, in their order.
func shown(h *capturetest.Host) (pictures [][]byte) {
	return slices.CompactFunc(played(h), bytes.Equal)
}

// replace puts a file in the place of another one.
func replace(t testing.TB, path string, data ...[]byte) {
	t.Helper()
	must(t, os.Rename(write(t, path+".new", data...), path))
}

// eachWatching runs a test with inotify and without.
func eachWatching(t *testing.T, f func(t *testing.T, fails error, within time.Duration)) {
	t.Run("inotify", func(t *testing.T) { f(t, nil, 100*time.Millisecond) })
	t.Run("no inotify", func(t *testing.T) { f(t, unix.ENOSPC, rescanInterval+100*time.Millisecond) })
}

// openUnwatched opens a source on a host whose Watch may fail.
func openUnwatched(t *testing.T, path string, o Options, fails error) (*Source, *capturetest.Host) {
	o.Path, o.FramesPerSecond = path, 500
	s, err := New(o)
	must(t, err)
	h := newHost(t)
	h.FailWatch = fails
	h.Open(s)
	t.Cleanup(h.Close)
	return s, h
}

// TestReplacedFile plays the file that has been renamed to the name of the one that is played, and
// begins with its first picture.
func TestReplacedFile(t *testing.T) {
	a, b, c := picture(t, 10), picture(t, 60), picture(t, 110)
	for _, isLink := range []bool{false, true} {
		eachWatching(t, func(t *testing.T, fails error, within time.Duration) {
			path := filepath.Join(t.TempDir(), "clip.mjpeg")
			long := slices.Concat(bytes.Repeat(a, 5000), b)
			if isLink { // as a program that writes pictures has "newest" point to the newest
				must(t, os.Symlink(write(t, "1.mjpeg", long), path))
			} else {
				write(t, path, long)
			}
			_, h := openUnwatched(t, path, Options{Loop: true}, fails)
			h.RunFor(20 * interval)
			if isLink {
				must(t, os.Symlink(write(t, "2.mjpeg", b, c), path+".new"))
				must(t, os.Rename(path+".new", path))
			} else {
				replace(t, path, b, c)
			}
			h.RunFor(within)
			if got := shown(h); len(got) < 4 || !equal(got[:4], [][]byte{a, b, c, b}) {
				t.Errorf("%d different pictures", len(got))
			}
		})
	}
}

// TestReplacedPicture replaces a single picture again and again.
func TestReplacedPicture(t *testing.T) {
	eachWatching(t, func(t *testing.T, fails error, within time.Duration) {
		path := write(t, "pic.jpg", picture(t, 0))
		_, h := openUnwatched(t, path, Options{Loop: true}, fails)
		want := [][]byte{picture(t, 0)}
		for i := range 5 {
			h.RunFor(50 * interval)
			want = append(want, picture(t, byte(20+20*i)))
			replace(t, path, want[i+1])
		}
		h.RunFor(within)
		if got := shown(h); !equal(got, want) {
			t.Errorf("%d different pictures, want %d", len(got), len(want))
		}
		if !slices.Equal(h.Reports, []string{"live"}) {
			t.Errorf("reports %q", h.Reports)
		}
	})
}

// TestFileThatComesBack plays what there was until there is a file of that name again.
func TestFileThatComesBack(t *testing.T) {
	eachWatching(t, func(t *testing.T, fails error, within time.Duration) {
		a, b := picture(t, 10), picture(t, 60)
		path := write(t, "pic.jpg", a)
		_, h := openUnwatched(t, path, Options{Loop: true}, fails)
		h.RunFor(20 * interval)
		must(t, os.Remove(path))
		h.RunFor(time.Second)
		if got := shown(h); !equal(got, [][]byte{a}) || len(h.Frames) < 500 {
			t.Errorf("%d different pictures and %d frames", len(got), len(h.Frames))
		}
		write(t, path, b)
		h.RunFor(within)
		if got := shown(h); !equal(got, [][]byte{a, b}) || !slices.Equal(h.Reports, []string{"live"}) {
			t.Errorf("%d different pictures, reports %q", len(got), h.Reports)
		}
	})
}

// TestFolderThatChanges adds pictures, and removes some, before and behind the one that is played.
func TestFolderThatChanges(t *testing.T) {
	eachWatching(t, func(t *testing.T, fails error, within time.Duration) {
		folder := t.TempDir()
		put := func(n int) { write(t, filepath.Join(folder, fmt.Sprint("frame", n, ".jpg")), picture(t, byte(n))) }
		for n := 10; n < 100; n++ {
			put(n)
		}
		o := Options{Path: folder, FramesPerSecond: 10, Loop: true}
		s, err := New(o)
		must(t, err)
		h := newHost(t)
		h.FailWatch = fails
		h.Open(s)
		defer h.Close()
		h.RunFor(2100 * time.Millisecond) // 10 to 31
		for _, n := range []int{9, 100, 101} {
			put(n)
		}
		put(5) // and again gone
		must(t, os.Remove(filepath.Join(folder, "frame5.jpg")))
		for _, n := range []int{12, 90, 91} {
			must(t, os.Remove(filepath.Join(folder, fmt.Sprint("frame", n, ".jpg"))))
		}
		must(t, os.Rename(filepath.Join(folder, "frame92.jpg"), filepath.Join(folder, "frame93.jpg")))
		write(t, filepath.Join(folder, "notes.txt"), []byte("hello"))
		h.RunFor(7 * time.Second)
		var want [][]byte
		for n := 10; n <= 101; n++ {
			switch n {
			case 90, 91, 92:
			case 93:
				want = append(want, picture(t, 92))
			default:
				want = append(want, picture(t, byte(n)))
			}
		}
		want = append(want, picture(t, 9), picture(t, 10), picture(t, 11), picture(t, 13))
		got := played(h)
		if n := min(len(want), len(got)); n < 80 || !equal(got[:n], want[:n]) {
			t.Errorf("%d pictures, or others", len(got))
		}
		h.RunFor(2 * time.Second)
		if got := played(h); !equal(got[:len(want)], want) {
			t.Error("other pictures in the next round")
		}
		if s.Figures().Broken > 0 {
			t.Errorf("%+v", s.Figures())
		}
	})
}

// TestManyChanges has more happen in a folder, or in the one of a file, than a queue of the kernel
// holds.
func TestManyChanges(t *testing.T) {
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	var events int
	_, err = fmt.Sscan(string(limit), &events)
	must(t, err)
	a, b := picture(t, 10), picture(t, 60)
	for _, isFolder := range []bool{false, true} {
		folder := t.TempDir()
		path := filepath.Join(folder, "clip.mjpeg")
		played, changed := path, path
		if isFolder { // a round takes longer than the test
			for n := 10; n < 500; n++ {
				write(t, filepath.Join(folder, fmt.Sprint(n, ".jpg")), a)
			}
			played, changed = folder, filepath.Join(folder, "60b.jpg")
		} else {
			write(t, path, bytes.Repeat(a, 5000))
		}
		_, h := openSource(t, played, Options{Loop: true})
		h.RunFor(10 * interval)
		junk := [2]string{filepath.Join(folder, "x"), filepath.Join(folder, "y")}
		write(t, junk[0])
		for i := range events/2 + 10 { // each two events
			must(t, os.Rename(junk[i&1], junk[1-i&1]))
		}
		replace(t, changed, b)
		h.RunFor(500 * time.Millisecond)
		if got := shown(h); len(got) < 2 || !equal(got[:2], [][]byte{a, b}) {
			t.Errorf("folder %v: %d different pictures, want the new one", isFolder, len(got))
		}
	}
}

// TestFileThatBecomesAFolder plays that.
func TestFileThatBecomesAFolder(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "pics", a)
	s := newStage(t, path, Options{Loop: true})
	s.run(3 * interval)
	must(t, os.Remove(path))
	must(t, os.Mkdir(path, 0o700))
	write(t, filepath.Join(path, "1.jpg"), b)
	s.run(time.Second)
	if got := shown(s.host); !equal(got, [][]byte{a, b}) || s.losses() != 1 {
		t.Errorf("%d different pictures, reports %q", len(got), s.host.Reports)
	}
}

// TestPipesAreNotOpened: opening one has effects on who writes to it.
func TestPipesAreNotOpened(t *testing.T) {
	path := pipe(t)
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	must(t, err)
	defer unix.Close(fd)
	_, err = unix.InotifyAddWatch(fd, path, unix.IN_OPEN)
	must(t, err)
	write(t, filepath.Join(filepath.Dir(path), "2.jpg"), picture(t, 10))
	for _, path := range []string{path, filepath.Dir(path)} {
		_, h := openSource(t, path, Options{})
		h.RunFor(10 * interval)
	}
	var events [4096]byte
	if n, err := unix.Read(fd, events[:]); err != unix.EAGAIN {
		t.Errorf("the pipe was opened: %d bytes of events, %v", n, err)
	}
}

// TestEvents notes what the kernel tells.
func TestEvents(t *testing.T) {
	folder := t.TempDir()
	w := watcher{fd: -1, path: folder}
	w.watch()
	must(t, w.err)
	defer w.close()
	note := func(want changes, goesOn bool) {
		t.Helper()
		var c changes
		if got := w.read(&c); got != goesOn || !slices.Equal(c.names, want.names) || c.rescan != want.rescan {
			t.Errorf("%+v, goes on %v; want %+v, %v", c, got, want, goesOn)
		}
	}
	note(changes{}, true)
	write(t, filepath.Join(folder, "b.jpg"), []byte("1"))
	write(t, filepath.Join(folder, "notes.txt"), []byte("1"))
	must(t, os.Rename(filepath.Join(folder, "b.jpg"), filepath.Join(folder, "a.jpeg")))
	note(changes{names: []string{"b.jpg", "a.jpeg"}}, true)
	for i := range maxChanges + 1 {
		write(t, filepath.Join(folder, fmt.Sprint(i, ".jpg")))
	}
	note(changes{rescan: true}, true)
	must(t, os.Rename(folder, folder+"-away"))
	note(changes{rescan: true}, false)
	if err := os.Rename(folder+"-away", folder); err != nil {
		t.Fatal(err)
	}
}

// TestUnwatchedIsLoggedOnce says it when the system has no inotify for the source.
func TestUnwatchedIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	path := write(t, "pic.jpg", picture(t, 10))
	_, h := openUnwatched(t, path, Options{Loop: true, Log: slog.New(slog.NewTextHandler(&log, nil))}, errors.New("no more watches"))
	fds := openFDs(t)
	h.RunFor(20 * time.Second)
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "every 2s") || !strings.Contains(log.String(), "no more watches") {
		t.Errorf("the log says %q", log.String())
	}
	if got := openFDs(t); got > fds {
		t.Errorf("%d fds are open, %d were", got, fds)
	}
}
