package fanout

import (
	"fmt"
	"testing"
)

// TestRuleOfThinning gives the rule reports, each at a second and with so many of 1000
// packets lost, and says after each what it has made of the level: "a", "b" and "c" are
// the parts of a trial of the step back.
func TestRuleOfThinning(t *testing.T) {
	type report struct {
		at   float64
		lost uint32
		want string
	}
	for _, c := range []struct {
		name    string
		reports []report
	}{
		{"no loss", []report{{0, 0, "0"}, {5, 0, "0"}, {60, 0, "0"}}},
		{"little loss", []report{{0, 9, "0"}, {5, 9, "0"}, {10, 9, "0"}}},
		{"one report", []report{{0, 1000, "0"}, {5, 0, "0"}, {10, 1000, "0"}, {15, 0, "0"}}},
		{"two reports", []report{{0, 10, "0"}, {5, 10, "1"}}},
		{"two reports, but within a second", []report{{0, 300, "0"}, {0.36, 300, "0"}, {0.72, 300, "0"}, {1.08, 300, "1"}}},
		{"two reports, a second apart", []report{{0, 300, "0"}, {1, 300, "1"}}},
		{"half", []report{{0, 500, "0"}, {5, 500, "2"}}},
		{"less than half", []report{{0, 500, "0"}, {5, 440, "1"}}},
		{"three quarters", []report{{0, 500, "0"}, {5, 750, "3"}}},
		{"no further than every 8th", []report{{0, 900, "0"}, {2, 900, "3"}, {4, 900, "3"}, {6, 900, "3"}}},
		{"further, as it has helped", []report{{0, 200, "0"}, {2, 200, "1"}, {4, 100, "1"}, {6, 100, "2"}}},
		{"no further, as it has not", []report{{0, 50, "0"}, {2, 50, "1"}, {4, 50, "1"}, {6, 50, "1"}, {8, 50, "1"}}},
		{"further, as so much is lost", []report{{0, 400, "0"}, {2, 400, "1"}, {4, 400, "1"}, {6, 400, "2"}}},
		{"further, as a quarter is lost", []report{{0, 250, "0"}, {2, 250, "1"}, {4, 250, "1"}, {6, 250, "2"}}},
		{"no further, as it has helped by a quarter and no more", []report{{0, 157, "0"}, {2, 157, "1"}, {4, 118, "1"}, {6, 118, "1"}}},
		{"further, for another reason", []report{{0, 50, "0"}, {2, 50, "1"}, {4, 0, "1"}, {6, 50, "1"}, {8, 50, "2"}}},
		{"back", []report{{0, 50, "0"}, {2, 50, "1"}, {11, 0, "1"}, {12, 0, "1a"}, {13, 0, "1b"}, {14, 0, "1c"}, {15, 0, "0"}, {16, 0, "0"}}},
		{"back by two", []report{{0, 500, "0"}, {2, 500, "2"}, {12, 0, "2a"}, {13, 0, "2b"}, {14, 0, "2c"},
			{18, 0, "1a"}, {19, 0, "1b"}, {20, 0, "1c"}, {21, 0, "0"}}},
		{"a trial that fails at once", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 0, "1a"}, {13, 20, "1"}, {42, 0, "1"}, {43, 0, "1a"}}},
		{"one that fails later", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 0, "1a"}, {13, 0, "1b"}, {14, 20, "1"}, {43, 0, "1"}, {44, 0, "1a"}, {45, 0, "1b"}, {46, 0, "0"}}},
		{"loss when a trial is due", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 50, "1"}, {13, 0, "1a"}}},
		{"a step back that does not stand", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 0, "1a"}, {13, 0, "1b"}, {14, 0, "1c"}, {15, 0, "0"}, {20, 50, "0"}, {22, 50, "1"},
			{32, 0, "1"}, {51, 0, "1"}, {52, 0, "1a"}}},
		{"one that stands for 30 s", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 0, "1a"}, {13, 0, "1b"}, {14, 0, "1c"}, {15, 0, "0"}, {43, 50, "0"}, {45, 50, "1"}, {55, 0, "1a"}}},
		{"one that does, and another trouble", []report{{0, 50, "0"}, {2, 50, "1"}, {12, 0, "1a"}, {13, 0, "1b"}, {14, 0, "1c"}, {15, 0, "0"}, {45, 0, "0"},
			{54, 50, "0"}, {56, 50, "1"}, {66, 0, "1a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, began := range []uint32{0, 1<<32 - 3000} { // the clock may wrap
				s := adapt(adaption{}, evidence{})
				for _, r := range c.reports {
					at := began + uint32(r.at*1000)
					s = adapt(adapt(s, evidence{at: at, sent: 1000, lost: r.lost}), evidence{at: at, lost: 5}) // the second is about nothing
					if got := fmt.Sprint(s.level) + []string{"", "a", "b", "c"}[s.part]; got != r.want {
						t.Fatalf("at %v s: %s, want %s (%+v)", r.at, got, r.want, s)
					}
				}
			}
		})
	}
}

// TestGapsOfLargeFrames has the rule hear of much loss, and then of frames that have become
// larger.
func TestGapsOfLargeFrames(t *testing.T) {
	for _, c := range []struct{ packets, larger, want, then uint32 }{
		{0, 0, 3, 3}, {22, 22, 3, 3}, {428, 428, 3, 3}, {429, 429, 2, 2}, {999, 999, 2, 2}, {1000, 1000, 1, 1},
		{2999, 2999, 1, 1}, {3000, 3000, 0, 0}, {100_000, 100_000, 0, 0}, {22, 500, 3, 2}, {22, 5000, 3, 0},
	} {
		s := adapt(adaption{}, evidence{at: 1000, sent: 1000, lost: 900, frame: c.packets})
		s = adapt(s, evidence{at: 3000, sent: 1000, lost: 900, frame: c.packets})
		if s.level != uint8(c.want) {
			t.Errorf("frames of %d packets: level %d, want %d", c.packets, s.level, c.want)
		}
		if s = adapt(s, evidence{at: 4000, sent: 1000, frame: c.larger}); s.level != uint8(c.then) {
			t.Errorf("then of %d: level %d, want %d", c.larger, s.level, c.then)
		}
	}
}

// TestTrialsGrow has each step back fail in one of the ways of a queue that had room for
// the trial.
func TestTrialsGrow(t *testing.T) {
	var s adaption
	at := uint32(0)
	hear := func(after, lost uint32) {
		at += after
		s = adapt(s, evidence{at: at, sent: 100, lost: lost})
	}
	hear(0, 10)
	hear(2000, 10)
	frames := trialFrames
	for round := range 2 * maxLength {
		if hear(laterTrial, 0); s.part != 1 || s.trialFrames(evidence{}) != frames {
			t.Fatalf("round %d: a trial of %d frames, want %d (%+v)", round, s.trialFrames(evidence{}), frames, s)
		}
		if hear(1000, 0); s.part != 2 || s.trialFrames(evidence{}) != min(partFactor*frames, maxTrial) {
			t.Fatalf("round %d: its second part has %d frames, after %d (%+v)", round, s.trialFrames(evidence{}), frames, s)
		}
		if round%2 == 0 {
			hear(1000, 10)
		} else { // when it was taken
			for s.part > 0 {
				hear(1000, 0)
			}
			hear(1000, 10)
			hear(2000, 10)
		}
		frames = min(2*frames, trialFrames<<maxLength)
	}
}

// slowLink is a link of some share of the stream's rate, with a queue, and a reader
// behind it that the rule is applied to: a model in frames of 22 packets, at 30 a second.
type slowLink struct {
	capacity float64 // packets per frame interval
	room     float64 // of the queue, in packets
	queued   float64
	s        adaption
	trial    int // frames left of a trial
	frames   int
	h        evidence // of the report to come
	// whole and spoiled frames since they were set to 0.
	whole, spoiled int
}

func (l *slowLink) level() uint8 {
	if l.trial > 0 {
		return l.s.tries()
	}
	return l.s.level
}

// frame lets a frame interval pass.
func (l *slowLink) frame() {
	const packets = 22
	if l.frames++; l.frames%(1<<l.level()) == 0 {
		lost := min(max(l.queued+packets-l.capacity-l.room, 0), packets)
		l.queued += packets - lost
		l.h.sent += packets
		l.h.lost += uint32(lost + 0.5)
		if lost > 0.5 {
			l.spoiled++
		} else {
			l.whole++
		}
	}
	l.trial = max(l.trial-1, 0)
	l.queued = max(l.queued-l.capacity, 0)
}

// run lets some seconds pass, with a report each interval.
func (l *slowLink) run(seconds, interval float64) {
	for end := l.frames + int(30*seconds); l.frames < end; {
		l.frame()
		if l.frames%int(interval*30) > 0 || l.trial > 0 && !l.h.lossy() {
			continue
		}
		was := l.s
		l.h.at = uint32(l.frames * 1000 / 30)
		l.s = adapt(l.s, l.h)
		l.h = evidence{}
		switch l.s.part {
		case was.part:
		case 0:
			l.trial = 0
		default:
			l.trial = l.s.trialFrames(evidence{})
		}
	}
}

// TestThinningSettles has links of all rates and reports of all intervals come to rest:
// few frames are lost from then on, and the reader is back at the full rate a minute
// after the link is. A rate just below one that is tried is the hardest, as it takes long
// to show.
func TestThinningSettles(t *testing.T) {
	const ample = 1000
	sum, count := 0.0, 0.0
	for _, interval := range []float64{0.5, 1, 2.5, 5, 6} {
		for _, room := range []float64{32, 64, 200} {
			for percent := 14; percent < 100; percent += 2 {
				l := slowLink{capacity: 22 * float64(percent) / 100, room: room}
				l.run(120, interval)
				l.whole, l.spoiled = 0, 0
				l.run(300, interval)
				lost := 100 * float64(l.spoiled) / float64(l.spoiled+l.whole)
				what := fmt.Sprintf("reports each %.1f s, queue of %.0f packets, %d %% of the rate: every %d. frame, of which %.1f %% are lost",
					interval, room, percent, 1<<l.s.level, lost)
				sum, count = sum+lost, count+1
				if lost > 40 || percent == 50 && lost > 7 {
					t.Error("too many: " + what)
				}
				l.capacity = ample
				l.run(60, interval)
				if percent < 30 { // from every 8th frame it takes longer
					l.run(30, interval)
				}
				if l.s.level > 0 {
					t.Errorf("%s: it is still thinned long after: %+v", what, l.s)
				}
			}
		}
	}
	if sum/count > 5 {
		t.Errorf("%.1f %% are lost on average", sum/count)
	}
}

// TestHalfTheRate is a link of half the stream's rate with a queue of 64 packets: under 2 %
// of the frames are lost after 15 s, and the full rate is back within a minute. With reports
// more than a second apart it is a bit more, until the trials have the right length.
func TestHalfTheRate(t *testing.T) {
	for _, interval := range []float64{0.4, 0.5, 1, 2.5, 5, 6} {
		l := slowLink{capacity: 11, room: 64}
		l.run(15, interval)
		l.whole, l.spoiled = 0, 0
		l.run(90, interval)
		if lost := 100 * float64(l.spoiled) / float64(l.spoiled+l.whole); lost >= 2.5 || interval <= 1 && lost >= 2 || l.s.level == 0 {
			t.Errorf("reports each %v s: %.1f %% of the frames are lost, %+v", interval, lost, l.s)
		}
		l.capacity = 1000
		l.run(max(60, 11*interval), interval)
		if l.s.level > 0 {
			t.Errorf("reports each %v s: still thinned after a minute, %+v", interval, l.s)
		}
	}
}
