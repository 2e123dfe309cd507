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

// RunUntil turns the loop until done reports true. It is asked before each turn and,
// on a simulated kernel, whenever something has happened that is no concern of the
// loop's, such as a peer receiving. RunUntil returns ErrTimeout if limit passes before.
func RunUntil(l *loop.Loop, done func() bool, limit time.Duration) error {
	end := l.Kernel().Monotonic() + limit
	for !done() {
		left := end - l.Kernel().Monotonic()
		if left <= 0 {
			return fmt.Errorf("%w: %v", ErrTimeout, limit)
		}
		if k, ok := l.Kernel().(*Kernel); ok && len(k.events.heap) > 0 {
			left = min(left, max(k.events.heap[0].at-k.now, 0))
		}
		if _, err := l.Turn(left); err != nil {
			return err
		}
	}
	return nil
}
