package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
	"golang.org/x/sys/unix"
)

// Load is what all that takes part in a broadcast uses, over time: sender, broker and
// readers, as the ancestor's author has summed them up.
type Load struct {
	Model   string
	Readers int
	Samples []Sample
	// Got is how many frames of those sent the readers got, of 100.
	Got float64
}

// Sample is the load in one interval. CPU is in per cent of one core, memory in per cent
// of the machine's.
type Sample struct {
	Seconds        float64
	CPU, MemoryUse float64
}

// A sample is of so many frames, 30 a second.
const (
	sampleFrames = 15
	sampleTime   = sampleFrames * time.Second / 30
)

func (p Plan) seed(lab *measure.Lab, f *Figures) (steps []step) {
	for _, readers := range p.seedReaders {
		for _, name := range f.Models {
			steps = append(steps, step{fmt.Sprintf("seed: model=%s readers=%d", name, readers), time.Duration(p.seedSamples+2) * sampleTime, func() (string, error) {
				load, err := p.load(lab, name, readers)
				if err != nil {
					return "", err
				}
				f.Seed = append(f.Seed, load)
				cpu, memory := load.middle()
				return fmt.Sprintf("%.1f %% CPU, %.2f %% memory", cpu, memory), nil
			}})
		}
	}
	return withFreshBrokers(lab, steps)
}

func (p Plan) load(lab *measure.Lab, name string, readers int) (Load, error) {
	load := Load{Model: name, Readers: readers}
	run, err := lab.Start(measure.Setup{Net: "lo", Model: name, Readers: readers, FrameBytes: model.SeedFrameBytes, CallsUncounted: true})
	if err != nil {
		return load, err
	}
	began, before, last := time.Now(), run.Everybody(), time.Now()
	for range p.seedSamples {
		for range sampleFrames {
			if err := run.Frame(); err != nil {
				return load, errors.Join(err, run.Close())
			}
		}
		now := run.Everybody()
		took := time.Since(last)
		last = last.Add(took)
		load.Samples = append(load.Samples, Sample{
			Seconds: time.Since(began).Seconds(),
			CPU:     100 * float64(now.CPU-before.CPU) / float64(took), MemoryUse: 100 * float64(now.Memory) / float64(machineMemory()),
		})
		before = now
	}
	result, err := run.Finish()
	load.Got = 100 * (1 - result.LostShare())
	return load, err
}

// middle is the median of the CPU and of the memory.
func (l Load) middle() (cpu, memory float64) {
	return median(l.Samples, func(s *Sample) float64 { return s.CPU }), median(l.Samples, func(s *Sample) float64 { return s.MemoryUse })
}

func machineMemory() uint64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		panic(err) // it cannot fail with a valid address
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}
