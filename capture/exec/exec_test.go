package exec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/exec"
	"github.com/camcast/camcast/cast/secrettest"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

// host is a capture.Host on a real loop. The source belongs to the loop's goroutine, which is the test's.
type host struct {
	loop    *loop.Loop
	source  capture.Source
	frames  [][]byte
	reports []string
	// onReport and onFrame are called with each.
	onReport func(report string)
	onFrame  func()
	jobs     sync.WaitGroup
	log      lockedBuffer
}

type lockedBuffer struct {
	mutex sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.Buffer.Write(p)
}

type registration struct{ *loop.Registration }

func (r registration) Stop() error { return r.Unregister() }

func (h *host) Now() time.Duration { return h.loop.Now() }
func (h *host) Wall() time.Time    { return time.Unix(0, 0) }
func (h *host) Watch(fd int, ready func()) (capture.Watch, error) {
	r, err := h.loop.Register(fd, loop.Readable, func(loop.Interest) { ready() })
	return registration{r}, err
}
func (h *host) NewTimer(f func()) capture.Timer { return h.loop.NewTimer(f) }
func (h *host) Post(f func()) error             { return h.loop.Post(f) }
func (h *host) Work(job func() func()) {
	h.jobs.Go(func() {
		if done := job(); done != nil {
			_ = h.loop.Post(done)
		}
	})
}
func (h *host) Code(job func() func()) { h.Work(job) }
func (h *host) Live()                  { h.report("live") }
func (h *host) Lost(err error)         { h.report("lost: " + err.Error()) }
func (h *host) Failed(err error)       { h.report("failed: " + err.Error()) }
func (h *host) Ended()                 { h.report("ended") }
func (h *host) report(report string) {
	h.reports = append(h.reports, report)
	h.onReport(report)
}
func (h *host) Frame(f media.Frame) {
	h.frames = append(h.frames, bytes.Clone(f.Bytes))
	h.onFrame()
}

// play opens a source and turns the loop until stop is called, by what is set by prepare.
func play(t *testing.T, o exec.Options, prepare func(h *host, stop func())) *host {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	h := &host{loop: l, onReport: func(string) {}, onFrame: func() {}}
	o.Log = slog.New(slog.NewTextHandler(&h.log, nil))
	if h.source, err = exec.New(o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	prepare(h, stop)
	_ = l.Post(func() { h.source.Open(h) })
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("nothing more happens: %d frames, reports %q, log %s", len(h.frames), h.reports, h.log.String())
	}
	if err := h.source.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	h.jobs.Wait()
	return h
}

// pictureFile is a file with a JPEG.
func pictureFile(t testing.TB) (path string, data []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewRGBA(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "a.jpg")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, b.Bytes()
}

// gone is a FIFO that a command's processes hold open, as fd 9, and a function that waits until none of them
// is left.
func gone(t *testing.T) (redirection string, wait func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	redirection = fmt.Sprintf("exec 9>/proc/%d/fd/%d; ", os.Getpid(), write.Fd())
	return redirection, func() {
		t.Helper()
		_ = write.Close()
		if err := read.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if n, err := read.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("processes are left behind: %v", err)
		}
	}
}

// TestFrames gets what a shell loop writes, and ends its processes.
func TestFrames(t *testing.T) {
	path, data := pictureFile(t)
	hold, wait := gone(t)
	h := play(t, exec.Options{Command: hold + "while :; do cat " + path + " || exit; done"}, func(h *host, stop func()) {
		h.onFrame = func() {
			if len(h.frames) == 5 {
				stop()
			}
		}
	})
	for _, f := range h.frames {
		if !bytes.Equal(f, data) {
			t.Error("a frame is not what was written")
		}
	}
	if d := h.source.Describe(); d.Source != "exec:exec ..." || d.Coding != "JPEG" || d.Params.Width != 64 || h.source.Figures().Frames < 5 {
		t.Errorf("%+v, %+v", d, h.source.Figures())
	}
	wait()
}

// TestLost says why the source is lost, whatever a command does, and leaves no process behind.
func TestLost(t *testing.T) {
	path, _ := pictureFile(t)
	for name, test := range map[string]struct{ command, want string }{
		"exits at once":          {"exit 7", "ended with status 7"},
		"is not there":           {"/no/such/program", "ended with status 127; its last line on stderr: "},
		"says why":               {"echo the lens is dirty >&2; printf 'half a line' >&2; exit 1", `ended with status 1; its last line on stderr: "the lens is dirty"`},
		"is killed":              {"kill -9 $$", "ended by signal 9 (killed)"},
		"writes garbage":         {"while :; do echo garbage; done", "begin none of"},
		"hangs":                  {"sleep 1000", "no picture has come in its first 1s"},
		"hangs with children":    {"sleep 1000 & sleep 1000 & sleep 1000 & wait", "no picture has come in its first 1s"},
		"hangs after a picture":  {"cat " + path + "; sleep 1000", "no picture has come for 1s"},
		"ignores signals":        {"trap '' TERM HUP INT; cat " + path + "; while :; do sleep 1000; done", "no picture has come for 1s"},
		"closes its stdout":      {"exec >&-; sleep 1000", "has closed its stdout"},
		"leaves a child":         {"trap '' TERM; sleep 1000 & exit 0", "ended with status 0"},
		"writes, and exits":      {"cat " + path + "; echo bye >&2", `ended with status 0; its last line on stderr: "bye"`},
		"cuts a picture in half": {"head -c 300 " + path, "ended with status 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hold, wait := gone(t)
			h := play(t, exec.Options{Command: hold + test.command, Timeout: exec.MinTimeout}, func(h *host, stop func()) {
				h.onReport = func(report string) {
					if strings.HasPrefix(report, "lost") {
						stop()
					}
				}
			})
			if last := h.reports[len(h.reports)-1]; !strings.Contains(last, test.want) || !strings.HasPrefix(last, "lost: exec:exec ...: ") {
				t.Errorf("%q, want %s", h.reports, test.want)
			}
			if strings.Contains(test.command, "cat ") && len(h.frames) != 1 {
				t.Errorf("%d frames", len(h.frames))
			}
			wait()
		})
	}
}

// TestAgain opens the source again whenever it is lost, and when it is closed in any state.
func TestAgain(t *testing.T) {
	path, _ := pictureFile(t)
	hold, wait := gone(t)
	opened := 0
	h := play(t, exec.Options{Command: hold + "cat " + path + "; sleep 1000 & exit 3"}, func(h *host, stop func()) {
		again := func() {
			_ = h.source.Close()
			if opened++; opened == 20 {
				stop()
				return
			}
			h.source.Open(h)
			if opened%3 == 0 { // while it starts
				_ = h.source.Close()
				h.source.Open(h)
			}
			if opened%4 == 0 {
				_ = h.loop.Post(func() { // soon after
					_ = h.source.Close()
					h.source.Open(h)
				})
			}
		}
		h.onReport = func(report string) {
			if report != "live" {
				_ = h.loop.Post(again)
			}
		}
	})
	if h.source.Figures().Frames < 15 {
		t.Errorf("%+v, %q", h.source.Figures(), h.reports)
	}
	wait()
}

// TestStderrIsFull has a command write to stderr without a pause: its frames come, and some lines are logged.
func TestStderrIsFull(t *testing.T) {
	path, _ := pictureFile(t)
	hold, wait := gone(t)
	h := play(t, exec.Options{Command: hold + "yes 'no! \"\033[31m' >&2 & for i in 1 2 3 4 5 6 7 8 9 10; do cat " + path + "; done; wait"}, func(h *host, stop func()) {
		h.onFrame = func() {
			if len(h.frames) == 10 {
				stop()
			}
		}
	})
	if n := strings.Count(h.log.String(), "\n"); n > 30 || strings.Contains(h.log.String(), "\033") {
		t.Errorf("%d lines are logged: %.2000s", n, h.log.String())
	}
	wait()
}

func TestOptions(t *testing.T) {
	for _, o := range []exec.Options{{}, {Command: " "}, {Command: "a\x00b"}, {Command: "a", Timeout: 1}, {Command: "a", Timeout: 48 * time.Hour},
		{Command: "a", Format: "mp4"}, {Command: "a", FramesPerSecond: -1}, {Command: "a", MaxFrame: 1}} {
		if _, err := exec.New(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	for command, want := range map[string]string{
		" /usr/bin/ffmpeg -i rtsp://me:secret@camera -f flv -": "exec:ffmpeg ...", "rpicam-vid": "exec:rpicam-vid",
		"PASSWORD=secret ffmpeg": "exec:...", "PASSWORD='a secret' ffmpeg": "exec:...", "rtsp://me:secret@camera": "exec:...", "x;echo\nsecret": "exec:...",
	} {
		if s, err := exec.New(exec.Options{Command: command}); err != nil || s.Describe().Source != want {
			t.Errorf("%s: %v, %v; want %s", command, s.Describe().Source, err, want)
		}
	}
}

// TestPasswordsAreNotShown has a command complain of the URL that it was given, in the last of its lines, too, and in
// one that is cut off in the password.
func TestPasswordsAreNotShown(t *testing.T) {
	const url = "rtsp://me:topsecret@camera/live?key=topsecret"
	h := play(t, exec.Options{Command: "echo no answer: " + url + " >&2; printf '%285s%s\n' '' " + url + " >&2; echo " + url + ": not found >&2; exit 1"}, func(h *host, stop func()) {
		h.onReport = func(string) { stop() }
	})
	secrets := secrettest.New()
	secrets.AddWords("tops", "me:")
	said := h.log.String() + strings.Join(h.reports, "\n")
	if shown, found := secrets.Leak([]byte(said)); found {
		t.Errorf("%q is shown:\n%s", shown, said)
	}
	for _, want := range []string{"no answer: rtsp://camera/live?key=...", "line=rtsp://\n", `last line on stderr: "rtsp://camera/live?key=... not found"`} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not shown:\n%s", want, said)
		}
	}
}
