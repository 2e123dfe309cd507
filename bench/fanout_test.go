package bench

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
)

// lab has the networks and brokers of all benchmarks.
var lab measure.Lab

// absent is what could not be measured, and what is missing, in order.
var absent []string

func TestMain(m *testing.M) {
	measure.Main()
	rig.Enclose()
	lab.CloseOnSignal()
	status := m.Run()
	// go test says nothing of benchmarks that were skipped.
	for _, line := range absent {
		fmt.Fprintln(os.Stderr, line)
	}
	if err := lab.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// BenchmarkFanout measures each model on each rig with each number of readers.
func BenchmarkFanout(b *testing.B) {
	for _, net := range rig.Names {
		b.Run("net="+net, func(b *testing.B) {
			for _, m := range model.All() {
				b.Run("model="+m.Name, func(b *testing.B) {
					for _, readers := range []int{10, 100, 1000, 10000} {
						b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
							run := needRun(b, measure.Setup{Net: net, Model: m.Name, Readers: readers})
							for b.Loop() {
								must(b, run.Frame())
							}
							result, err := run.Finish()
							must(b, err)
							report(b, result)
						})
					}
				})
			}
		})
	}
}

// skip leaves a benchmark out, and has what is missing said at the end, once.
func skip(tb testing.TB, what string) {
	tb.Helper()
	if !slices.Contains(absent, what) {
		absent = append(absent, what)
	}
	tb.Skip(what)
}

// needRun starts a run, or says what it needs.
func needRun(tb testing.TB, s measure.Setup) *measure.Run {
	tb.Helper()
	run, err := lab.Start(s)
	if missing := (measure.AbsentError{}); errors.As(err, &missing) {
		skip(tb, missing.Error())
	}
	must(tb, err)
	tb.Cleanup(func() { must(tb, run.Close()) })
	return run
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func report(b *testing.B, r measure.Result) {
	metric := func(value float64, unit string) {
		if math.IsInf(value, 0) || math.IsNaN(value) {
			return // nobody got anything: frames-lost says so
		}
		b.ReportMetric(value, unit)
	}
	metric(r.CPUPerReaderFrame, "cpu-us/reader-frame")
	metric(milliseconds(r.Got.AgeMedian), "p50-age-ms")
	metric(milliseconds(r.Got.Age99), "p99-age-ms")
	metric(milliseconds(r.Got.Age999), "p99.9-age-ms")
	metric(100*r.LostShare(), "frames-lost-%")
	metric(float64(r.Got.Stale), "stale")
	metric(float64(r.Got.Damaged), "damaged")
	metric(float64(r.Lags), "lags")
	metric(r.FramesPerSecond, "frames/s")
	metric(float64(r.Memory)/(1<<20), "MiB")
	metric(r.BytesPerReader, "B/reader")
	if r.CallsPerFrame >= 0 {
		metric(r.CallsPerFrame, "syscalls/frame")
	}
	metric(r.SwitchesPerFrame, "switches/frame")
	metric(r.MegabitPerSecond, "Mbit/s")
	metric(0, "ns/op") // the rate of frames is given
}

// ratioModels are those whose ratios are of interest, if the machine has them.
func ratioModels(net string) []string {
	names := []string{"limit", "loop", "loop-paced", "loop-bursts", "goroutine", "goroutine-segmented"}
	if cloned, _ := model.Find("loop-cloned"); net != "lo" && cloned.Missing() == "" {
		names = append(names, cloned.Name)
	}
	return names
}

// What the ratios of the costs may be (design decisions 1 to 4).
const (
	mostOverLimit     = 1.15 // loop to limit, where the kernel cuts no packets
	mostPaced         = 1.5  // the same with the default pacing
	leastOverVeth     = 15   // goroutine to loop
	leastOverLoopback = 4
)

// judge fails the benchmark if a ratio is not what it is to be. Where the kernel cuts the
// packets itself that is most of the cost, and the ratios are only told.
func judge(b *testing.B, net string, overLimit, paced, overLoop float64) {
	b.Helper()
	least := map[string]float64{"veth": leastOverVeth, "lo": leastOverLoopback}[net]
	if least == 0 {
		return
	}
	if overLimit > mostOverLimit {
		b.Errorf("net=%s: loop costs %.3f times limit, want at most %v", net, overLimit, mostOverLimit)
	}
	if paced > mostPaced {
		b.Errorf("net=%s: paced it costs %.3f times limit, want at most %v", net, paced, mostPaced)
	}
	if overLoop < least {
		b.Errorf("net=%s: goroutine costs %.1f times loop, want at least %v", net, overLoop, least)
	}
}

// BenchmarkRatio runs some models in turns, and reports the ratios of their medians.
func BenchmarkRatio(b *testing.B) {
	const readers, rounds, frames = 1000, 5, 45
	for _, net := range rig.Names {
		b.Run(fmt.Sprintf("net=%s/readers=%d", net, readers), func(b *testing.B) {
			costs := map[string][]float64{}
			names := ratioModels(net)
			for b.Loop() {
				for range rounds {
					for _, name := range names {
						run := needRun(b, measure.Setup{Net: net, Model: name, Readers: readers})
						for range frames {
							must(b, run.Frame())
						}
						result, err := run.Finish()
						must(b, err)
						costs[name] = append(costs[name], result.CPUPerReaderFrame)
					}
				}
			}
			medians := map[string]float64{}
			for _, name := range names {
				values := costs[name]
				slices.Sort(values)
				medians[name] = values[len(values)/2]
				fmt.Fprintf(os.Stderr, "net=%s readers=%d %-19s %6.2f us CPU per reader and frame (%.2f to %.2f)\n",
					net, readers, name, medians[name], values[0], values[len(values)-1])
			}
			b.ReportMetric(medians["loop"]/medians["limit"], "loop/limit")
			b.ReportMetric(medians["loop-paced"]/medians["limit"], "paced/limit")
			b.ReportMetric(medians["loop-bursts"]/medians["limit"], "bursts-of-8/limit")
			b.ReportMetric(medians["goroutine"]/medians["loop"], "goroutine/loop")
			b.ReportMetric(medians["goroutine-segmented"]/medians["loop"], "goroutine-segmented/loop")
			judge(b, net, medians["loop"]/medians["limit"], medians["loop-paced"]/medians["limit"], medians["goroutine"]/medians["loop"])
			if cloned, ok := medians["loop-cloned"]; ok {
				b.ReportMetric(cloned/medians["limit"], "cloned/limit")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// needRig makes a rig for a benchmark, or says what it needs.
func needRig(tb testing.TB, name string) *rig.Rig {
	tb.Helper()
	r, err := rig.New(name)
	if missing := (rig.MissingError{}); errors.As(err, &missing) {
		skip(tb, fmt.Sprintf("absent: net=%s %v", name, missing))
	}
	must(tb, err)
	tb.Cleanup(func() { must(tb, r.Close()) })
	return r
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}
