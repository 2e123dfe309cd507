package sealfan

import (
	"log/slog"

	"github.com/camcast/camcast/cast/internal/sending"
)

// PortClosed has the reader get no frames, as its host says that its port is closed, until something comes from it.
func (r *Reader) PortClosed() { r.rest(r.resting | sending.PortClosed) }

// Rest has the reader get no frames, as its machine does not answer, or frames again, from the next key frame on, if its
// port is not closed, too.
func (r *Reader) Rest(resting bool) {
	if resting {
		r.rest(r.resting | sending.MachineSilent)
	} else {
		r.rest(r.resting &^ sending.MachineSilent)
	}
}

// Alive notes that something has come from the reader: it does not rest any more.
func (r *Reader) Alive() {
	r.rest(0)
	r.aliveUnreported()
}

// rest has the reader rest for some reasons, of which one may be new, or go on if there is none. A host can say that its
// port is closed and send something again a thousand times a second: that is logged for those alone who look for it.
func (r *Reader) rest(reasons sending.RestReason) {
	if r.gone || r.resting == reasons {
		return
	}
	f, was, level := r.group.owner, r.resting, slog.LevelInfo
	r.resting = reasons
	if was|reasons == sending.PortClosed {
		level = slog.LevelDebug
	}
	switch {
	case was == 0:
		f.catching.remove(r)
	case reasons == 0:
		r.waits = true
		f.config.RequestKey()
	}
	f.sweeps.CountRest(was, reasons, level, "peer", r.Peer())
}
