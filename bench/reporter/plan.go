package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/camcast/camcast/bench/measure"
	"github.com/camcast/camcast/bench/model"
)

// Figures are all that was measured in one run of the reporter.
type Figures struct {
	Machine Machine
	Models  []string
	// Fanout has one result for each network, model and number of readers: what its rounds
	// come to.
	Fanout []measure.Result
	// H264 has the same of the models that take frames of H.264, for each number of readers.
	H264 []measure.Result
	// WebRTC has the same of the models that seal packets for each reader, for each size of frames.
	WebRTC []WebRTCRow
	// Seed has the load over time at the ancestor's frame size.
	Seed []Load
	// Capacity is how many readers each model holds.
	Capacity map[string]int
	// Absent says what could not be measured, and why.
	Absent []string
	// Failed says which measurements went wrong twice, and how.
	Failed []string
	// Agreement says how far the run agrees with others, if there were any.
	Agreement []string
	Took      time.Duration

	// stepTook is how long each step took, when it went well.
	stepTook map[string]time.Duration
}

// crowd is a number of readers, and in how many rounds each model is measured with it, in turns.
type crowd struct{ readers, rounds int }

// network is one of the rig's, and what is measured there.
type network struct {
	name   string
	crowds []crowd
}

// Plan is what is to be measured.
type Plan struct {
	networks    []network
	h264        []crowd // on the veth pair
	webRTC      []crowd // there, too
	frames      int
	longest     time.Duration
	seedReaders []int
	seedSamples int
	capacity    bool
}

func fullPlan() Plan {
	return Plan{
		// With few readers a frame costs so little that chance shows; ten thousand take long to come.
		networks: []network{
			{"veth", []crowd{{1, 5}, {10, 5}, {100, 5}, {1000, 5}, {10000, 3}}},
			{"veth-nooffload", []crowd{{1000, 3}}},
			{"lo", []crowd{{1000, 3}}},
		},
		h264:   []crowd{{100, 3}, {1000, 3}},
		webRTC: []crowd{{100, 3}, {1000, 3}},
		frames: 50, longest: 2500 * time.Millisecond,
		seedReaders: []int{1, 5, 10, 20}, seedSamples: 4, capacity: true,
	}
}

func quickPlan() Plan {
	return Plan{
		networks: []network{
			{"veth", []crowd{{1, 1}, {10, 1}, {100, 1}}},
			{"lo", []crowd{{100, 1}}},
		},
		h264:   []crowd{{100, 1}},
		webRTC: []crowd{{100, 1}},
		frames: 15, longest: time.Second,
		seedReaders: []int{1, 5}, seedSamples: 2,
	}
}

// step is one thing to measure.
type step struct {
	name string
	// estimate is about how long it takes, to tell how much is left.
	estimate time.Duration
	run      func() (string, error)
}

// measure carries the plan out. What goes wrong is tried once more, and left out if it goes wrong
// again: ten thousand sessions may fail to come up, and the rest is worth having all the same.
func (p Plan) measure(lab *measure.Lab) *Figures {
	f := &Figures{Machine: thisMachine(), Capacity: map[string]int{}, stepTook: map[string]time.Duration{}}
	for _, m := range model.All() {
		f.Models = append(f.Models, m.Name)
	}
	steps := slices.Concat(p.seed(lab, f), p.fanout(lab, f), p.framesOfH264(lab, f), p.byWebRTC(lab, f), p.capacities(lab, f), p.capacitiesByWebRTC(lab, f))
	began := time.Now()
	left := time.Duration(0)
	for _, s := range steps {
		left += s.estimate
	}
	pace := 1.0 // how much longer than estimated things take
	planned := time.Duration(0)
	for i, s := range steps {
		fmt.Fprintf(os.Stderr, "[%d/%d, %v left] %s: ", i+1, len(steps), time.Duration(float64(left-planned)*pace).Round(10*time.Second), s.name)
		fmt.Fprintln(os.Stderr, f.take(s))
		planned += s.estimate
		pace = float64(time.Since(began)) / float64(planned)
	}
	slices.Sort(f.Absent)
	f.Absent = slices.Compact(f.Absent)
	f.Took = time.Since(began).Round(time.Second)
	f.Fanout, f.H264, f.WebRTC = ofRounds(f.Fanout), ofRounds(f.H264), ofWebRTCRounds(f.WebRTC)
	return f
}

// take takes a step, twice if need be, and returns what is to be said of it.
func (f *Figures) take(s step) (said string) {
	var err error
	for range 2 {
		said, err = s.run()
		if absent := (measure.AbsentError{}); errors.As(err, &absent) {
			f.Absent = append(f.Absent, absent.Why)
			return absent.Error()
		}
		if err == nil {
			return said
		}
		said = fmt.Sprintf("failed: %v", err)
	}
	f.Failed = append(f.Failed, fmt.Sprintf("%s: %v", s.name, err))
	return said
}

// fanout has the models take turns with each number of readers, and the rounds of each number
// spread over the whole time: a shared machine is slower for minutes, which is then some rounds
// of each, and not all of some.
func (p Plan) fanout(lab *measure.Lab, f *Figures) (steps []step) {
	passes := 0
	for _, n := range p.networks {
		for _, c := range n.crowds {
			passes = max(passes, c.rounds)
		}
	}
	for pass := range passes {
		for _, n := range p.networks {
			var round []step
			for _, c := range n.crowds {
				if c.isDue(pass, passes) {
					round = append(round, p.turn(lab, f, n.name, c.readers)...)
				}
			}
			steps = append(steps, withFreshBrokers(lab, round)...)
		}
	}
	return steps
}

// said is what is told of a row while it is measured.
func said(r measure.Result) string {
	return fmt.Sprintf("%.2f us CPU per reader and frame, age %v, %.1f %% lost", r.CPUPerReaderFrame, r.Got.Age99.Round(10*time.Microsecond), 100*r.LostShare())
}

// withFreshBrokers has the last of the steps, if there are any, end the brokers, so that those
// after it begin with new ones.
func withFreshBrokers(lab *measure.Lab, steps []step) []step {
	if len(steps) == 0 {
		return steps
	}
	last := &steps[len(steps)-1]
	run := last.run
	last.run = func() (string, error) {
		said, err := run()
		return said, errors.Join(err, lab.CloseBrokers())
	}
	return steps
}

// isDue spreads the rounds evenly over the passes.
func (c crowd) isDue(pass, passes int) bool {
	return (pass+1)*c.rounds/passes > pass*c.rounds/passes
}

// twiceUpTo is how many readers are so few that loop is measured twice in each turn: all others
// are told in units of it, so chance in its figures is in all of them.
const twiceUpTo = 100

// turn measures each model once, but for loop with few readers.
func (p Plan) turn(lab *measure.Lab, f *Figures, net string, readers int) (steps []step) {
	models := f.Models
	if readers <= twiceUpTo {
		models = append(slices.Clone(models), "loop")
	}
	for _, name := range models {
		steps = append(steps, f.onceIfDear(step{fmt.Sprintf("net=%s model=%s readers=%d", net, name, readers), p.longest + time.Second, func() (string, error) {
			r, err := p.row(lab, measure.Setup{Net: net, Model: name, Readers: readers})
			if err != nil {
				return "", err
			}
			f.Fanout = append(f.Fanout, r)
			return said(r), nil
		}}))
	}
	return steps
}

// dearRound is how long a round may take and still be repeated. Ten thousand sessions over RTSP
// take a minute to come, for a handful of frames.
const dearRound = 30 * time.Second

// onceIfDear has a round not repeated that has taken too long.
func (f *Figures) onceIfDear(s step) step {
	run := s.run
	s.run = func() (string, error) {
		if took := f.stepTook[s.name]; took > dearRound {
			return fmt.Sprintf("not again: it took %v", took.Round(time.Second)), nil
		}
		began := time.Now()
		said, err := run()
		if err == nil {
			f.stepTook[s.name] = time.Since(began)
		}
		return said, err
	}
	return s
}

func (p Plan) row(lab *measure.Lab, s measure.Setup) (measure.Result, error) {
	run, err := lab.Start(s)
	if err != nil {
		return measure.Result{}, err
	}
	began := time.Now()
	for i := 0; i < p.frames && (i < 3 || time.Since(began) < p.longest); i++ {
		if err := run.Frame(); err != nil {
			return measure.Result{}, errors.Join(err, run.Close())
		}
	}
	return run.Finish()
}

// capacities has the models take turns, too: all are looked for once before any is again.
func (p Plan) capacities(lab *measure.Lab, f *Figures) (steps []step) {
	if !p.capacity {
		return nil
	}
	for look := range measure.CapacityLooks {
		for _, name := range f.Models {
			if look == 0 {
				steps = append(steps, f.capacity("capacity of "+name, 30*time.Second, name, func() (int, error) {
					return lab.Capacity("veth", name, f.firstGuess("veth", name))
				}))
			} else {
				steps = append(steps, f.capacity(fmt.Sprintf("capacity of %s, look %d", name, look+1), 4*time.Second, name, func() (int, error) {
					return lab.CapacityAbove("veth", name, f.Capacity[name])
				}))
			}
		}
	}
	return steps
}

// capacity keeps what a look has found.
func (f *Figures) capacity(name string, estimate time.Duration, model string, look func() (int, error)) step {
	return step{name, estimate, func() (string, error) {
		readers, err := look()
		if err != nil {
			return "", err
		}
		f.Capacity[model] = readers
		return fmt.Sprintf("%d readers", readers), nil
	}}
}

// firstGuess is from how many readers on a model's capacity is looked for: the most that it has
// held on all CPUs.
func (f *Figures) firstGuess(net, name string) int {
	readers := measure.CapacityStart
	for _, r := range f.Fanout {
		if r.Net == net && r.Model == name && pilesUp(r) == "" {
			readers = max(readers, r.Readers)
		}
	}
	return readers
}
