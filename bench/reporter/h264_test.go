package main

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/measure"
)

// measured is a row of the report.
func measured(model string, readers int, cost float64) measure.Result {
	return measure.Result{Net: "veth", Model: model, Readers: readers, CPUPerReaderFrame: cost, FramesPerSecond: 30, Got: audience.Report{Whole: 60}}
}

// TestTargetsOfH264 has those ratios of which both models were measured.
func TestTargetsOfH264(t *testing.T) {
	f := &Figures{H264: []measure.Result{measured("gortsplib", 100, 60), measured("loop", 1000, 4), measured("loop", 100, 6), measured("limit", 1000, 3.2)}}
	got := f.h264Targets()
	for _, row := range []string{"| 1000 | loop / limit | 1.25 | at most 1.15 |", "| 100 | gortsplib / loop | 10.0 | at least 10 |"} {
		if !strings.Contains(got, row) {
			t.Errorf("%q is not in\n%s", row, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 4 {
		t.Errorf("%d lines, want a head of two and two rows:\n%s", n, got)
	}
	if got := (&Figures{}).h264Targets(); got != "" {
		t.Errorf("without figures: %q", got)
	}
}

// TestTableOfH264 has each number of readers by itself, the cheapest model first, in units of loop's.
func TestTableOfH264(t *testing.T) {
	f := &Figures{H264: []measure.Result{measured("gortsplib", 100, 60), measured("loop", 1000, 4), measured("loop", 100, 6), measured("limit", 1000, 3)}}
	var got []string
	for line := range strings.Lines(f.h264Table()) {
		if cells := strings.Split(line, " | "); len(cells) > 4 && !strings.Contains(line, "---") && !strings.Contains(line, "readers") {
			got = append(got, strings.Join([]string{strings.TrimPrefix(cells[0], "| "), cells[1], cells[3]}, " "))
		}
	}
	if want := "100 loop 1.00, 100 gortsplib 10.0, 1000 limit 0.75, 1000 loop 1.00"; strings.Join(got, ", ") != want {
		t.Errorf("the rows are %q, want %q", got, want)
	}
}

// TestRoundsOfH264 has every model that takes frames of H.264 in each round.
func TestRoundsOfH264(t *testing.T) {
	plan := Plan{h264: []crowd{{100, 2}, {1000, 1}}}
	counts := map[string]int{}
	for _, s := range plan.framesOfH264(nil, &Figures{}) {
		counts[s.name]++
	}
	for _, model := range []string{"limit", "loop", "goroutine", "gortsplib"} {
		for readers, rounds := range map[string]int{"100": 2, "1000": 1} {
			if name := "H.264: net=veth model=" + model + " readers=" + readers; counts[name] != rounds {
				t.Errorf("%s is measured %d times, want %d", name, counts[name], rounds)
			}
		}
	}
	if len(counts) != 8 {
		t.Errorf("measures %v", counts)
	}
}
