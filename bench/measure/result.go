package measure

import (
	"errors"
	"time"

	"github.com/camcast/camcast/bench/audience"
	"github.com/camcast/camcast/bench/model"
)

// Result is what was measured of a model.
type Result struct {
	Net, Model string
	Readers    int
	// Rounds is how many measurements the figures come from, if more than one. What is
	// counted is then their sum, and the rest is what the reporter makes of them.
	Rounds int `json:",omitempty"`
	// Frames is how many were sent, and FramesPerSecond how fast: fewer than the rate
	// if the model did not keep up.
	Frames          int
	FramesPerSecond float64
	// CPUPerReaderFrame is the CPU time of the sender's side in microseconds for each
	// frame that a reader got, 0 if none did; CPUPercent is per time.
	CPUPerReaderFrame, CPUPercent float64
	// Got is what the checked readers got.
	Got audience.Report
	// Lags is how many of these frames readers have missed because sending was behind, as far as
	// the model counts them: they are lost frames, too.
	Lags uint64
	// Memory is what the sender's side has in main memory, in bytes, and BytesPerReader
	// how much of it came with the readers.
	Memory         int64
	BytesPerReader float64
	// CallsPerFrame are system calls, negative if they could not be counted. Switches
	// are context switches.
	CallsPerFrame, SwitchesPerFrame float64
	// MegabitPerSecond is what all readers together have got.
	MegabitPerSecond float64
}

// LostShare is which part of the frames the checked readers did not get.
func (r Result) LostShare() float64 {
	return float64(r.Got.Lost) / float64(max(r.Got.Whole+r.Got.Lost, 1))
}

// Finish waits for what is on its way, ends the processes and returns the figures.
func (r *Run) Finish() (Result, error) {
	result, err := r.finish()
	return result, errors.Join(err, r.Close())
}

func (r *Run) finish() (Result, error) {
	last := r.frame
	took := model.Now() - r.began
	if _, err := r.ask(audience.Request{Await: last}); err != nil {
		return Result{}, err
	}
	after := r.usage()
	got, err := r.ask(audience.Request{Report: last})
	if err != nil {
		return Result{}, err
	}
	figures, err := r.count()
	if err != nil {
		return Result{}, err
	}
	calls, err := r.callsPerFrame()
	if err != nil {
		return Result{}, err
	}
	if err := r.sender.in.Close(); err != nil {
		return Result{}, err
	}
	if _, err := r.senderAnswer(); err != nil {
		return Result{}, err
	}
	frames := int(last - r.first + 1)
	delivered := float64(got.Whole) / float64(got.Readers) * float64(r.setup.Readers)
	cpu := after.CPU - r.before.CPU
	return Result{
		Net: r.setup.Net, Model: r.setup.Model, Readers: r.setup.Readers,
		Frames: frames, FramesPerSecond: float64(frames-1) / took.Seconds(), // the first one is not waited for
		CPUPerReaderFrame: perFrame(cpu, delivered),
		CPUPercent:        100 * float64(cpu) / float64(took),
		Got:               got,
		Lags:              figures.Lags - r.lagsBefore,
		Memory:            after.Memory,
		BytesPerReader:    max(0, float64(after.Memory-r.empty.Memory)/float64(r.setup.Readers)),
		CallsPerFrame:     calls,
		SwitchesPerFrame:  float64(after.Switches-min(after.Switches, r.before.Switches)) / float64(frames),
		MegabitPerSecond:  float64(got.Bytes) * 8 / 1e6 / float64(got.Readers) * float64(r.setup.Readers) / took.Seconds(),
	}, nil
}

// perFrame divides CPU time among frames, in microseconds.
func perFrame(cpu time.Duration, frames float64) float64 {
	if frames == 0 {
		return 0
	}
	return float64(cpu.Nanoseconds()) / 1000 / frames
}

// callsPerFrame sends some more frames, and counts the system calls.
func (r *Run) callsPerFrame() (float64, error) {
	if r.setup.CallsUncounted {
		return -1, nil
	}
	frames := 0
	calls, err := countCalls(r.senders(), func() (err error) {
		frames, err = r.aside(countedFrames)
		return err
	})
	if errors.Is(err, errNoPerf) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	return calls / float64(frames), nil
}
