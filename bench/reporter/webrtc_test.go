package main

import (
	"strings"
	"testing"
)

// webRTCRows are some of both sizes; pion was not measured with a thousand readers.
func webRTCRows() *Figures {
	row := func(size, model string, readers int, cost float64) WebRTCRow {
		return WebRTCRow{size, measured(model, readers, cost)}
	}
	return &Figures{WebRTC: []WebRTCRow{
		row("7x1200", "pion", 100, 100), row("7x1200", "webrtc", 100, 16), row("7x1200", "webrtc-limit", 1000, 10), row("7x1200", "webrtc", 1000, 11),
		row("30x1400", "webrtc", 1000, 25),
	}, Capacity: map[string]int{"webrtc": 1500, "loop": 4000}}
}

// TestTargetsOfWebRTC has those ratios of which both models were measured, and the capacities of these models alone.
func TestTargetsOfWebRTC(t *testing.T) {
	f := webRTCRows()
	got := f.webRTCTargets()
	for _, row := range []string{"| 1000 readers: CPU, webrtc / webrtc-limit | 1.10 | at most 1.25 |", "| 100 readers: CPU, pion / webrtc | 6.25 | at least 5 |",
		"| webrtc: readers on one CPU | 1500 | - |"} {
		if !strings.Contains(got, row) {
			t.Errorf("%q is not in\n%s", row, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 5 {
		t.Errorf("%d lines, want a head of two and three rows:\n%s", n, got)
	}
	if got := (&Figures{}).webRTCTargets(); got != "" {
		t.Errorf("without figures: %q", got)
	}
}

// TestTableOfWebRTC has the smaller frames first, and each number of readers by itself, the cheapest model first, in
// units of webrtc's.
func TestTableOfWebRTC(t *testing.T) {
	f := webRTCRows()
	var got []string
	for line := range strings.Lines(f.webRTCTable()) {
		if cells := strings.Split(line, " | "); len(cells) > 5 && !strings.Contains(line, "---") && !strings.Contains(line, "readers") {
			got = append(got, strings.Join([]string{strings.TrimPrefix(cells[0], "| "), cells[1], cells[2], cells[4]}, " "))
		}
	}
	want := "7x1200 100 webrtc 1.00, 7x1200 100 pion 6.25, 7x1200 1000 webrtc-limit 0.91, 7x1200 1000 webrtc 1.00, 30x1400 1000 webrtc 1.00"
	if strings.Join(got, ", ") != want {
		t.Errorf("the rows are %q, want %q", got, want)
	}
}

// TestGrowthByWebRTC has memory grow with readers of one model and size alone, and says nothing of the fewest.
func TestGrowthByWebRTC(t *testing.T) {
	f := webRTCRows()
	for i, units := range []int64{80, 20, 90, 29, 99} {
		f.WebRTC[i].Memory = units * 900000
	}
	for i, want := range []string{"-", "-", "-", "9.00", "-"} {
		if got := f.webRTCGrowth(f.WebRTC[i]); got != want {
			t.Errorf("row %d grows by %s kB a reader, want %s", i, got, want)
		}
	}
}

// TestRoundsOfWebRTC has every model that sends by WebRTC in each round, with frames of each size, and one row of all
// rounds of each.
func TestRoundsOfWebRTC(t *testing.T) {
	plan := Plan{webRTC: []crowd{{100, 2}, {1000, 1}}, capacity: true}
	counts := map[string]int{}
	for _, s := range plan.byWebRTC(nil, &Figures{}) {
		counts[s.name]++
	}
	for _, model := range []string{"webrtc", "webrtc-limit", "pion"} {
		for _, size := range []string{"7x1200", "30x1400"} {
			for readers, rounds := range map[string]int{"100": 2, "1000": 1} {
				if name := "WebRTC: net=veth frames=" + size + " model=" + model + " readers=" + readers; counts[name] != rounds {
					t.Errorf("%s is measured %d times, want %d", name, counts[name], rounds)
				}
			}
		}
	}
	if len(counts) != 12 {
		t.Errorf("measures %v", counts)
	}
	looked := []string{}
	for _, s := range plan.capacitiesByWebRTC(nil, &Figures{}) {
		looked = append(looked, s.name)
	}
	if got := strings.Join(looked, ", "); got != "capacity of webrtc-limit, capacity of webrtc" {
		t.Errorf("looks for %s", got)
	}
	rows := ofWebRTCRounds(append(webRTCRows().WebRTC, webRTCRows().WebRTC...))
	if len(rows) != 5 || rows[0].Rounds != 2 || rows[4].Size != "30x1400" {
		t.Errorf("the rows are %+v", rows)
	}
}
