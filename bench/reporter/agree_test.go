package main

import (
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/measure"
)

// runOf makes figures of one row from what the models cost.
func runOf(costs map[string]float64) *Figures {
	f := &Figures{}
	for _, model := range []string{"limit", "loop", "evio", "gnet"} {
		cost, ok := costs[model]
		if !ok {
			continue
		}
		f.Models = append(f.Models, model)
		f.Fanout = append(f.Fanout, measure.Result{Net: "veth", Model: model, Readers: 10, CPUPerReaderFrame: cost, Frames: 50, FramesPerSecond: 30,
			Got: audience.Report{Whole: 100}})
	}
	return f
}

func TestAgreement(t *testing.T) {
	usual := map[string]float64{"limit": 9, "loop": 10, "evio": 30, "gnet": 60}
	tests := []struct {
		name   string
		before map[string]float64
		want   []string
	}{
		{"the same", usual, []string{"CPU: 3 of 3 ratios to loop are within 25 % of the other run's"}},
		{"all twice as slow", map[string]float64{"limit": 18, "loop": 20, "evio": 60, "gnet": 120},
			[]string{"CPU: 3 of 3 ratios to loop are within 25 % of the other run's"}},
		{"24 % off", map[string]float64{"limit": 9, "loop": 10, "evio": 24.3, "gnet": 74},
			[]string{"CPU: 3 of 3 ratios to loop are within 25 % of the other run's"}},
		{"one was cheaper", map[string]float64{"limit": 9, "loop": 10, "evio": 20, "gnet": 60},
			[]string{"CPU, veth, 10 readers: evio was 2.00 times loop, is 3.00", "CPU: 2 of 3 ratios to loop are within 25 % of the other run's"}},
		{"another order", map[string]float64{"limit": 9, "loop": 10, "evio": 60, "gnet": 30},
			[]string{"CPU, veth, 10 readers: evio was 6.00 times loop, is 3.00", "CPU, veth, 10 readers: gnet was 3.00 times loop, is 6.00",
				"CPU, veth, 10 readers: evio and gnet have changed places", "CPU: 1 of 3 ratios to loop are within 25 % of the other run's"}},
		{"one is new", map[string]float64{"limit": 9, "loop": 10, "evio": 30},
			[]string{"CPU: 2 of 2 ratios to loop are within 25 % of the other run's"}},
		{"another size", nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := agreement(runOf(test.before), runOf(usual)); !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWhoLosesMostIsNotCompared(t *testing.T) {
	before, now := runOf(map[string]float64{"loop": 10, "gnet": 50}), runOf(map[string]float64{"loop": 10, "gnet": 500})
	now.Fanout[1].Got = audience.Report{Whole: 40, Lost: 60}
	want := []string{"CPU, veth, 10 readers: not compared, since it loses most frames: gnet"}
	if got := agreement(before, now); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhoSendsAHandfulOfFramesIsNotCompared(t *testing.T) {
	before, now := runOf(map[string]float64{"loop": 10, "gnet": 50}), runOf(map[string]float64{"loop": 10, "gnet": 500})
	now.Fanout[1].Frames = 9
	want := []string{"CPU, veth, 10 readers: not compared, since it sends only 9 frames: gnet"}
	if got := agreement(before, now); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAgreementOfAgesAndCapacities has one of each be another in the second run.
func TestAgreementOfAgesAndCapacities(t *testing.T) {
	costs := map[string]float64{"limit": 9, "loop": 10, "evio": 30}
	before, now := runOf(costs), runOf(costs)
	for i := range before.Fanout {
		before.Fanout[i].Got.AgeMedian, now.Fanout[i].Got.AgeMedian = 5, 5
		before.Fanout[i].Got.Age99, now.Fanout[i].Got.Age99 = 10, 10
	}
	now.Fanout[1].Got.AgeMedian, now.Fanout[2].Got.AgeMedian = 6, 6
	now.Fanout[2].Got.Age99 = 20
	before.Capacity = map[string]int{"limit": 1000, "loop": 900, "evio": 300}
	now.Capacity = map[string]int{"limit": 1000, "loop": 900, "evio": 100}
	want := []string{
		"CPU: 2 of 2 ratios to loop are within 25 % of the other run's",
		"median age: 2 of 2 ratios to loop are within 25 % of the other run's",
		"99th percentile of age, veth, 10 readers: evio was 1.00 times loop, is 2.00",
		"99th percentile of age: 1 of 2 ratios to loop are within 25 % of the other run's",
		"capacity, one CPU: evio was 0.33 times loop, is 0.11",
		"capacity: 1 of 2 ratios to loop are within 25 % of the other run's",
	}
	if got := agreement(before, now); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestOfRounds has three rounds, of which another is disturbed in each figure.
func TestOfRounds(t *testing.T) {
	var rounds []measure.Result
	for i, cost := range []float64{5, 1, 90} {
		got := audience.Report{Whole: 10, Lost: i, Age99: []time.Duration{40, 1, 3}[i] * time.Second}
		rounds = append(rounds, measure.Result{Model: "loop", CPUPerReaderFrame: cost, Frames: 50, Lags: 2, Got: got,
			FramesPerSecond: []float64{30, 10, 29}[i], CallsPerFrame: []float64{7, 8, 90}[i]},
			measure.Result{Model: "evio", CPUPerReaderFrame: 2 * cost})
	}
	rows := ofRounds(rounds)
	if len(rows) != 2 || rows[0].CPUPerReaderFrame != 3 || rows[1].CPUPerReaderFrame != 6 {
		t.Fatalf("%+v, want 3 of loop and 6 of evio", rows)
	}
	loop := rows[0]
	if loop.Rounds != 3 || loop.Frames != 150 || loop.Lags != 6 || loop.Got.Whole != 30 || loop.Got.Lost != 3 {
		t.Errorf("%+v, want sums of counts", loop)
	}
	if loop.Got.Age99 != 2*time.Second || loop.FramesPerSecond != 29.5 || loop.CallsPerFrame != 8 {
		t.Errorf("%+v, want the mean of the better two in age and rate, and the median of the calls", loop)
	}
}

// TestRoundWithoutFrames has one of two rounds in which nobody got anything, and two.
func TestRoundWithoutFrames(t *testing.T) {
	none, some := measure.Result{Model: "evio", Frames: 50}, measure.Result{Model: "evio", Frames: 50, CPUPerReaderFrame: 7}
	some.Got = audience.Report{Whole: 10, Age99: time.Second}
	if rows := ofRounds([]measure.Result{none, some}); rows[0].CPUPerReaderFrame != 7 || rows[0].Got.Age99 != time.Second {
		t.Errorf("%+v, want the figures of the round in which frames came", rows[0])
	}
	f := runOf(map[string]float64{"loop": 10, "evio": 0})
	if _, ratios := f.costs("veth", 10); len(ratios) != 1 {
		t.Errorf("%v, want no ratio of a model from which nobody got anything", ratios)
	}
}

// TestNobodyIsFirstWithoutFrames has loop not keep up, and a model from which nobody got anything.
func TestNobodyIsFirstWithoutFrames(t *testing.T) {
	f := runOf(map[string]float64{"loop": 10, "evio": 0, "gnet": 20})
	f.Fanout[0].FramesPerSecond = 20
	f.Fanout[1].Got.Whole = 0
	if got, want := f.firstOf(10, cpuOf), "loop; gnet needs 2.00 times as much"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAgeOfFramesThatPileUpIsNotCompared has a model and then loop itself not keep up.
func TestAgeOfFramesThatPileUpIsNotCompared(t *testing.T) {
	before, now := runOf(map[string]float64{"loop": 10, "gnet": 50}), runOf(map[string]float64{"loop": 10, "gnet": 50})
	for i := range before.Fanout {
		before.Fanout[i].Got.Age99, now.Fanout[i].Got.Age99 = time.Millisecond, time.Millisecond
	}
	now.Fanout[1].Got.Age99 = time.Second
	said := agreement(before, now)
	if want := "99th percentile of age, veth, 10 readers: not compared, since it does not keep up: gnet"; !slices.Contains(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	now.Fanout[0].FramesPerSecond = 20
	said = agreement(before, now)
	if want := "99th percentile of age, veth, 10 readers: loop does not keep up, and nothing is compared with it"; !slices.Contains(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}
