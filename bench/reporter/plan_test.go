package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/measure"
)

// TestTake has steps that succeed at once, at the second attempt and never, and one that is not
// for this machine.
func TestTake(t *testing.T) {
	broken := errors.New("the readers have ended")
	for _, test := range []struct {
		name           string
		outcomes       []error
		said           string
		failed, absent []string
	}{
		{"at once", []error{nil}, "done", nil, nil},
		{"at the second attempt", []error{broken, nil}, "done", nil, nil},
		{"never", []error{broken, broken}, "failed: the readers have ended", []string{"never: the readers have ended"}, nil},
		{"not here", []error{measure.AbsentError{Why: "no broker"}}, "absent: no broker", nil, []string{"no broker"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f Figures
			attempts := 0
			said := f.take(step{name: test.name, run: func() (string, error) {
				attempts++
				return "done", test.outcomes[attempts-1]
			}})
			if said != test.said || attempts != len(test.outcomes) || !slices.Equal(f.Failed, test.failed) || !slices.Equal(f.Absent, test.absent) {
				t.Errorf("said %q after %d attempts, failed %q, absent %q; want %q after %d, %q, %q",
					said, attempts, f.Failed, f.Absent, test.said, len(test.outcomes), test.failed, test.absent)
			}
		})
	}
}

// TestRoundsAreSpread has every crowd in all its rounds, loop twice where it is with few readers,
// and the rounds of the crowds with fewer of them spread evenly.
func TestRoundsAreSpread(t *testing.T) {
	plan := Plan{networks: []network{{"veth", []crowd{{10, 4}, {1000, 2}}}, {"lo", []crowd{{1000, 3}}}}}
	f := &Figures{Models: []string{"limit", "loop"}}
	counts, turns := map[string]int{}, []string{}
	for _, s := range plan.fanout(nil, f) {
		counts[s.name]++
		if strings.Contains(s.name, "model=limit") {
			turns = append(turns, s.name)
		}
	}
	want := map[string]int{}
	for _, w := range []struct {
		net             string
		readers, rounds int
		loopTimes       int
	}{{"veth", 10, 4, 2}, {"veth", 1000, 2, 1}, {"lo", 1000, 3, 1}} {
		want[fmt.Sprintf("net=%s model=limit readers=%d", w.net, w.readers)] = w.rounds
		want[fmt.Sprintf("net=%s model=loop readers=%d", w.net, w.readers)] = w.rounds * w.loopTimes
	}
	if !maps.Equal(counts, want) {
		t.Errorf("measures %v, want %v", counts, want)
	}
	few, many, local := "net=veth model=limit readers=10", "net=veth model=limit readers=1000", "net=lo model=limit readers=1000"
	if want := []string{few, few, many, local, few, local, few, many, local}; !slices.Equal(turns, want) {
		t.Errorf("in the order of %q, want %q", turns, want)
	}
}

// TestDearRoundsAreNotRepeated: what took long is left alone, what failed is not.
func TestDearRoundsAreNotRepeated(t *testing.T) {
	for _, test := range []struct {
		took time.Duration
		want int
	}{{0, 1}, {dearRound, 1}, {dearRound + time.Second, 0}} {
		f := &Figures{stepTook: map[string]time.Duration{"row": test.took}}
		runs := 0
		s := f.onceIfDear(step{name: "row", run: func() (string, error) { runs++; return "", errors.New("failed") }})
		said, err := s.run()
		if runs != test.want || (err == nil) != (test.want == 0) || f.stepTook["row"] != test.took {
			t.Errorf("after %v it ran %d times, want %d: %q, %v", test.took, runs, test.want, said, err)
		}
	}
}

// TestLoadInTheMiddle has a standstill of the machine in one sample.
func TestLoadInTheMiddle(t *testing.T) {
	load := Load{Samples: []Sample{{CPU: 4, MemoryUse: 1}, {CPU: 90, MemoryUse: 3}, {CPU: 5, MemoryUse: 2}}}
	if cpu, memory := load.middle(); cpu != 5 || memory != 2 {
		t.Errorf("the middle is %v %% CPU and %v %% memory, want 5 and 2", cpu, memory)
	}
}
