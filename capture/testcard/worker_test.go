package testcard

import (
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/capture/capturetest"
)

// TestSlowWorker has the worker take longer than an interval: the loop draws nothing, the newest
// frame waits, and those that it replaces are counted.
func TestSlowWorker(t *testing.T) {
	s, h := newSource(t, Options{FramesPerSecond: 100, Width: 320, Height: 240}), capturetest.NewHost(t)
	h.HoldJobs = true
	h.Open(s)
	h.RunFor(35 * time.Millisecond)
	if h.Jobs() != 1 || len(h.Frames) > 0 {
		t.Fatalf("%d jobs, %d frames while the first is drawn; want 1 and none", h.Jobs(), len(h.Frames))
	}
	h.RunJob()
	h.Turn()
	h.RunJob()
	h.Turn()
	if got, want := s.Figures(), (capture.Figures{Frames: 2, Skipped: 2}); got != want || h.Jobs() != 0 {
		t.Errorf("%+v, %d jobs; want %+v", got, h.Jobs(), want)
	}
	for i, want := range []int{1, 4} {
		due := time.Duration(want-1) * 10 * time.Millisecond
		_, number, wall := decode(t, h.Frames[i])
		if int(number) != want || h.Frames[i].Captured != capturetest.Start+due || !wall.Equal(capturetest.WallStart.Add(due)) {
			t.Errorf("frame %d is number %d, captured at %v, drawn at %v", i, number, h.Frames[i].Captured, wall)
		}
	}
	h.Close()
}

// TestClosedWhileDrawing closes the card while a frame is drawn, and opens it again: what the job
// has drawn is not delivered, and its picture is not that of the new one.
func TestClosedWhileDrawing(t *testing.T) {
	s, h := newSource(t, Options{FramesPerSecond: 100, Width: 320, Height: 240}), capturetest.NewHost(t)
	h.HoldJobs = true
	h.Open(s)
	h.RunFor(25 * time.Millisecond)
	h.Close()
	h.Open(s)
	h.Turn()
	h.RunJob() // of the first opening
	h.Turn()
	if len(h.Frames) > 0 {
		t.Error("a frame comes that was begun before Close")
	}
	h.RunJob()
	h.Turn()
	if len(h.Frames) != 1 || !slices.Equal(h.Reports, []string{"live", "live"}) {
		t.Fatalf("%d frames, %q", len(h.Frames), h.Reports)
	}
	if _, number, _ := decode(t, h.Frames[0]); number != 4 {
		t.Errorf("number %d, want 4", number)
	}
	if got, want := s.Figures(), (capture.Figures{Frames: 1, Skipped: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	h.Close()
}
