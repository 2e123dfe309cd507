package fanout

import (
	"errors"
	"log/slog"

	"github.com/camcast/camcast/cast/internal/sending"
)

// Packets for a machine that has left the local network wait in the kernel for its link
// address: some 200 kB, for three seconds, again and again. They are charged to the socket that
// many readers share. A few such machines fill it, and all readers wait.
//
// So the readers of a machine that does not answer ARP rest. They get no frames until the
// machine answers or something comes from them. Sender reports go on: each makes the kernel ask
// once more.
//
// Readers whose port is closed rest, too (closed.go).

// Rest has the reader get no frames, as its machine does not answer, or frames again, from the
// next one on that it can begin with. It reports whether that is a change.
func (r *Reader) Rest(resting bool) (changed bool) {
	if resting {
		return r.rest(r.resting | sending.MachineSilent)
	}
	return r.rest(r.resting &^ sending.MachineSilent)
}

// Alive notes that something has come from the reader: it does not rest any more.
func (r *Reader) Alive() { r.rest(0) }

// rest has the reader rest for some reasons, of which one may be new, or go on if there is none.
func (r *Reader) rest(reasons sending.RestReason) (changed bool) {
	if r.gone || r.resting == reasons {
		return false
	}
	f := r.group.fanout
	was := r.resting
	r.resting = reasons
	switch {
	case was == 0 && f.config.MaxGap > 0:
		f.rested[r] = uint32(f.config.Form.Packets())
	case reasons == 0:
		f.config.RequestKey()
	}
	f.sweeps.CountRest(was, reasons, slog.LevelInfo, "rtcp", r.RTCPAddress())
	r.settle()
	if reasons == 0 && f.config.MaxGap > 0 {
		if uint32(f.config.Form.Packets())-f.rested[r] > f.config.MaxGap && r.observer != nil {
			f.sweeps.Lose(r, r.observer, ErrTooFarBehind)
		}
		delete(f.rested, r)
	}
	return true
}

// ErrTooFarBehind is the reason why a reader is lost that has missed more packets than Config.MaxGap.
var ErrTooFarBehind = errors.New("it has missed too many packets to go on")

// passOver skips a frame, as the sweep of resting readers does.
func (w *sweep) passOver() {
	w.Cursor.Skip(w.fanout().config.Ring)
	if readers := w.group.size(); readers > 0 {
		w.lags++
		w.fanout().lagged(1, readers)
	}
	w.group.endFrame()
}
