//go:build turbojpeg

package testcard

import (
	"errors"
	"testing"

	"github.com/camcast/camcast/capture"
	"golang.org/x/sys/unix"
)

// TestNextAllocatesNothing wants libjpeg-turbo to be installed.
func TestNextAllocatesNothing(t *testing.T) {
	s := open(t, Options{FramesPerSecond: 240})
	next(t, s)
	fds := []unix.PollFd{{Fd: int32(s.FD()), Events: unix.POLLIN}}
	frames := s.Figures().Frames
	n := testing.AllocsPerRun(30, func() {
		for frames++; s.Figures().Frames < frames; {
			_, _ = unix.Poll(fds, 5000)
			if _, err := s.Next(); err != nil && !errors.Is(err, capture.ErrNotReady) {
				t.Fatal(err)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
