package v4l2

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// TestErrorsOfOpening are Lost or Failed, and trying again may help.
func TestErrorsOfOpening(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.fault = passing{errors.New("not found; no camera is connected")}
	d.host.Open(s)
	d.host.Turn()
	d.host.Close()
	d.fault = errors.New("has no size 4x4")
	d.host.OnReport = func(string) { d.host.OnReport = nil; d.host.Close(); d.fault = nil; d.host.Open(s) }
	d.host.Open(s)
	d.host.RunFor(time.Second)
	d.check(0, 1, 0, "lost: /dev/video0: not found; no camera is connected", "failed: /dev/video0: has no size 4x4", "live")
	d.host.Close()
	d.host.Turn()
	if d.closed != 1 {
		t.Errorf("closed %d times", d.closed)
	}
}

// TestErrorsOfStreaming lose the camera. It is opened again within the report.
func TestErrorsOfStreaming(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(d *desk)
		want string
	}{
		"unplugged": {func(d *desk) { d.broken, d.gone = errors.New("system error"), true }, "lost: /dev/video0: was unplugged"},
		"failed":    {func(d *desk) { d.broken = errors.New("system error") }, "lost: /dev/video0: system error"},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := newDesk(t, Options{})
			d.host.Open(s)
			d.host.Turn()
			d.frame(0, picture)
			c.fail(d)
			d.host.RunFor(time.Second)
			d.check(1, 1, 0, "live", c.want)
			if d.host.Watched(fakeFD) {
				t.Error("a lost camera is watched")
			}
			d.host.Close()
			d.broken, d.gone = nil, false
			d.host.OnReport = func(report string) {
				if report == c.want {
					d.host.Close()
					d.broken, d.gone = nil, false
					d.host.Open(s)
				}
			}
			d.host.Open(s)
			d.host.RunFor(time.Second)
			c.fail(d)
			d.host.RunFor(time.Second)
			d.check(1, 3, 2, "live", c.want, "live", c.want, "live")
		})
	}
}

func TestWatchFails(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.host.FailWatch = unix.ENOSPC
	d.host.Open(s)
	d.host.Turn()
	d.check(0, 1, 0, "live", "lost: /dev/video0: no space left on device")
	d.host.Close()
	d.host.Turn()
	if d.closed != 1 {
		t.Errorf("closed %d times", d.closed)
	}
}

// TestClosedWithinLive has nobody watch the camera.
func TestClosedWithinLive(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.host.HoldJobs = true
	d.host.OnReport = func(string) { d.host.Close() }
	d.host.Open(s)
	d.host.RunJob()
	d.frame(0, picture)
	d.host.Turn()
	d.check(0, 1, 0, "live")
	d.host.RunJob()
	d.check(0, 1, 1, "live")
}

// TestClosedWithinFrame closes the camera, and opens it again, while the host reads the
// frame, which is in the driver's memory: that is freed after Frame.
func TestClosedWithinFrame(t *testing.T) {
	d, s := newDesk(t, Options{})
	d.host.Open(s)
	d.host.Turn()
	d.host.OnFrame = func(f media.Frame) {
		d.host.OnFrame = nil
		d.host.Close()
		d.host.Open(s)
		d.host.Close()
		d.host.Open(s)
		if d.closed != 0 || d.opened != 1 || !bytes.Equal(f.Bytes, picture) {
			t.Errorf("closed %d times, opened %d times, while the host has the frame %v", d.closed, d.opened, f.Bytes)
		}
	}
	d.frame(0, picture)
	d.frame(1, picture)
	d.host.RunFor(time.Second)
	d.check(1, 2, 1, "live", "live")
	d.frame(0, picture)
	d.host.Turn()
	d.check(2, 2, 1, "live", "live")
}

// TestJobsComeOneByOne closes and opens the camera at each moment of opening: never are
// there two jobs, what was opened in the end is used, and all else is closed.
func TestJobsComeOneByOne(t *testing.T) {
	// Each letter is a step: Open, Close, a job runs, a job runs and is overtaken by Close
	// when it has opened the device, the loop turns.
	for _, c := range []struct {
		steps          string
		opened, closed int
		reports        int
	}{
		{"O c", 0, 0, 0},   // closed before the job has begun
		{"O jc", 1, 1, 0},  // closed when the job has ended and the loop does not know yet
		{"O jtc", 1, 1, 1}, // closed when it is live
		{"O J", 1, 1, 0},   // closed while the job opens the device: the job closes it
		{"O JO", 2, 1, 1},
		{"O JtO", 2, 1, 1},
		{"O JOcO", 2, 1, 1},
		{"O cO", 1, 0, 1}, // opened again: the second waits for the first
		{"O cOcO", 1, 0, 1},
		{"O jcO", 2, 1, 1},
		{"O jcOcO", 2, 1, 1},
		{"O jcjO", 2, 1, 1},
		{"O jtcO", 2, 1, 2},
		{"O jtcOcOc", 1, 1, 1},
		{"O jtcjO", 2, 1, 2},
		{"O jtcOjOc", 1, 1, 1},
		{"O cOj", 1, 0, 1},
		{"O cOjc", 0, 0, 0},
		{"O cOjtc", 0, 0, 0},
		{"O cOjtjc", 1, 1, 0},
	} {
		t.Run(c.steps, func(t *testing.T) {
			d, s := newDesk(t, Options{})
			d.host.HoldJobs = true
			isOpen := false
			step := func(letter rune) {
				switch letter {
				case 'O':
					if !isOpen {
						d.host.Open(s)
					}
					isOpen = true
				case 'c':
					d.host.Close()
					isOpen = false
				case 'J':
					d.during = func() { d.host.Close(); isOpen = false }
					d.host.RunJob()
				case 'j':
					if d.host.Jobs() > 0 {
						d.host.RunJob()
					}
				case 't':
					d.host.Turn()
				}
				if d.host.Jobs() > 1 {
					t.Errorf("%d jobs at once after %c", d.host.Jobs(), letter)
				}
			}
			for _, letter := range c.steps + "jtjtjtjt" {
				step(letter)
			}
			if d.opened != c.opened || d.closed != c.closed || len(d.host.Reports) != c.reports || (d.now != nil) != isOpen {
				t.Errorf("opened %d times, closed %d times, reports %q, open %v; want %d, %d, %d, %v",
					d.opened, d.closed, d.host.Reports, d.now != nil, c.opened, c.closed, c.reports, isOpen)
			}
			if d.host.Watched(fakeFD) != isOpen {
				t.Errorf("watched: %v", !isOpen)
			}
		})
	}
}

// TestClosedAfterOpeningFailed closes the camera when the job could not open it and the loop does
// not know yet. It can be opened again: there is no job that it would have to wait for.
func TestClosedAfterOpeningFailed(t *testing.T) {
	for _, again := range []bool{false, true} { // opened again at once, or when the loop knows
		d, s := newDesk(t, Options{})
		d.host.HoldJobs = true
		d.fault = errors.New("has no size 4x4")
		d.host.Open(s)
		d.host.RunJob()
		d.host.Close()
		d.fault = nil
		if again {
			d.host.Open(s)
		}
		d.host.Turn()
		if !again {
			d.host.Open(s)
		}
		if d.host.Jobs() != 1 {
			t.Fatalf("%d jobs open the camera", d.host.Jobs())
		}
		d.host.RunJob()
		d.host.Turn()
		d.check(0, 1, 0, "live")
	}
}

// TestLoopIsClosed closes the source at each moment of opening, when nothing that a job
// returns is run any more: the device is closed all the same.
func TestLoopIsClosed(t *testing.T) {
	for _, steps := range []string{"J", "jcj", "jtcj"} {
		t.Run(steps, func(t *testing.T) {
			d, s := newDesk(t, Options{})
			d.host.HoldJobs = true
			d.host.Open(s)
			for _, letter := range steps {
				switch letter {
				case 'c':
					d.host.Die()
					d.host.Close()
				case 'J':
					d.during = func() { d.host.Die(); d.host.Close() }
					d.host.RunJob()
				case 'j':
					d.host.RunJob()
				case 't':
					d.host.Turn()
				}
			}
			if d.opened != 1 || d.closed != 1 {
				t.Errorf("opened %d times, closed %d times", d.opened, d.closed)
			}
		})
	}
}

// threads is a Host whose jobs run on goroutines, as in a program.
type threads struct {
	*capturetest.Host
	running sync.WaitGroup
}

func (h *threads) Work(job func() func()) {
	h.running.Go(func() {
		if done := job(); done != nil {
			_ = h.Post(done) // the loop is not closed
		}
	})
}

// countedCamera counts how many are open.
type countedCamera struct {
	camera
	open *atomic.Int32
}

func (c countedCamera) setup() setup             { return setup{mode: mode{"mjpeg", "MJPG", 64, 48}, buffers: 1} }
func (c countedCamera) fd() int                  { return fakeFD }
func (c countedCamera) dequeue() (buffer, error) { return buffer{}, unix.EAGAIN }
func (c countedCamera) close()                   { runtime.Gosched(); c.open.Add(-1) }

// TestJobsOnGoroutines opens and closes the camera at random while the jobs run.
func TestJobsOnGoroutines(t *testing.T) {
	s, err := New(Options{Path: "/dev/video0"})
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int32
	s.open = func(Options) (camera, error) {
		if n := open.Add(1); n != 1 {
			t.Errorf("%d are open", n)
		}
		runtime.Gosched()
		return countedCamera{open: &open}, nil
	}
	h := &threads{Host: capturetest.NewHost(t)}
	random := rand.New(rand.NewPCG(1, 2))
	isOpen := false
	for range 5000 {
		switch random.IntN(4) {
		case 0:
			if !isOpen {
				h.OpenOn(h, s)
			} else {
				h.Close()
			}
			isOpen = !isOpen
		case 1:
			runtime.Gosched()
		case 2:
			h.running.Wait()
		case 3:
			h.Turn()
		}
	}
	h.Close()
	for range 3 { // a job that waits, one that opens, one that closes
		h.running.Wait()
		h.Turn()
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d are open in the end", n)
	}
}
