package fanout

import (
	"errors"
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
)

// A reader whose host says that its port is closed (ICMP) is gone, as a rule, or starts again at
// this moment. It rests at once, and is lost if nothing comes from it for a while.

// closedLimit is how long a reader whose port is closed may be silent: a player that starts again
// needs a second.
const closedLimit = 2 * time.Second

// ErrPortClosed is the reason why a reader is lost whose port is closed.
var ErrPortClosed = errors.New("its port is closed")

// closedPort is a reader whose port was found closed, and when, by Loop.Awake. A reader is listed
// once, however often it comes and goes.
type closedPort struct {
	reader *Reader
	at     time.Duration
	count  uint8 // Reader.closings then
}

// PortClosed has the reader rest, as its port is closed. If nothing comes from it (Alive) for two
// seconds, its observer is told that it is lost, by ErrPortClosed. A reader without an observer is
// sent frames again then. If its port was found closed shortly before, too, it is at most four
// seconds.
func (r *Reader) PortClosed() {
	if r.gone || r.resting&sending.PortClosed != 0 {
		return
	}
	f := r.group.fanout
	r.closings++
	if !r.closing {
		f.listClosed(r)
	}
	r.rest(r.resting | sending.PortClosed)
}

func (f *Fanout) listClosed(r *Reader) {
	r.closing = true
	f.closed = append(f.closed, closedPort{r, f.config.Loop.Awake(), r.closings})
	if len(f.closed) == 1 {
		f.closing.SetAfter(closedLimit)
	}
}

// endClosed ends the time of those whose port was found closed some time ago.
func (f *Fanout) endClosed() {
	now := f.config.Loop.Awake()
	n := 0
	for ; n < len(f.closed) && now-f.closed[n].at >= closedLimit; n++ {
		c := f.closed[n]
		c.reader.closing = false
		switch {
		case c.reader.gone || c.reader.resting&sending.PortClosed == 0:
		case c.reader.closings != c.count: // it was closed again meanwhile, and gets its time from now on
			f.listClosed(c.reader)
		case c.reader.observer == nil:
			c.reader.rest(c.reader.resting &^ sending.PortClosed)
		default:
			f.sweeps.Lose(c.reader, c.reader.observer, ErrPortClosed)
		}
	}
	left := copy(f.closed, f.closed[n:])
	clear(f.closed[left:])
	f.closed = f.closed[:left]
	if left > 0 {
		f.closing.SetAfter(f.closed[0].at + closedLimit - now)
	}
	f.sweeps.TellLost()
}
