package fanout

import (
	"testing"
	"time"

	"github.com/camcast/camcast/media"
)

// TestPortThatClosesAgainAndAgain has a reader's port be closed and the reader be alive in turn, as
// a host can make it seem as often as it likes: that takes no more room than once, and the reader
// is lost in the end.
func TestPortThatClosesAgainAndAgain(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	r, lost := h.enters("flickers"), 0
	r.lost = func() { lost++ }
	for range 1000 {
		r.PortClosed()
		r.Alive()
	}
	r.PortClosed()
	if n := len(h.fanout.closed); n != 1 {
		t.Errorf("it is listed %d times", n)
	}
	h.run(closedLimit + time.Millisecond)
	if n := len(h.fanout.closed); n != 1 || lost > 0 {
		t.Errorf("when its first time is over it is listed %d times, and lost %d times", n, lost)
	}
	h.run(closedLimit + time.Millisecond)
	if n := len(h.fanout.closed); n != 0 || lost != 1 {
		t.Errorf("when its last time is over it is listed %d times, and lost %d times", n, lost)
	}
}
