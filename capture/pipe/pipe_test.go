package pipe_test

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/capture/pipe"
	"golang.org/x/sys/unix"
)

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// newHost is a Host whose fds are readable when the kernel says so.
func newHost(t *testing.T) *capturetest.Host {
	h := capturetest.NewHost(t)
	h.Readable = func(fd int) bool {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return n > 0
	}
	return h
}

func want(t *testing.T, h *capturetest.Host, frames int, reports ...string) {
	t.Helper()
	if len(h.Frames) != frames || !slices.EqualFunc(h.Reports, reports, strings.Contains) {
		t.Errorf("%d frames, %q; want %d, %q", len(h.Frames), h.Reports, frames, reports)
	}
}

// stdin has the process's stdin be a pipe for a test, and returns its other end.
func stdin(t *testing.T) (write *os.File) {
	t.Helper()
	old, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup2(int(read.Fd()), 0); err != nil {
		t.Fatal(err)
	}
	_ = read.Close()
	t.Cleanup(func() {
		_ = write.Close()
		_ = unix.Dup2(old, 0)
		_ = unix.Close(old)
	})
	return write
}

func send(t *testing.T, h *capturetest.Host, w *os.File, data []byte) {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	h.RunFor(time.Millisecond)
}

// TestStdin ends with its writer.
func TestStdin(t *testing.T) {
	w, h := stdin(t), newHost(t)
	s, err := pipe.New(pipe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h.Open(s)
	h.RunFor(time.Hour)
	want(t, h, 0)
	send(t, h, w, picture(t))
	want(t, h, 1, "live")
	h.Close() // as nobody watches
	h.Open(s)
	h.RunFor(time.Second)
	send(t, h, w, picture(t))
	want(t, h, 2, "live", "live")
	_ = w.Close()
	h.RunFor(time.Second)
	want(t, h, 2, "live", "live", "ended")
	if d := s.Describe(); d.Source != "stdin" {
		t.Errorf("%+v", d)
	}
}

// TestStdinFails has nothing come, or garbage.
func TestStdinFails(t *testing.T) {
	for data, report := range map[string]string{"": "failed: stdin has ended without a picture", "hello": "failed: stdin: its first bytes"} {
		w, h := stdin(t), newHost(t)
		s, err := pipe.New(pipe.Options{})
		if err != nil {
			t.Fatal(err)
		}
		h.Open(s)
		h.RunFor(time.Second)
		send(t, h, w, []byte(data))
		_ = w.Close()
		h.RunFor(time.Second)
		want(t, h, 0, report)
		h.Close()
	}
}

// TestFIFO waits for a program, and for the next one.
func TestFIFO(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := pipe.New(pipe.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	h := newHost(t)
	var reports []string
	for i := range 3 {
		h.Open(s)
		h.RunFor(time.Hour)
		h.CallReady() // there is nothing
		want(t, h, i, reports...)
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		h.RunFor(time.Hour)
		want(t, h, i, reports...)
		send(t, h, w, picture(t))
		reports = append(reports, "live")
		want(t, h, i+1, reports...)
		_ = w.Close()
		h.RunFor(time.Second)
		reports = append(reports, fmt.Sprintf("lost: %s: the program that wrote into the FIFO has ended", path))
		want(t, h, i+1, reports...)
		h.Close()
	}
	h.Open(s)
	h.Turn()
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Close() // without a byte
	h.RunFor(time.Second)
	want(t, h, 3, append(reports, "lost: ")...)
	h.Close()
}

// TestCloses closes the source while its pipe is opened, before and after that is known.
func TestCloses(t *testing.T) {
	h := newHost(t)
	s, err := pipe.New(pipe.Options{Path: "/no/such/fifo"})
	if err != nil {
		t.Fatal(err)
	}
	h.HoldJobs = true
	h.Open(s)
	h.Close()
	h.RunJob()
	h.RunFor(time.Second)
	h.Open(s)
	h.RunJob()
	h.Close()
	h.RunFor(time.Second)
	want(t, h, 0)
	h.Open(s)
	h.RunJob()
	h.RunFor(time.Second)
	want(t, h, 0, "lost: /no/such/fifo: open: no such file or directory")
	h.Close()
	h.Close()
}

// TestCheckStdin refuses what cannot be waited for.
func TestCheckStdin(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{file.Name(): "stdin is a file", "/dev/null": "stdin is no pipe"} {
		_ = stdin(t)
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Dup2(int(f.Fd()), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := pipe.New(pipe.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
		_ = f.Close()
	}
	_ = stdin(t)
	if err := pipe.CheckStdin(); err != nil {
		t.Error(err)
	}
	if _, err := pipe.New(pipe.Options{Format: "mp4"}); err == nil {
		t.Error("a format that there is not is taken")
	}
}
