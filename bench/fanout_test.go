package bench

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkFanout measures each model on each rig with each number of readers.
func BenchmarkFanout(b *testing.B) {
	for _, rig := range rigs {
		b.Run("net="+rig, func(b *testing.B) {
			for _, m := range models {
				b.Run("model="+m.name, func(b *testing.B) {
					for _, readers := range []int{10, 100, 1000, 10000} {
						b.Run(fmt.Sprintf("readers=%d", readers), func(b *testing.B) {
							r := needRig(b, rig)
							run := newRun(b, r, m.make(), readers, m.interval)
							b.ResetTimer()
							for range b.N {
								run.frame(b)
							}
							b.StopTimer()
							run.report(b)
						})
					}
				})
			}
		})
	}
}

// needRig makes a rig for a benchmark, or says what it needs.
func needRig(tb testing.TB, name string) *Rig {
	tb.Helper()
	r, err := NewRig(name)
	if err == errNotRoot {
		tb.Skipf("absent: net=%s %v", name, err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// run is a model at work, and what was measured of it.
type run struct {
	model    Model
	readers  int
	interval time.Duration
	next     time.Time
	heap     uint64 // bytes per reader
	cpu      time.Duration
	ages     []time.Duration
	before   Figures
}

func newRun(tb testing.TB, r *Rig, m Model, readers int, interval time.Duration) *run {
	tb.Helper()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(readers) + 1000, Max: uint64(readers) + 1000}); err != nil {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < uint64(readers)+100 {
			tb.Skipf("absent: %d readers need as many file descriptors: ulimit -n %d", readers, readers+1000)
		}
	}
	broadcast, err := NewBroadcast(r, readers)
	if err != nil {
		tb.Fatal(err)
	}
	before := heapBytes()
	if err := r.Do(func() error { return m.Start(broadcast) }); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := m.Close(); err != nil {
			tb.Error(err)
		}
	})
	x := &run{model: m, readers: readers, interval: interval}
	for range 2 { // the first frames allocate
		if err := m.Send(); err != nil {
			tb.Fatal(err)
		}
	}
	x.heap = (heapBytes() - min(before, heapBytes())) / uint64(readers)
	x.before = m.Figures()
	return x
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}

// frame has the model send one frame, at its time.
func (x *run) frame(tb testing.TB) {
	if x.interval > 0 {
		if x.next.IsZero() {
			x.next = time.Now()
		}
		if wait := time.Until(x.next); wait > 0 {
			<-time.After(wait)
		}
		x.next = x.next.Add(x.interval)
	}
	began, cpu := time.Now(), cpuTime()
	if err := x.model.Send(); err != nil {
		tb.Fatal(err)
	}
	x.cpu += cpuTime() - cpu
	x.ages = append(x.ages, time.Since(began))
}

// cpuTime is what this process has used, in the kernel and outside: on a veth pair and on
// loopback that includes the network's part.
func cpuTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// perReaderFrame is the CPU time per reader and frame in microseconds.
func (x *run) perReaderFrame() float64 {
	return float64(x.cpu.Nanoseconds()) / 1000 / float64(x.readers) / float64(len(x.ages))
}

func (x *run) report(b *testing.B) {
	frames := float64(len(x.ages))
	figures := x.model.Figures()
	slices.Sort(x.ages)
	b.ReportMetric(x.perReaderFrame(), "cpu-us/reader-frame")
	b.ReportMetric(float64(x.ages[(len(x.ages)*99)/100].Microseconds())/1000, "p99-age-ms")
	b.ReportMetric(float64(figures.Calls-x.before.Calls)/frames, "syscalls/frame")
	b.ReportMetric(float64(x.heap), "B/reader")
	b.ReportMetric(float64(figures.Lags), "lags")
	b.ReportMetric(0, "ns/op") // a frame's time is its age
}

// BenchmarkRatio runs all models in turns, and reports the ratios of their medians.
func BenchmarkRatio(b *testing.B) {
	const readers, rounds, frames = 1000, 7, 8
	for _, rig := range rigs {
		b.Run(fmt.Sprintf("net=%s/readers=%d", rig, readers), func(b *testing.B) {
			r := needRig(b, rig)
			costs := map[string][]float64{}
			runs := map[string]*run{}
			for _, m := range models {
				runs[m.name] = newRun(b, r, m.make(), readers, m.interval)
			}
			for range b.N * rounds {
				for _, m := range models {
					x := runs[m.name]
					x.cpu, x.ages, x.next = 0, x.ages[:0], time.Time{}
					for range frames {
						x.frame(b)
					}
					costs[m.name] = append(costs[m.name], x.perReaderFrame())
				}
			}
			medians := map[string]float64{}
			for name, values := range costs {
				slices.Sort(values)
				medians[name] = values[len(values)/2]
				fmt.Fprintf(os.Stderr, "net=%s readers=%d %-10s %6.2f us CPU per reader and frame (%.2f to %.2f)\n",
					rig, readers, name, medians[name], values[0], values[len(values)-1])
			}
			b.ReportMetric(medians["loop"]/medians["limit"], "loop/limit")
			b.ReportMetric(medians["loop-paced"]/medians["limit"], "paced/limit")
			b.ReportMetric(medians["goroutine"]/medians["loop"], "goroutine/loop")
			b.ReportMetric(0, "ns/op")
		})
	}
}
