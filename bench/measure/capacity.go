package measure

import (
	"errors"
	"time"
)

const (
	// capacityFrames is how many frames a number of readers is tried with.
	capacityFrames = 45
	// capacityStart is the first number that is tried, and mostReaders the last.
	capacityStart = 128
	mostReaders   = 16384
	// capacityGrain is how close the answer is: a sixteenth.
	capacityGrain = 16
)

// PiledUp is the age from which on frames must be piling up somewhere. How old they get is then
// a matter of how long the measurement lasts.
const PiledUp = 200 * time.Millisecond

// Capacity finds how many readers a model holds on one CPU at 30 frames/s: every frame
// sent in time, every frame whole at every reader that looks, and none older than 0.2 s.
// The number is doubled until it does not, and then bisected.
func (l *Lab) Capacity(net, name string) (int, error) {
	holds, fails := 0, 0
	for readers := capacityStart; readers <= mostReaders; readers *= 2 {
		ok, err := l.holds(net, name, readers)
		if err != nil {
			return 0, err
		}
		if !ok {
			fails = readers
			break
		}
		holds = readers
	}
	if fails == 0 {
		return holds, nil
	}
	for fails-holds > max(1, fails/capacityGrain) {
		middle := (holds + fails) / 2
		ok, err := l.holds(net, name, middle)
		if err != nil {
			return 0, err
		}
		if ok {
			holds = middle
		} else {
			fails = middle
		}
	}
	return holds, nil
}

// holds tries a number of readers, twice if need be: the machine may have been busy.
func (l *Lab) holds(net, name string, readers int) (bool, error) {
	for range 2 {
		ok, err := l.try(net, name, readers)
		if ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (l *Lab) try(net, name string, readers int) (bool, error) {
	run, err := l.Start(Setup{Net: net, Model: name, Readers: readers, OneCore: true})
	if err != nil {
		return false, err
	}
	for range capacityFrames {
		if err := run.Frame(); err != nil {
			return false, errors.Join(err, run.Close())
		}
	}
	result, err := run.Finish()
	if err != nil {
		return false, err
	}
	inTime := result.FramesPerSecond > 0.97*framesPerSecond
	return inTime && result.Got.Lost == 0 && result.Lags == 0 && result.Got.AgeMost < PiledUp, nil
}
