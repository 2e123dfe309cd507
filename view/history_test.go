package view_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// film is a history that is fed a picture each interval, whose text is its number.
type film struct {
	*view.History
	now    time.Duration
	number int
	seen   []string
}

func newFilm(span time.Duration, bytes int) *film {
	return &film{History: view.NewHistory(span, bytes)}
}

// run has time pass, and takes what is shown at once.
func (f *film) run(d time.Duration) {
	for end := f.now + d; f.now < end; {
		next := time.Duration(f.number) * interval
		if at, ok := f.Next(); ok && at < next {
			next = max(at, f.now)
		}
		if next >= end {
			f.now = end
			break
		}
		f.now = next
		if next == time.Duration(f.number)*interval {
			f.Add(f.now, view.Frame{Format: media.JPEG, Bytes: fmt.Append(nil, f.number)})
			f.number++
		}
		f.look()
	}
}

func (f *film) look() {
	for {
		p, ok := f.Pop(f.now)
		if !ok {
			return
		}
		f.seen = append(f.seen, string(p[len(p)-1].Bytes))
	}
}

// take returns what was shown since.
func (f *film) take() string {
	s := fmt.Sprint(f.seen)
	f.seen = nil
	return s
}

func TestHistoryLive(t *testing.T) {
	f := newFilm(time.Second, 1<<20)
	f.Seek(0, -time.Second) // nothing there yet
	f.Step(0, -1)
	f.run(4 * interval)
	if got := f.take(); got != "[0 1 2 3]" || f.Behind() != 0 {
		t.Errorf("%s, %v behind", got, f.Behind())
	}
}

func TestHistoryBackAndForth(t *testing.T) {
	f := newFilm(10*time.Second, 1<<20)
	f.run(100 * interval)
	f.take()
	f.Seek(f.now, -20*interval) // shown was 99
	f.look()
	if got := f.take(); got != "[79]" || f.Behind() != 20*interval {
		t.Errorf("20 pictures back: %s, %v behind", got, f.Behind())
	}
	f.run(3 * interval)
	if got := f.take(); got != "[80 81]" && got != "[80 81 82]" {
		t.Errorf("it does not go on: %s", got)
	}
	shown := f.number - 1 - int(f.Behind()/interval)
	f.Seek(f.now, 5*interval)
	f.look()
	if got := f.take(); got != fmt.Sprintf("[%d]", shown+5) {
		t.Errorf("5 pictures forth from %d: %s", shown, got)
	}
	f.Seek(f.now, time.Minute)
	f.look()
	if got := f.take(); got != fmt.Sprintf("[%d]", f.number-1) || f.Behind() != 0 {
		t.Errorf("beyond the newest: %s", got)
	}
	f.run(2 * interval)
	if f.Behind() != 0 || len(f.seen) != 2 {
		t.Errorf("live again: %v, %v behind", f.seen, f.Behind())
	}
}

func TestHistoryPause(t *testing.T) {
	f := newFilm(10*time.Second, 1<<20)
	f.run(50 * interval)
	f.take()
	f.Pause()
	f.run(10 * interval)
	if got := f.take(); got != "[]" || !f.Paused() || f.Behind() != 10*interval {
		t.Errorf("paused: %s, %v behind", got, f.Behind())
	}
	f.Step(f.now, -1)
	f.Step(f.now, -1)
	f.look()
	f.Step(f.now, 1)
	f.look()
	if got := f.take(); got != "[47 48]" {
		t.Errorf("two steps back, one forth: %s", got)
	}
	f.Seek(f.now, -10*interval)
	f.look()
	if got := f.take(); got != "[38]" || !f.Paused() {
		t.Errorf("back while paused: %s", got)
	}
	f.Resume(f.now)
	f.run(3 * interval)
	if got := f.take(); got != "[39 40]" && got != "[39 40 41]" {
		t.Errorf("resumed: %s", got)
	}
	f.Live()
	f.look()
	if got := f.take(); got != fmt.Sprintf("[%d]", f.number-1) {
		t.Errorf("live: %s", got)
	}
}

// TestHistoryForgets stays paused until the picture shown is too old to be kept.
func TestHistoryForgets(t *testing.T) {
	for name, f := range map[string]*film{
		"by time":  newFilm(20*interval, 1<<20),
		"by bytes": newFilm(time.Hour, 42), // 21 pictures of two bytes
	} {
		f.run(50 * interval)
		f.take()
		f.Pause()
		f.run(21 * interval)
		if got := f.take(); got != "[50]" {
			t.Errorf("%s: %s when the picture shown is forgotten, want the oldest", name, got)
		}
		f.Seek(f.now, -time.Hour)
		f.look()
		if got := f.take(); got != "[50]" {
			t.Errorf("%s: the oldest is %s", name, got)
		}
	}
}

func TestHistoryAllocatesNothing(t *testing.T) {
	h := view.NewHistory(10*interval, 1<<20)
	picture := make([]byte, 1000)
	n := 0
	round := func() {
		for range 50 {
			h.Add(time.Duration(n)*interval, view.Frame{Format: media.JPEG, Bytes: picture})
			h.Pop(time.Duration(n) * interval)
			n++
		}
	}
	round()
	if allocs := testing.AllocsPerRun(5, round); allocs != 0 {
		t.Errorf("%v allocations for 50 pictures, want 0", allocs)
	}
}

func TestClock(t *testing.T) {
	var c view.Clock
	if _, ok := c.At(5); ok {
		t.Error("a time without a report")
	}
	wall := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c.Report(wall, 1<<32-90000)
	for ticks, want := range map[uint32]time.Duration{1<<32 - 90000: 0, 0: time.Second, 45000: 1500 * time.Millisecond, 1<<32 - 180000: -time.Second} {
		if at, ok := c.At(ticks); !ok || at.Sub(wall) != want {
			t.Errorf("timestamp %d is %v after the report, want %v", ticks, at.Sub(wall), want)
		}
	}
}
