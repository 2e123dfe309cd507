package loop_test

import (
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
)

// TestStandstill stops the loop for a minute, in its wait or in a handler: Awake stands still
// meanwhile, and timers of it are so much later. Others fire, as they are due.
func TestStandstill(t *testing.T) {
	for name, stop := range map[string]func(w *world){
		"waiting":      func(w *world) { w.sim.Advance(time.Minute) },
		"in a handler": func(w *world) { w.loop.NewTimer(func() { w.sim.Advance(time.Minute) }).SetAfter(0); w.turn() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newSimWorld(t)
			var fired []string
			at := w.kernel.Monotonic()
			note := func(what string) func() {
				return func() { fired = append(fired, what); at = w.loop.Now() }
			}
			w.loop.NewTimer(note("timer")).SetAfter(10 * time.Second)
			w.loop.NewAwakeTimer(note("awake")).SetAfter(5 * time.Second)
			awake := w.loop.Awake()
			stop(w)
			if ran, err := w.loop.Turn(0); ran != 1 || err != nil || len(fired) != 1 || fired[0] != "timer" {
				t.Errorf("the first turn has run %d, %v, %v", ran, err, fired)
			}
			stalled := w.loop.Stats().Stalled
			if got := w.loop.Awake(); got-awake > time.Second || stalled < time.Minute-time.Second || got != w.loop.Now()-stalled {
				t.Errorf("awake for %v, stalled for %v", got-awake, stalled)
			}
			woken := w.loop.Now()
			w.turn()
			if after := at - woken; fired[1] != "awake" || after < 4*time.Second || after > 5*time.Second {
				t.Errorf("%v, %v after the loop ran again", fired, after)
			}
		})
	}
}

// TestNoStandstill has the loop be a little late, or wait for long: Awake goes on.
func TestNoStandstill(t *testing.T) {
	w := newSimWorld(t)
	fired := 0
	timer := w.loop.NewAwakeTimer(func() { fired++ })
	for range 10 {
		timer.SetAfter(time.Hour)
		w.sim.Advance(time.Hour + time.Second)
		if _, err := w.loop.Turn(loop.Forever); err != nil {
			t.Fatal(err)
		}
	}
	if s := w.loop.Stats().Stalled; fired != 10 || s != 0 {
		t.Errorf("%d fired; stalled for %v", fired, s)
	}
}
