package loop_test

import (
	"slices"
	"testing"

	"github.com/camcast/camcast/loop"
)

// TestSlotsAreUsedAgain has fds come and go: each handler is called for its own fd, whichever places become free.
func TestSlotsAreUsedAgain(t *testing.T) {
	onBoth(t, func(w *world) {
		var called []int
		add := func(name int) (*ends, *loop.Registration) {
			p := w.pipe()
			return p, w.register(p.read, loop.Readable, func(loop.Interest) { called = append(called, name) })
		}
		var old []*loop.Registration
		for name := range 4 {
			_, r := add(name)
			old = append(old, r)
		}
		for _, r := range old[1:] {
			w.check(r.Unregister())
		}
		var pipes []*ends
		for name := range 5 {
			p, _ := add(10 + name)
			pipes = append(pipes, p)
		}
		for name, p := range pipes {
			called = nil
			p.put("x")
			w.turn()
			if !slices.Equal(called, []int{10 + name}) {
				t.Errorf("pipe %d is ready: %v were called", 10+name, called)
			}
			p.get()
		}
	})
}

// TestFDOfAClosedLoop: there is none any more.
func TestFDOfAClosedLoop(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	if fd, ok := l.FD(); fd < 0 || !ok {
		t.Errorf("an open loop's: %d, %v", fd, ok)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if fd, ok := l.FD(); fd != -1 || ok {
		t.Errorf("a closed loop's: %d, %v", fd, ok)
	}
}
