package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/camcast/camcast/bench/measure"
)

// ofRounds makes one result of all rounds of each row: network by network, the fewest readers
// first, the models as they were measured.
func ofRounds(results []measure.Result) (rows []measure.Result) {
	type key struct {
		net, model string
		readers    int
	}
	byRow := map[key][]measure.Result{}
	var order []key
	var nets []string
	for _, r := range results {
		k := key{r.Net, r.Model, r.Readers}
		if byRow[k] == nil {
			order = append(order, k)
		}
		byRow[k] = append(byRow[k], r)
		if !slices.Contains(nets, r.Net) {
			nets = append(nets, r.Net)
		}
	}
	slices.SortStableFunc(order, func(a, b key) int {
		return cmp.Or(cmp.Compare(slices.Index(nets, a.net), slices.Index(nets, b.net)), cmp.Compare(a.readers, b.readers))
	})
	for _, k := range order {
		rows = append(rows, ofRow(byRow[k]))
	}
	return rows
}

// ofRow adds up what the rounds of a row have counted. A machine that is shared stands still for
// some milliseconds now and then, or is slow for minutes, which only makes the CPU, the age and
// the rate worse: of each of these it takes the mean of the better half of the rounds, by itself,
// and of all else the median. A round in which nobody got anything has no figures for what was
// got.
func ofRow(rounds []measure.Result) measure.Result {
	got := slices.DeleteFunc(slices.Clone(rounds), func(r measure.Result) bool { return r.Got.Whole == 0 })
	if len(got) == 0 {
		got = rounds
	}
	row := measure.Result{
		Net: rounds[0].Net, Model: rounds[0].Model, Readers: rounds[0].Readers, Rounds: len(rounds),
		FramesPerSecond:   -betterHalf(rounds, func(r *measure.Result) float64 { return -r.FramesPerSecond }),
		CPUPerReaderFrame: betterHalf(got, func(r *measure.Result) float64 { return r.CPUPerReaderFrame }),
		CPUPercent:        median(rounds, func(r *measure.Result) float64 { return r.CPUPercent }),
		Memory:            median(rounds, func(r *measure.Result) int64 { return r.Memory }),
		BytesPerReader:    median(rounds, func(r *measure.Result) float64 { return r.BytesPerReader }),
		CallsPerFrame:     median(rounds, func(r *measure.Result) float64 { return r.CallsPerFrame }),
		SwitchesPerFrame:  median(rounds, func(r *measure.Result) float64 { return r.SwitchesPerFrame }),
		MegabitPerSecond:  median(rounds, func(r *measure.Result) float64 { return r.MegabitPerSecond }),
	}
	row.Got.Readers = rounds[0].Got.Readers
	row.Got.AgeMedian = betterHalf(got, func(r *measure.Result) time.Duration { return r.Got.AgeMedian })
	row.Got.Age99 = betterHalf(got, func(r *measure.Result) time.Duration { return r.Got.Age99 })
	row.Got.Age999 = betterHalf(got, func(r *measure.Result) time.Duration { return r.Got.Age999 })
	row.Got.AgeMost = betterHalf(got, func(r *measure.Result) time.Duration { return r.Got.AgeMost })
	for _, r := range rounds {
		row.Frames += r.Frames
		row.Lags += r.Lags
		row.Got.Frames += r.Got.Frames
		row.Got.Whole += r.Got.Whole
		row.Got.Lost += r.Got.Lost
		row.Got.Stale += r.Got.Stale
		row.Got.Damaged += r.Got.Damaged
		row.Got.Packets += r.Got.Packets
		row.Got.PacketsMissing += r.Got.PacketsMissing
		row.Got.PacketsMisplaced += r.Got.PacketsMisplaced
		row.Got.PacketsForged += r.Got.PacketsForged
		row.Got.Bytes += r.Got.Bytes
	}
	return row
}

// betterHalf is the mean of the lesser half of a figure, the one in the middle included.
func betterHalf[R any, T ~int64 | ~float64](rounds []R, figure func(*R) T) T {
	values := sorted(rounds, figure)
	values = values[:(len(values)+1)/2]
	var sum T
	for _, v := range values {
		sum += v
	}
	return sum / T(len(values))
}

// median of a figure: the lower one of two in the middle.
func median[R any, T cmp.Ordered](rounds []R, figure func(*R) T) T {
	return sorted(rounds, figure)[(len(rounds)-1)/2]
}

func sorted[R any, T cmp.Ordered](rounds []R, figure func(*R) T) []T {
	values := make([]T, len(rounds))
	for i := range rounds {
		values[i] = figure(&rounds[i])
	}
	slices.Sort(values)
	return values
}
