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

// Capacity finds how many readers a model holds on one CPU at 30 frames/s: every frame
// sent in time, every frame whole at every reader that looks, and none older than 0.2 s.
// The first number that is tried is a guess, CapacityStart if there is none: it is doubled or
// halved until the answer is between two numbers, and then bisected.
func (l *Lab) Capacity(net, name string, first int) (int, error) {
	return search(first, func(readers int) (bool, error) { return l.holds(net, name, readers) })
}

// search finds the greatest number that holds, to a sixteenth, but at most mostReaders.
func search(first int, holding func(int) (bool, error)) (int, error) {
	holds, fails := 0, mostReaders+1
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
		switch {
		case fails > mostReaders:
			next = min(2*holds, mostReaders)
		case holds == 0:
			next = fails / 2
		default:
			next = (holds + fails) / 2
		}
		if next == holds { // mostReaders hold, or not even one
			break
		}
	}
	return holds, nil
}

// holds tries a number of readers, twice if need be, unless they are by far too many: the
// machine may have been busy.
func (l *Lab) holds(net, name string, readers int) (bool, error) {
	for range 2 {
		result, err := l.try(net, name, readers)
		if err != nil {
			return false, err
		}
		if isHeld(result) {
			return true, nil
		}
		if result.FramesPerSecond < 0.7*framesPerSecond || result.LostShare() > 0.3 {
			return false, nil
		}
	}
	return false, nil
}

func isHeld(r Result) bool {
	return r.FramesPerSecond > 0.97*framesPerSecond && r.Got.Lost == 0 && r.Lags == 0 && r.Got.AgeMost < PiledUp
}

func (l *Lab) try(net, name string, readers int) (Result, error) {
	run, err := l.Start(Setup{Net: net, Model: name, Readers: readers, OneCore: true})
	if err != nil {
		return Result{}, err
	}
	for range capacityFrames {
		if err := run.Frame(); err != nil {
			return Result{}, errors.Join(err, run.Close())
		}
	}
	return run.Finish()
}
