package sending

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// newSweeps makes those of an empty ring on a simulated kernel, with a log.
func newSweeps() (*Sweeps, *bytes.Buffer) {
	l, log := loop.NewOn(sim.New(1)), new(bytes.Buffer)
	return &Sweeps{
		Loop: l, Budget: l.NewBudget(4 * time.Millisecond), Ring: ring.New(ring.Limits{Frames: 5}),
		Log: slog.New(slog.NewTextHandler(log, nil)), Figures: new(Figures),
	}, log
}

// turns is a Sender that sends nothing, and counts what it is told.
type turns struct {
	Sweep
	wasSkipped             bool
	skipped, givenUp, sent int
}

func (u *turns) Policy() ring.Policy { return ring.Policy{Step: 1} }
func (u *turns) Begin() bool         { u.sent++; return false }
func (u *turns) SendBurst() bool     { return true }
func (u *turns) Finish()             { u.Done() }
func (u *turns) WasSkipped() bool    { return u.wasSkipped }
func (u *turns) Skip(error)          { u.skipped++ }
func (u *turns) GiveUp()             { u.givenUp++ }
func (u *turns) congestedAt(ms int64) bool {
	u.Now = time.Duration(ms) * time.Millisecond
	return u.GoOn(udp.Congested)
}

func newTurns(t *testing.T, s *Sweeps) *turns {
	t.Helper()
	socket, err := udp.Open(s.Loop, netip.MustParseAddrPort("192.0.2.1:5004"), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	u := new(turns)
	u.Init(s, socket, u)
	return u
}

// TestCongestion has queues behind the socket be full: a frame waits for one reader, for 30 ms, and then for none.
func TestCongestion(t *testing.T) {
	s, _ := newSweeps()
	u := newTurns(t, s)
	for i, c := range []struct {
		ms         int64
		wasSkipped bool
		sent       bool // something, since
		skips      bool
	}{
		{ms: 1000},
		{ms: 1029},
		{ms: 1029, sent: true}, // the next one's queue
		{ms: 1058},
		{ms: 1058, wasSkipped: true, sent: true, skips: true}, // it has not been waited for
		{ms: 1058},
		{ms: 1087},
		{ms: 1088, skips: true},
		{ms: 1088, skips: true}, // the frame has waited once
	} {
		if c.sent {
			u.stuck = stuck{}
		}
		u.wasSkipped = c.wasSkipped
		if skips := u.congestedAt(c.ms); skips != c.skips {
			t.Errorf("step %d, at %d ms: a reader is skipped: %v", i, c.ms, skips)
		}
	}
	u.impatient = false // as Take does
	if u.congestedAt(1089) {
		t.Error("the next frame does not wait")
	}
}

// TestBrokenSocket has a socket break: that is logged once.
func TestBrokenSocket(t *testing.T) {
	s, log := newSweeps()
	u := newTurns(t, s)
	for range 3 {
		if u.GoOn(udp.Broken) {
			t.Error("it goes on")
		}
	}
	if lines := bytes.Count(log.Bytes(), []byte("\n")); u.givenUp != 3 || lines != 1 {
		t.Errorf("%d frames are given up, and %d lines are logged", u.givenUp, lines)
	}
}

// TestSweepStops has a sweep be stopped while it waits: it sends nothing any more.
func TestSweepStops(t *testing.T) {
	s, _ := newSweeps()
	u := newTurns(t, s)
	u.NewFrame()
	u.GoOn(udp.Congested)
	if !u.Stop() || u.Stop() {
		t.Error("the first time is not told from the second")
	}
	u.NewFrame()
	u.Resume()
	if err := sim.RunFor(s.Loop, time.Second); err != nil || u.sent != 1 {
		t.Errorf("it was to begin %d times, want 1: %v", u.sent, err)
	}
}

// TestCatchingTakesTurns has readers be sent 32 packets each in 4 ms, of whom some leave, pause or cannot go on.
func TestCatchingTakesTurns(t *testing.T) {
	s, _ := newSweeps()
	var k Catching[string, int]
	var order []string
	k.Init(s, func(c *Catcher[string, int]) {
		order = append(order, c.Reader)
		switch c.Own++; {
		case c.Reader == "leaves" && c.Own == 2:
			k.Remove("gone with it")
			k.Remove("leaves")
		case c.Reader == "is full" && c.Own < 3:
			if k.After(c, udp.Full) || c.Broken {
				t.Error("a full socket is no outcome")
			}
		case c.Reader == "breaks" && c.Own == 2:
			if k.After(c, udp.Broken) || !c.Broken {
				t.Error("it goes on")
			}
		case k.After(c, udp.Done):
			if whole := k.Sent(c, 32, 2); whole != (c.Own%2 == 0) {
				t.Errorf("%s: run %d ends a frame: %v", c.Reader, c.Own, whole)
			}
			c.Run %= 2
		}
	})
	names := []string{"gone with it", "leaves", "breaks", "is full", "stays"}
	for _, name := range names {
		k.Add(name, s.Ring.NewCursor(), 0)
	}
	k.Remove("is not there")
	if err := sim.RunFor(s.Loop, 19*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if k.Of("leaves") != nil || k.Of("stays") == nil {
		t.Error("another one has left")
	}
	for name, want := range map[string]int{"gone with it": 1, "leaves": 2, "breaks": 2, "is full": 6, "stays": 5} {
		if n := len(order) - len(slices.DeleteFunc(slices.Clone(order), func(o string) bool { return o == name })); n != want {
			t.Errorf("%s had %d turns, want %d: %q", name, n, want, order)
		}
	}
	order = nil
	k.Stop()
	k.Do()
	if err := sim.RunFor(s.Loop, time.Second); err != nil || len(order) > 0 {
		t.Errorf("%q are sent something when all is stopped: %v", order, err)
	}
}

// TestCatchingIsCongested has a reader's queue be full for 30 ms, and another one's only now and then. A socket may be full for
// as long as it is.
func TestCatchingIsCongested(t *testing.T) {
	s, _ := newSweeps()
	var k Catching[string, int]
	k.Init(s, func(c *Catcher[string, int]) {
		c.Own++
		outcome := udp.Congested
		switch {
		case c.Reader == "a full socket":
			outcome = udp.Full
		case c.Reader == "now and then" && c.Own%10 == 0:
			outcome = udp.Done
		}
		k.After(c, outcome)
	})
	for _, name := range []string{"always", "now and then", "a full socket"} {
		k.Add(name, s.Ring.NewCursor(), 0)
	}
	if err := sim.RunFor(s.Loop, 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if c := k.Of("always"); !c.Broken || c.Own != 16 {
		t.Errorf("it cannot go on: %v, after %d tries", c.Broken, c.Own)
	}
	for _, name := range []string{"now and then", "a full socket"} {
		if k.Of(name).Broken {
			t.Errorf("%s: it cannot go on", name)
		}
	}
}

// gone is a reader whose observer ends all others.
type gone struct {
	sweeps *Sweeps
	others []*gone
	left   bool
	told   int
}

func (g *gone) Gone() bool { return g.left }

func (g *gone) Lost(error) {
	g.told++
	g.left = true
	for _, other := range g.others {
		other.left = true
	}
	g.sweeps.TellLost()
}

// TestTellLost has two readers be lost, the observer of one of which has the other leave.
func TestTellLost(t *testing.T) {
	s, _ := newSweeps()
	first, second := &gone{sweeps: s}, &gone{sweeps: s}
	second.others = []*gone{first}
	s.Lose(first, first, errors.New("a fault"))
	s.Lose(second, second, errors.New("a fault"))
	s.TellLost()
	if first.told != 0 || second.told != 1 || len(s.lost) != 0 {
		t.Errorf("told %d and %d times, want 0 and 1", first.told, second.told)
	}
}

// TestIsLost has frames in a row be refused for a time.
func TestIsLost(t *testing.T) {
	for _, c := range []struct {
		frames, since, now uint32
		want               bool
	}{
		{3, 1000, 6000, true}, {2, 1000, 9000, false}, {3, 1000, 5999, false}, {9, 1<<32 - 1000, 4000, true},
	} {
		if got := IsLost(c.frames, c.since, c.now); got != c.want {
			t.Errorf("%d frames since %d, at %d: %v", c.frames, c.since, c.now, got)
		}
	}
}
