package sim

import (
	"errors"
	"fmt"
	"time"

	"github.com/camcast/camcast/loop"
)

// ErrTimeout is returned by RunUntil when its time has passed.
var ErrTimeout = errors.New("sim: time has passed without it")

// RunFor turns the loop until d has passed on its clock. It works on any kernel; on a
// simulated one it takes no longer than the handlers do.
func RunFor(l *loop.Loop, d time.Duration) error {
	end := l.Kernel().Monotonic() + d
	for {
		left := end - l.Kernel().Monotonic()
		if left <= 0 {
			return nil
		}
		if _, err := l.Turn(left); err != nil {
			return err
		}
	}
}

// RunUntil turns the loop until done reports true, which it is asked before each turn.
// It returns ErrTimeout if limit passes before.
func RunUntil(l *loop.Loop, done func() bool, limit time.Duration) error {
	end := l.Kernel().Monotonic() + limit
	for !done() {
		left := end - l.Kernel().Monotonic()
		if left <= 0 {
			return fmt.Errorf("%w: %v", ErrTimeout, limit)
		}
		if _, err := l.Turn(left); err != nil {
			return err
		}
	}
	return nil
}
