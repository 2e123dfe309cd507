package fanout

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
)

// TestMovesAtRandom has readers move between all levels and rest at any time, beside a socket
// that is full now and then, and frames that come faster than they can be sent: nobody gets half
// a frame, one twice, one out of order, or one without those it depends on. What is counted of
// each is what it got.
func TestMovesAtRandom(t *testing.T) {
	for seed := range uint64(200) {
		format, levels := media.JPEG, thinLevels
		if seed%2 == 1 {
			format, levels = media.H264, keysLevel+1
		}
		h := newSimHall(t, seed, format, sim.WithCosts(sim.Costs{Message: 300 * time.Microsecond}))
		random := rand.New(rand.NewPCG(seed, 4))
		h.fanout.SetPace(10*time.Millisecond, 7*time.Millisecond)
		var here []*visitor
		gone := map[*visitor]int{}
		for step := range 600 {
			h.run(time.Duration(random.IntN(4)) * time.Millisecond)
			if random.IntN(3) == 0 {
				h.disposable = format == media.H264 && random.IntN(3) == 0
				h.open, h.leading = format == media.H264 && random.IntN(2) == 0, random.IntN(3) > 0
				h.frame(format == media.JPEG || random.IntN(6) == 0)
			}
			switch n := random.IntN(60); {
			case n < 2 && len(here) < 12:
				here = append(here, h.enters(fmt.Sprint("seed ", seed, " reader ", step)))
			case len(here) == 0:
			case n == 2:
				i := random.IntN(len(here))
				here[i].Leave()
				gone[here[i]] = len(here[i].whole)
				here = append(here[:i], here[i+1:]...)
			case n < 20:
				here[random.IntN(len(here))].moveTo(uint8(random.IntN(levels)))
			case n < 24:
				here[random.IntN(len(here))].Rest(random.IntN(2) == 0)
			case n == 24 && random.IntN(3) == 0:
				h.fill()
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
		h.run(time.Second)
		for _, v := range here {
			if v.half > 0 || v.Frames() != uint64(len(v.whole)) {
				t.Errorf("%s: %d frames are counted, %d came, and half of %d", v.name, v.Frames(), len(v.whole), v.half)
			}
		}
		for v, had := range gone {
			if len(v.whole) > had+1 {
				t.Errorf("%s has left, and was sent %d more frames", v.name, len(v.whole)-had)
			}
		}
	}
}

// TestBackAfterAKeyFrame has the only reader of a stream of groups be thinned, and get all frames
// again when it has just had a key frame: it need not wait for the next.
func TestBackAfterAKeyFrame(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	v := h.enters("reader")
	h.frames("Kd")
	v.moveTo(keysLevel)
	h.frames("ddKd")
	if v.moveTo(0); v.group.level != keysLevel {
		t.Error("it goes on in the middle of a group")
	}
	v.moveTo(keysLevel)
	h.frames("dK")
	if v.moveTo(0); v.group.level != 0 {
		t.Error("it waits for the next key frame")
	}
	h.frames("ddd")
	v.counts(2+1+1+3, 0)
}

// TestOpenGroups has readers come, come back and be caught up where groups are open: nobody is sent the
// frames that lead to the key frame that it has begun with, and all others are.
func TestOpenGroups(t *testing.T) {
	h := newSimHall(t, 1, media.H265)
	h.frames("Kd")
	first := h.enters("first")
	h.frames("Oll")
	first.counts(1, 0)
	h.frames("d")
	second, thinned := h.enters("second"), h.enters("thinned")
	h.frames("dOlldd")
	thinned.moveTo(keysLevel)
	h.frames("dO")
	thinned.moveTo(0)
	h.frames("lldd")
	late := h.enters("late")
	if _, ok := late.CatchUp(); !ok {
		t.Error("it is not caught up")
	}
	h.frames("dd")
	first.counts(18-2, 0)
	second.counts(13-2, 0)
	thinned.counts(3+1+4, 0)
	late.counts(5, 0)
}

// TestOpenKeyFrameOfTheOnlyReader has a reader come to an empty level with an open key frame, where it was
// caught up or has had fewer frames, and all that those need which lead to that one: it is sent these.
func TestOpenKeyFrameOfTheOnlyReader(t *testing.T) {
	h := newSimHall(t, 1, media.H265)
	h.frames("KdOl")
	v := h.enters("reader")
	if _, ok := v.CatchUp(); !ok {
		t.Fatal("it is not caught up")
	}
	h.frames("l") // which lead to the key frame that it has begun with
	v.counts(1, 0)
	h.frames("Oll")
	v.counts(4, 0)
	for _, level := range []uint8{neededLevel, 0} {
		if v.moveTo(level); v.group.level == level {
			t.Error("it moves among frames that lead to a key frame")
		}
		h.frames("Oll")
		if v.group.level != level {
			t.Errorf("it has level %d, want %d", v.group.level, level)
		}
	}
	v.counts(10, 0)
}

// TestAtOnceBack has a reader be thinned and not, between two frames: it misses none.
func TestAtOnceBack(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	v, other := h.enters("reader"), h.enters("other")
	h.frames("Kd")
	v.moveTo(keysLevel)
	v.moveTo(0)
	h.frames("dd")
	v.counts(4, 0)
	other.counts(4, 0)
}

// TestFrameTwice moves a reader from level to level faster than these send: it does not get a
// frame again that it has had at the first of them.
func TestFrameTwice(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	for level := range uint8(thinLevels) {
		h.enters(fmt.Sprint("level ", level)).moveTo(level)
	}
	v := h.enters("reader")
	h.frames("KKKKKKKK") // all levels have had frame 8
	second := h.group(1)
	second.sweep.Waiting = true // as if its socket were full: only level 0 has frame 10
	h.frames("KK")
	v.moveTo(3)
	v.moveTo(1)
	second.sweep.Resume()
	h.frames("KKKK")
	if v.half > 0 || v.Frames() != uint64(len(v.whole)) {
		t.Errorf("%d frames are counted, %v came", v.Frames(), v.whole)
	}
}

// TestRestBehindASlowSweep has a reader rest and go on while the sweep it comes back to is behind:
// what was counted as missed is not sent after all.
func TestRestBehindASlowSweep(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	v, other := h.enters("reader"), h.enters("other")
	h.frames("K")
	behind := h.group(0).sweep
	behind.Waiting = true // as if its socket were full
	v.Rest(true)
	h.frames("KK")
	v.Rest(false)
	behind.Resume()
	h.frames("KK")
	v.counts(3, 2)
	other.counts(5, 0)
}

// group finds the group of a level.
func (h *simHall) group(level uint8) *group {
	for _, g := range h.fanout.groups {
		if g.level == level {
			return g
		}
	}
	return nil
}

// thin has a reader report loss so that it is thinned, and returns the time then.
func (v *visitor) thin(lost uint32) (at uint32) {
	v.thinning = &thinning{}
	v.adapt(evidence{at: 0, sent: 1000, lost: lost, dependent: v.group.fanout.dependent()})
	v.adapt(evidence{at: 2000, sent: 1000, lost: lost, dependent: v.group.fanout.dependent()})
	return 2000
}

// TestFailedTrialDoesNotEndTheNext has a trial be broken off by a report, and a longer one begin
// before the first would have ended: it lasts its time.
func TestFailedTrialDoesNotEndTheNext(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	v := h.enters("reader")
	h.frames("K")
	at := v.thin(50)
	at += firstTrial
	v.adapt(evidence{at: at, sent: 1000})
	firstEnd := v.thinning.trialEnd
	for _, lost := range []uint32{50, 900, 900, 0} { // it fails, the reader is thinned to every 8th frame
		v.adapt(evidence{at: at, sent: 1000, lost: lost})
		at += laterTrial / 2
	}
	secondEnd := v.thinning.trialEnd
	if !v.thinning.trying || v.thinning.level != 3 || secondEnd <= firstEnd {
		t.Fatalf("%+v", v.thinning)
	}
	for h.ring.Newest() < secondEnd {
		if h.frames("K"); !v.thinning.trying {
			t.Fatalf("the trial ends at frame %d, want %d, as the one before would have ended at %d", h.ring.Newest(), secondEnd, firstEnd)
		}
	}
	if h.frames("KK"); v.thinning.trying {
		t.Error("the trial does not end")
	}
}

// TestTrialWaitsForItsKeyFrame has a trial of all frames be due in the middle of a long group: it
// begins with the next key frame, and goes on to the end of that group.
func TestTrialWaitsForItsKeyFrame(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	v, other := h.enters("reader"), h.enters("other")
	h.frames("Kdd")
	at := v.thin(50)
	h.frames("dd")
	v.adapt(evidence{at: at + firstTrial, sent: 1000, dependent: true})
	had := len(v.whole)
	h.frames("dddddddddddddddddddddd")
	if len(v.whole) != had || !v.thinning.trying {
		t.Fatalf("it gets frames %v; the trial is still to come: %v", v.whole[had:], v.thinning.trying)
	}
	h.frames("Kddddddddd")
	if got := len(v.whole) - had; got != 10 || !v.thinning.trying {
		t.Errorf("the trial has %d frames of a group, want all 10; it is on: %v", got, v.thinning.trying)
	}
	h.frames("Kdd")
	if got := len(v.whole) - had; got != 11 || v.thinning.trying || v.group.level != keysLevel {
		t.Errorf("then it has had %d frames, want 11; the trial is on: %v", got, v.thinning.trying)
	}
	other.counts(h.ring.Newest(), 0)
}
