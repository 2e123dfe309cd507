package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
)

// BenchmarkH264 measures each model that takes frames of H.264, as Fanout does those of JPEG.
func BenchmarkH264(b *testing.B) {
	for _, net := range rig.Names {
		for _, m := range model.AllH264() {
			for _, readers := range []int{100, 1000} {
				b.Run(fmt.Sprintf("net=%s/model=%s/readers=%d", net, m.Name, readers), func(b *testing.B) {
					run := needRun(b, measure.Setup{Net: net, Model: m.Name, Readers: readers, H264: true})
					for b.Loop() {
						must(b, run.Frame())
					}
					result, err := run.Finish()
					must(b, err)
					report(b, result)
				})
			}
		}
	}
}

// h264Ratios are what models may cost with frames of H.264, in units of each other.
var h264Ratios = []struct {
	readers     int
	over, under string
	least, most float64 // 0: any; least may be out of reach of the machine: see reaches
}{
	{1000, "loop", "limit", 0, mostOverLimit},
	{1000, "goroutine", "loop", 0, 0},
	{100, "gortsplib", "loop", leastOverGortsplib, 0},
}

// leastOverGortsplib is gortsplib to loop, with frames of H.264 where the kernel cuts no packets.
const leastOverGortsplib = 10

// reaches reports whether a ratio is at least the one wanted, or as much as a machine allows on which the bare
// system calls, limit, do not reach it either.
func reaches(over, under, limit, least float64) bool {
	return over/under >= least || over/limit < least && under/limit <= mostOverLimit
}

// BenchmarkH264Ratio runs two models in turns, and limit where a least ratio is wanted, and reports the ratio of their medians. The frames of a
// run are whole groups of pictures.
func BenchmarkH264Ratio(b *testing.B) {
	const net, rounds = "veth", 5
	for _, r := range h264Ratios {
		b.Run(fmt.Sprintf("net=%s/readers=%d/%s-%s", net, r.readers, r.over, r.under), func(b *testing.B) {
			costs, names := map[string][]float64{}, []string{r.over, r.under}
			if r.least > 0 {
				names = append(names, "limit")
			}
			for b.Loop() {
				for range rounds {
					for _, name := range names {
						costs[name] = append(costs[name], h264Cost(b, net, name, r.readers))
					}
				}
			}
			median := func(name string) float64 {
				values := costs[name]
				slices.Sort(values)
				fmt.Fprintf(os.Stderr, "H.264: net=%s readers=%d %-9s %6.2f us CPU per reader and frame (%.2f to %.2f)\n",
					net, r.readers, name, values[len(values)/2], values[0], values[len(values)-1])
				return values[len(values)/2]
			}
			over, under := median(r.over), median(r.under)
			b.ReportMetric(over/under, r.over+"/"+r.under)
			b.ReportMetric(0, "ns/op")
			if r.most > 0 && over/under > r.most {
				b.Errorf("%s costs %.3f times %s, want at most %v", r.over, over/under, r.under, r.most)
			}
			if r.least == 0 {
				return
			}
			limit := median("limit")
			b.ReportMetric(under/limit, r.under+"/limit")
			if !reaches(over, under, limit, r.least) {
				b.Errorf("%s costs %.3f times %s, and that %.3f times limit; want at least %v, or at most %v of limit", r.over, over/under, r.under, under/limit, r.least, mostOverLimit)
			}
		})
	}
}

func TestReaches(t *testing.T) {
	for costs, want := range map[[3]float64]bool{
		{100, 10, 9.5}: true, {100, 10, 5}: true, {99, 10, 9.5}: false, // limit reaches it
		{60, 11, 10}: true, {60, 12, 10}: false,
	} {
		if got := reaches(costs[0], costs[1], costs[2], 10); got != want {
			t.Errorf("%v: %v, want %v", costs, got, want)
		}
	}
}

// h264Cost is the CPU time per reader and frame, in microseconds, of one group of pictures.
func h264Cost(b *testing.B, net, name string, readers int) float64 {
	run := needRun(b, measure.Setup{Net: net, Model: name, Readers: readers, H264: true, CallsUncounted: true})
	for range model.H264GroupFrames {
		must(b, run.Frame())
	}
	result, err := run.Finish()
	must(b, err)
	if result.Got.Whole == 0 || result.Got.Damaged > 0 {
		b.Errorf("%s: %d frames came whole, %d damaged", name, result.Got.Whole, result.Got.Damaged)
	}
	return result.CPUPerReaderFrame
}
