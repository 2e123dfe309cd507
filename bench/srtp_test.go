package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/rig"
)

// mostSealed is what SRTP readers under one key may cost, by what plain ones do, where the kernel cuts no packets.
const mostSealed = 1.15

// BenchmarkSRTP runs plain readers and SRTP readers in turns, and reports the ratio of the medians of what they
// cost, sealing included. The readers that look at their frames open each packet.
func BenchmarkSRTP(b *testing.B) {
	const readers, rounds, frames = 1000, 5, 45
	for _, net := range rig.Names {
		b.Run(fmt.Sprintf("net=%s/readers=%d", net, readers), func(b *testing.B) {
			costs := map[string][]float64{}
			for b.Loop() {
				for range rounds {
					for _, name := range []string{"loop", "loop-srtp"} {
						run := needRun(b, measure.Setup{Net: net, Model: name, Readers: readers})
						for range frames {
							must(b, run.Frame())
						}
						result, err := run.Finish()
						must(b, err)
						if result.Got.Whole == 0 || result.Got.Damaged > 0 {
							b.Errorf("%s: %d frames came whole, %d damaged", name, result.Got.Whole, result.Got.Damaged)
						}
						costs[name] = append(costs[name], result.CPUPerReaderFrame)
					}
				}
			}
			median := func(name string) float64 {
				values := costs[name]
				slices.Sort(values)
				fmt.Fprintf(os.Stderr, "net=%s readers=%d %-9s %6.2f us CPU per reader and frame (%.2f to %.2f)\n",
					net, readers, name, values[len(values)/2], values[0], values[len(values)-1])
				return values[len(values)/2]
			}
			ratio := median("loop-srtp") / median("loop")
			b.ReportMetric(ratio, "srtp/loop")
			b.ReportMetric(0, "ns/op")
			if net == "veth" && ratio > mostSealed {
				b.Errorf("SRTP readers cost %.3f times what plain ones do, want at most %v", ratio, mostSealed)
			}
		})
	}
}
