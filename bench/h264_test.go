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
	least, most float64 // 0: any
}{
	{1000, "loop", "limit", 0, mostOverLimit},
	{1000, "goroutine", "loop", 0, 0},
	{100, "gortsplib", "loop", leastOverGortsplib, 0},
}

// leastOverGortsplib is gortsplib to loop, with frames of H.264 where the kernel cuts no packets.
const leastOverGortsplib = 10

// BenchmarkH264Ratio runs two models in turns, and reports the ratio of their medians. The frames of a
// run are whole groups of pictures.
func BenchmarkH264Ratio(b *testing.B) {
	const net, rounds = "veth", 5
	for _, r := range h264Ratios {
		b.Run(fmt.Sprintf("net=%s/readers=%d/%s-%s", net, r.readers, r.over, r.under), func(b *testing.B) {
			costs := map[string][]float64{}
			for b.Loop() {
				for range rounds {
					for _, name := range []string{r.over, r.under} {
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
			ratio := median(r.over) / median(r.under)
			b.ReportMetric(ratio, r.over+"/"+r.under)
			b.ReportMetric(0, "ns/op")
			if r.most > 0 && ratio > r.most || ratio < r.least {
				b.Errorf("%s costs %.3f times %s, want from %v to %v", r.over, ratio, r.under, r.least, r.most)
			}
		})
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
