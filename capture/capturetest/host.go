// Package capturetest has a Host for the tests of sources. Its clock is virtual and moves
// only when the test says so. It records what the source reports, and fails the test if
// the source breaks the contract of package capture.
package capturetest

import (
	"bytes"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// Start is the reading of a new Host's clock, and WallStart the time of day then. Start
// is not 0, so that code which takes 0 for "never" fails.
const Start = 1000 * time.Second

// WallStart is the time of day at Start.
var WallStart = time.Date(2026, time.November, 23, 12, 34, 56, 789_000_000, time.UTC)

// maxIdleTurns is how many turns may pass in a row without the clock moving.
const maxIdleTurns = 10_000

// Host is a capture.Host for tests. All its methods but Post belong to the test's
// goroutine.
type Host struct {
	// Frames are the frames so far, with bytes of their own. Reports are the other
	// reports: "live", "lost: " and "failed: " with the error, "ended".
	Frames  []media.Frame
	Reports []string
	// OnFrame and OnReport are called within each report, after it was recorded. They may
	// close the source and open it again. The bytes of OnFrame's frame are the source's.
	OnFrame  func(f media.Frame)
	OnReport func(report string)
	// Readable says which of the watched fds are readable.
	Readable func(fd int) bool
	// FailWatch is the error of Watch.
	FailWatch error
	// CodeJobs is how many jobs were given to Code.
	CodeJobs int
	// HoldJobs has jobs wait for RunJob. Without it they run at once.
	HoldJobs bool

	t      testing.TB
	source capture.Source // nil: closed
	inOpen bool
	live   bool
	over   bool // Lost, Failed or Ended was reported
	params *media.Params

	now     time.Duration
	idle    int // turns since the clock has moved
	timers  []*timer
	sets    uint64
	watches []*watch
	jobs    []func() func()
	posted  atomic.Pointer[post] // the newest first
	isDead  atomic.Bool
}

// NewHost makes a Host whose clock stands at Start.
func NewHost(t testing.TB) *Host { return &Host{t: t, now: Start} }

// Open opens a source on the Host.
func (h *Host) Open(s capture.Source) { h.OpenOn(h, s) }

// OpenOn opens a source on another Host that has this one embedded.
func (h *Host) OpenOn(other capture.Host, s capture.Source) {
	h.source, h.live, h.over, h.inOpen = s, false, false, true
	s.Open(other)
	h.inOpen = false
}

// Close closes the source. Whatever it reports afterwards fails the test.
func (h *Host) Close() {
	h.t.Helper()
	if h.source == nil {
		return
	}
	s := h.source
	h.source = nil
	if err := s.Close(); err != nil {
		h.t.Errorf("close: %v", err)
	}
}

// Now is the virtual time.
func (h *Host) Now() time.Duration { return h.now }

// Wall is the virtual time of day.
func (h *Host) Wall() time.Time { return WallStart.Add(h.now - Start) }

// Stall moves the clock as if the loop had been busy: nothing runs meanwhile.
func (h *Host) Stall(d time.Duration) { h.now += d }

// RunFor turns until d has passed and nothing more is due.
func (h *Host) RunFor(d time.Duration) {
	h.t.Helper()
	end := h.now + d
	for h.turn(end) {
	}
	if end > h.now {
		h.now, h.idle = end, 0
	}
}

// Turn runs what is due now, once, and does not move the clock.
func (h *Host) Turn() {
	h.t.Helper()
	h.turn(h.now)
}

// turn moves the clock to what is due next, at most to end, and runs it as package loop
// does: fds, timers, posted functions. It returns false if nothing is due until end.
func (h *Host) turn(end time.Duration) bool {
	h.t.Helper()
	fds := h.readable()
	if len(fds) == 0 && h.posted.Load() == nil {
		next := h.next()
		if next == nil || next.due > end {
			return false
		}
		if next.due > h.now {
			h.now, h.idle = next.due, 0
		}
	}
	if h.idle++; h.idle > maxIdleTurns {
		h.t.Fatalf("the source spins: %d turns at %v", h.idle, h.now)
	}
	sets := h.sets
	for _, w := range fds {
		if !w.stopped {
			w.ready()
		}
	}
	for {
		t := h.next()
		if t == nil || t.due > h.now || t.order > sets {
			break
		}
		t.Stop()
		t.f()
	}
	h.runPosted()
	return true
}

// Live records the report.
func (h *Host) Live() {
	h.t.Helper()
	if h.live {
		h.t.Error("Live is reported twice")
	}
	h.live = true
	if h.source != nil {
		h.checkParams(h.source.Describe().Params)
	}
	h.check("live")
	h.record("live")
}

// Frame records the frame.
func (h *Host) Frame(f media.Frame) {
	h.t.Helper()
	h.check("a frame")
	if !h.live {
		h.t.Error("a frame comes before Live")
	}
	h.checkParams(f.Params)
	if h.source != nil && h.source.Describe().Params != f.Params {
		h.t.Error("the frame's Params are not those of Describe")
	}
	kept := f
	kept.Bytes = bytes.Clone(f.Bytes)
	h.Frames = append(h.Frames, kept)
	if h.OnFrame != nil {
		h.OnFrame(f)
	}
}

// Lost records the report.
func (h *Host) Lost(err error) { h.t.Helper(); h.end("lost: " + err.Error()) }

// Failed records the report.
func (h *Host) Failed(err error) { h.t.Helper(); h.end("failed: " + err.Error()) }

// Ended records the report.
func (h *Host) Ended() { h.t.Helper(); h.end("ended") }

func (h *Host) end(report string) {
	h.t.Helper()
	h.check(report)
	h.over = true
	h.record(report)
}

func (h *Host) record(report string) {
	h.Reports = append(h.Reports, report)
	if h.OnReport != nil {
		h.OnReport(report)
	}
}

// check wants the source to be open, and not to have told its end.
func (h *Host) check(report string) {
	h.t.Helper()
	switch {
	case h.source == nil:
		h.t.Errorf("%s is reported after Close", report)
	case h.inOpen:
		h.t.Errorf("%s is reported before Open has returned", report)
	case h.over:
		h.t.Errorf("%s is reported after %q", report, h.Reports)
	}
}

// checkParams wants Params that stay the same, or new ones with a higher version.
func (h *Host) checkParams(p *media.Params) {
	h.t.Helper()
	switch {
	case p == nil:
		h.t.Error("there are no Params")
	case h.params != nil && p != h.params && p.Version <= h.params.Version:
		h.t.Errorf("other Params of version %d after version %d", p.Version, h.params.Version)
	}
	h.params = p
}

// Work runs a job at once, or keeps it for RunJob. What it returns runs in the next turn.
func (h *Host) Work(job func() func()) {
	h.jobs = append(h.jobs, job)
	if !h.HoldJobs {
		h.RunJob()
	}
}

// Code does what Work does.
func (h *Host) Code(job func() func()) {
	h.CodeJobs++
	h.Work(job)
}

// Jobs is how many jobs wait for RunJob.
func (h *Host) Jobs() int { return len(h.jobs) }

// RunJob runs the job that has waited longest.
func (h *Host) RunJob() {
	h.t.Helper()
	if len(h.jobs) == 0 {
		h.t.Fatal("no job waits")
	}
	job := h.jobs[0]
	h.jobs = h.jobs[1:]
	if done := job(); done != nil {
		_ = h.Post(done) // as a loop that is closed
	}
}

type post struct {
	f    func()
	next *post
}

var errDead = errors.New("the loop is closed")

// Post has f run in the next turn. Any goroutine may call it.
func (h *Host) Post(f func()) error {
	if h.isDead.Load() {
		return errDead
	}
	p := &post{f: f}
	for {
		p.next = h.posted.Load()
		if h.posted.CompareAndSwap(p.next, p) {
			return nil
		}
	}
}

// Die has Post fail from now on, as that of a loop that was closed.
func (h *Host) Die() { h.isDead.Store(true) }

func (h *Host) runPosted() {
	var functions []func()
	for p := h.posted.Swap(nil); p != nil; p = p.next {
		functions = append(functions, p.f)
	}
	for _, f := range slices.Backward(functions) {
		f()
	}
}
