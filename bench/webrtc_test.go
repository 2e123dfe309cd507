package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// webRTCSizes are the frames that are sent by WebRTC.
var webRTCSizes = []model.H264Size{model.WebRTCFrames, model.WebRTCLargeFrames}

// BenchmarkWebRTC measures each model that seals packets for each reader, as Fanout does those that do not. Readers with
// keys that are given check each packet; pion's are pion.
func BenchmarkWebRTC(b *testing.B) {
	for _, net := range []string{"veth", "lo"} {
		for _, size := range webRTCSizes {
			for _, m := range model.AllWebRTC() {
				for _, readers := range []int{100, 1000} {
					b.Run(fmt.Sprintf("net=%s/frames=%v/model=%s/readers=%d", net, size, m.Name, readers), func(b *testing.B) {
						run := needRun(b, measure.Setup{Net: net, Model: m.Name, Readers: readers, H264Size: size})
						for b.Loop() {
							must(b, run.Frame())
						}
						result, err := run.Finish()
						must(b, err)
						report(b, result)
						reportPackets(b, result)
					})
				}
			}
		}
	}
}

// reportPackets reports what has become of the packets, and fails if one came at all that it should not.
func reportPackets(b *testing.B, r measure.Result) {
	b.Helper()
	b.ReportMetric(float64(r.Got.PacketsMissing), "packets-missing")
	mustBeSealed(b, r)
}

// mustBeSealed fails if readers got packets that are misplaced or not sealed with their keys, or nothing.
func mustBeSealed(b *testing.B, r measure.Result) {
	b.Helper()
	if g := r.Got; g.PacketsMisplaced+g.PacketsForged+g.Damaged+g.Stale > 0 || g.Whole == 0 {
		b.Errorf("%s: of %d packets %d came in a wrong order or again, and %d were not sealed with the reader's key; %d frames came whole, %d damaged, %d stale",
			r.Model, g.Packets, g.PacketsMisplaced, g.PacketsForged, g.Whole, g.Damaged, g.Stale)
	}
}

// webRTCRatios are what models may cost, in units of each other.
var webRTCRatios = []struct {
	readers     int
	over, under string
	least, most float64 // 0: any
}{
	{1000, "webrtc", "webrtc-limit", 0, mostOverSealedLimit},
	{100, "pion", "webrtc", leastPion, 0},
}

const (
	// mostOverSealedLimit is webrtc to webrtc-limit, with frames of 7 packets of 1200 bytes where the kernel cuts
	// no packets.
	mostOverSealedLimit = 1.25
	// leastPion is pion to webrtc, there.
	leastPion = 5
)

// BenchmarkWebRTCRatio runs two models in turns, and reports the ratio of their medians. The frames of a run are whole groups
// of pictures. Those of 30 packets are told, and not judged.
func BenchmarkWebRTCRatio(b *testing.B) {
	const rounds = 5
	for _, net := range []string{"veth", "lo"} {
		for _, size := range webRTCSizes {
			for _, r := range webRTCRatios {
				b.Run(fmt.Sprintf("net=%s/frames=%v/readers=%d/%s-%s", net, size, r.readers, r.over, r.under), func(b *testing.B) {
					costs := map[string][]float64{}
					for b.Loop() {
						for range rounds {
							for _, name := range []string{r.over, r.under} {
								costs[name] = append(costs[name], webRTCCost(b, measure.Setup{Net: net, Model: name, Readers: r.readers, H264Size: size}))
							}
						}
					}
					median := func(name string) float64 {
						values := costs[name]
						slices.Sort(values)
						fmt.Fprintf(os.Stderr, "WebRTC: net=%s frames=%v readers=%d %-12s %6.2f us CPU per reader and frame (%.2f to %.2f)\n",
							net, size, r.readers, name, values[len(values)/2], values[0], values[len(values)-1])
						return values[len(values)/2]
					}
					ratio := median(r.over) / median(r.under)
					b.ReportMetric(ratio, r.over+"/"+r.under)
					b.ReportMetric(0, "ns/op")
					if net != "veth" || size != model.WebRTCFrames {
						return
					}
					if r.most > 0 && ratio > r.most {
						b.Errorf("%s costs %.3f times %s, want at most %v", r.over, ratio, r.under, r.most)
					}
					if ratio < r.least {
						b.Errorf("%s costs %.3f times %s, want at least %v", r.over, ratio, r.under, r.least)
					}
				})
			}
		}
	}
}

// webRTCCost is the CPU time per reader and frame, in microseconds, of one group of pictures.
func webRTCCost(b *testing.B, s measure.Setup) float64 {
	b.Helper()
	s.CallsUncounted = true
	run := needRun(b, s)
	for range model.H264GroupFrames {
		must(b, run.Frame())
	}
	result, err := run.Finish()
	must(b, err)
	mustBeSealed(b, result)
	return result.CPUPerReaderFrame
}

// crowdMinute is how long a thousand readers that all open their packets are sent frames.
const crowdMinute = time.Minute

// BenchmarkWebRTCCrowd has a thousand readers open and check every packet for a minute, on the same machine. It reports
// what they have not got, and what both sides need of a CPU: if frames are lost, that says who was at the end.
func BenchmarkWebRTCCrowd(b *testing.B) {
	const readers = 1000
	for _, net := range []string{"veth", "lo"} {
		b.Run(fmt.Sprintf("net=%s/readers=%d", net, readers), func(b *testing.B) {
			for range b.N {
				run := needRun(b, measure.Setup{Net: net, Model: "webrtc", Readers: readers, CheckAll: true, CallsUncounted: true})
				before, began := run.Everybody().CPU, time.Now()
				for range int(crowdMinute.Seconds()) * framesPerSecond {
					must(b, run.Frame())
				}
				all := 100 * float64(run.Everybody().CPU-before) / float64(time.Since(began))
				result, err := run.Finish()
				must(b, err)
				report(b, result)
				reportPackets(b, result)
				b.ReportMetric(result.CPUPercent, "cpu-%-sender")
				b.ReportMetric(all-result.CPUPercent, "cpu-%-readers")
			}
		})
	}
}

// mostBesideWebRTC is how old frames may be in the median for readers of RTP beside readers by WebRTC, in units of their age without.
// The oldest frames are key frames, which take longer than the sweeps' budget of a turn: from then on both ways share the thread.
// Those are told, and not judged.
const mostBesideWebRTC = 1.2

// BenchmarkBesideWebRTC has a thousand readers be sent frames of H.264 by RTP, alone and beside a hundred by WebRTC, in turns, and
// reports the median ratios of the ages.
func BenchmarkBesideWebRTC(b *testing.B) {
	const pairs, readers, groups = 5, 1000, 5
	var ratios, ratios99 []float64
	for b.Loop() {
		for range pairs {
			alone, beside := agesOfRTP(b, "loop", readers, groups), agesOfRTP(b, "loop-beside-webrtc", readers, groups)
			ratios = append(ratios, float64(beside.AgeMedian)/float64(alone.AgeMedian))
			ratios99 = append(ratios99, float64(beside.Age99)/float64(alone.Age99))
		}
	}
	slices.Sort(ratios)
	slices.Sort(ratios99)
	ratio := ratios[len(ratios)/2]
	b.ReportMetric(ratio, "p50/p50-alone")
	b.ReportMetric(ratios99[len(ratios99)/2], "p99/p99-alone")
	b.ReportMetric(0, "ns/op")
	if ratio > mostBesideWebRTC {
		b.Errorf("the median age is %.2f times that without readers by WebRTC, want at most %v (of %d pairs: %.2f)", ratio, mostBesideWebRTC, pairs, ratios)
	}
}

// agesOfRTP has a model send groups of pictures, of which none may be lost, and returns what the readers of RTP got.
func agesOfRTP(b *testing.B, name string, readers, groups int) audience.Report {
	b.Helper()
	run := needRun(b, measure.Setup{Net: "veth", Model: name, Readers: readers, H264: true, H264Size: model.WebRTCFrames, CallsUncounted: true})
	for range groups * model.H264GroupFrames {
		must(b, run.Frame())
	}
	result, err := run.Finish()
	must(b, err)
	if got := result.Got; got.Lost+got.Stale+got.Damaged > 0 || got.Whole == 0 {
		b.Errorf("model=%s: %d frames came whole, %d were lost, %d damaged, %d stale", name, got.Whole, got.Lost, got.Damaged, got.Stale)
	}
	fmt.Fprintf(os.Stderr, "model=%-18s age %v, 99 %% %v, %.2f us CPU per reader of RTP and frame\n", name, result.Got.AgeMedian, result.Got.Age99, result.CPUPerReaderFrame)
	return result.Got
}
