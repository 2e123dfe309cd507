package measure

import (
	"errors"
	"time"
)

const (
	// capacityFrames is how many frames a number of readers is tried with.
	capacityFrames = 45
	// CapacityStart is the first number that is tried if nothing is known of a model, and
	// mostReaders the most.
	CapacityStart = 128
	mostReaders   = 16384
	// capacityGrain is how close the answer is: a sixteenth.
	capacityGrain = 16
)

// PiledUp is the age from which on frames must be piling up somewhere. How old they get is then
// a matter of how long the measurement lasts.
const PiledUp = 200 * time.Millisecond

// CapacityLooks is how often one looks for a capacity to be sure of it. A shared machine may be
// slow for as long as a look takes, and to try again at once then helps little.
const CapacityLooks = 3

// Capacity finds how many readers a model holds on one CPU at 30 frames/s: every frame
// sent in time, every frame whole at every reader that looks, and none older than 0.2 s.
// The first number that is tried is a guess, CapacityStart if there is none: it is doubled or
// halved until the answer is between two numbers, and then bisected.
func (l *Lab) Capacity(net, name string, first int) (int, error) {
	return search(0, first, l.holding(net, name))
}

// CapacityAbove looks once more, some time after Capacity has found that so many readers are held:
// it returns as many, or more.
func (l *Lab) CapacityAbove(net, name string, held int) (int, error) {
	return search(held, above(held), l.holding(net, name))
}

// above is the next number that is worth a try.
func above(held int) int { return held + max(1, held/capacityGrain) }

// search finds the greatest number that holds, to a sixteenth, but at most mostReaders. The least
// it can be is known, or 0. The steps upwards double, so that one who begins at 0 doubles the number.
func search(least, first int, holding func(int) (bool, error)) (int, error) {
	holds, fails := least, mostReaders+1
	step := first - least
	for next := min(first, mostReaders); fails-holds > max(1, fails/capacityGrain); {
		ok, err := holding(next)
		if err != nil {
			return 0, err
		}
		if ok {
			holds = next
		} else {
			fails = next
		}
		if fails > mostReaders {
			next, step = min(holds+step, mostReaders), 2*step
		} else {
			next = (holds + fails) / 2
		}
	}
	return holds, nil
}

// holding tries a number of readers of a model.
func (l *Lab) holding(net, name string) func(readers int) (bool, error) {
	return func(readers int) (bool, error) { return l.holds(net, name, readers) }
}

func (l *Lab) holds(net, name string, readers int) (bool, error) {
	run, err := l.Start(Setup{Net: net, Model: name, Readers: readers, OneCore: true, CallsUncounted: true})
	if err != nil {
		return false, err
	}
	for range capacityFrames {
		if err := run.Frame(); err != nil {
			return false, errors.Join(err, run.Close())
		}
	}
	r, err := run.Finish()
	inTime := r.FramesPerSecond > 0.97*framesPerSecond
	return err == nil && inTime && r.Got.Lost == 0 && r.Lags == 0 && r.Got.AgeMost < PiledUp, err
}
