//go:build turbojpeg

package testcard

import (
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/media"
)

// counter is a host that only counts frames. Its timers are fired by the test.
type counter struct {
	capture.Host
	now    time.Duration
	fire   func()
	done   func()
	frames int
}

func (c *counter) Now() time.Duration              { return c.now }
func (c *counter) Wall() time.Time                 { return noon }
func (c *counter) Live()                           {}
func (c *counter) Frame(media.Frame)               { c.frames++ }
func (c *counter) NewTimer(f func()) capture.Timer { c.fire = f; return c }
func (c *counter) Set(due time.Duration)           { c.now = max(c.now, due) }
func (c *counter) SetAfter(d time.Duration)        { c.now += d }
func (c *counter) Stop()                           {}
func (c *counter) Work(job func() func())          { c.done = job() }
func (c *counter) turn()                           { c.fire(); c.done() }

// TestFrameAllocatesNothing wants libjpeg-turbo to be installed.
func TestFrameAllocatesNothing(t *testing.T) {
	s, c := newSource(t, Options{FramesPerSecond: 240}), &counter{now: time.Hour}
	s.Open(c)
	c.turn()
	if n := testing.AllocsPerRun(30, c.turn); n != 0 || c.frames != 32 {
		t.Errorf("%v allocations a frame, %d frames; want 0 and 32", n, c.frames)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
