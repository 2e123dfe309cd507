package file

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
)

// openHeld opens a source on a host whose jobs wait for the test.
func openHeld(t testing.TB, path string, o Options) (*Source, *capturetest.Host) {
	o.Path, o.FramesPerSecond = path, 500
	s, err := New(o)
	must(t, err)
	h := newHost(t)
	h.HoldJobs = true
	h.Open(s)
	t.Cleanup(func() {
		h.Close()
		for h.Jobs() > 0 {
			h.RunJob()
		}
	})
	return s, h
}

// TestJobThatHangs has a network mount hang. The loop goes on, nothing else is begun, and pictures
// come again when it does.
func TestJobThatHangs(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	s, h := openHeld(t, write(t, "clip.mjpeg", a, b), Options{Loop: true})
	wantNothing := func() {
		t.Helper()
		had := len(h.Frames)
		h.RunFor(10 * time.Second)
		if len(h.Frames) > had || h.Jobs() != 1 {
			t.Errorf("%d more frames, %d jobs; want none, and one", len(h.Frames)-had, h.Jobs())
		}
	}
	wantNothing()
	h.RunJob()
	h.RunFor(interval)
	if len(h.Frames) != 1 || s.Figures().Gaps != 0 {
		t.Fatalf("%d frames, %+v", len(h.Frames), s.Figures())
	}
	wantNothing()
	if gaps := s.Figures().Gaps; gaps < 4990 || gaps > 5000 {
		t.Errorf("%d gaps in 10 s, want each beat but one", gaps)
	}
	now := h.Now()
	h.RunJob()
	h.Turn()
	if len(h.Frames) != 2 || h.Frames[1].Captured < now-interval || h.Frames[1].Captured > now {
		t.Errorf("%d frames, want the late one at once", len(h.Frames))
	}
}

// TestCloseWhileAJobRuns closes what the job has opened, when it is done.
func TestCloseWhileAJobRuns(t *testing.T) {
	path, p := clip(t)
	fds := openFDs(t)
	for name, of := range map[string]string{"folder": path, "file": path + "/1.jpg"} {
		for jobs := range 3 {
			s, h := openHeld(t, of, Options{Loop: true})
			for range jobs {
				h.RunJob()
				h.RunFor(interval)
			}
			if h.Jobs() != 1 {
				t.Fatalf("%s: %d jobs, want one", name, h.Jobs())
			}
			h.Close()
			h.Frames, h.Reports = nil, nil
			h.Open(s)
			if h.Jobs() != 1 {
				t.Errorf("%s: %d jobs, want the one that runs", name, h.Jobs())
			}
			h.RunJob()
			h.RunFor(interval)
			if len(h.Reports) > 0 || openFDs(t) != fds {
				t.Errorf("%s after %d jobs: %q, %d fds are open instead of %d", name, jobs, h.Reports, openFDs(t), fds)
			}
			h.RunJob()
			h.RunFor(interval)
			if got := played(h); !equal(got, p[:1]) || !slices.Equal(h.Reports, []string{"live"}) {
				t.Errorf("%s: opened again: %d frames, %q", name, len(got), h.Reports)
			}
			h.Close() // while the next one is read
			for h.Jobs() > 0 {
				h.RunJob()
				h.Turn()
			}
			if got := openFDs(t); got != fds {
				t.Errorf("%s: %d fds are open instead of %d", name, got, fds)
			}
			h.Open(s)
			if h.Jobs() != 1 {
				t.Errorf("%s: opened when nothing runs: %d jobs, want one", name, h.Jobs())
			}
			h.Close()
			h.RunJob()
		}
	}
}

// TestCloseBetweenAJobAndItsResult closes what was opened, too.
func TestCloseBetweenAJobAndItsResult(t *testing.T) {
	path, _ := clip(t)
	fds := openFDs(t)
	s, h := openHeld(t, path, Options{})
	h.RunJob()
	h.Close()
	h.Open(s)
	h.RunJob() // closes
	if got := openFDs(t); got != fds {
		t.Errorf("%d fds are open instead of %d", got, fds)
	}
	h.Turn()
	if h.Jobs() != 1 || len(h.Reports) > 0 {
		t.Errorf("%d jobs, want that of the second opening; %q", h.Jobs(), h.Reports)
	}
}

// TestLoopThatIsClosed runs a job to its end, and nothing after it.
func TestLoopThatIsClosed(t *testing.T) {
	path, _ := clip(t)
	fds := openFDs(t)
	_, h := openHeld(t, path, Options{})
	h.Close()
	h.Die()
	for h.Jobs() > 0 {
		h.RunJob()
	}
	if got := openFDs(t); got != fds {
		t.Errorf("%d fds are open instead of %d", got, fds)
	}
}

// TestSlowRates reads a picture shortly before it is due, so that it is the one that is there then.
func TestSlowRates(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	path := write(t, "pic.jpg", a)
	s, err := New(Options{Path: path, FramesPerSecond: 0.1, Loop: true})
	must(t, err)
	h := newHost(t)
	h.Open(s)
	defer h.Close()
	h.RunFor(10*time.Second - lead - 1)
	must(t, os.WriteFile(path, b, 0o600)) // in its place, of which nobody tells
	h.RunFor(lead + 1)
	if got := played(h); !equal(got, [][]byte{a, b}) || h.Frames[1].Captured != capturetest.Start+10*time.Second {
		t.Errorf("%d frames, want two, of which the second is new", len(got))
	}
}
