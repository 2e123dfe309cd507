package sealfan

import (
	"context"
	"log/slog"
)

// restReason is why a reader rests, a bit for each. It gets no frames then, as package fanout's readers.
type restReason uint8

const (
	machineSilent restReason = 1 << iota
	portClosed
)

// PortClosed has the reader get no frames, as its host says that its port is closed, until something comes from it.
func (r *Reader) PortClosed() { r.rest(r.resting|portClosed, "its port is closed") }

// Rest has the reader get no frames, as its machine does not answer, or frames again, from the next key frame on, if its
// port is not closed, too.
func (r *Reader) Rest(resting bool) {
	if resting {
		r.rest(r.resting|machineSilent, "its machine does not answer")
	} else {
		r.rest(r.resting&^machineSilent, "")
	}
}

// Alive notes that something has come from the reader: it does not rest any more.
func (r *Reader) Alive() { r.rest(0, "") }

// rest has the reader rest for some reasons, of which one may be new, or go on if there is none. A host can say that its
// port is closed and send something again a thousand times a second: that is logged for those alone who look for it.
func (r *Reader) rest(reasons restReason, why string) {
	if r.gone || r.resting == reasons {
		return
	}
	f, was, level := r.group.owner, r.resting, slog.LevelInfo
	r.resting = reasons
	if was|reasons == portClosed {
		level = slog.LevelDebug
	}
	switch {
	case was == 0:
		f.config.Figures.Resting++
		f.catching.remove(r)
		f.config.Log.Log(context.Background(), level, "reader rests: "+why, "peer", r.Peer())
	case reasons == 0:
		f.config.Figures.Resting--
		r.waits = true
		f.config.RequestKey()
		f.config.Log.Log(context.Background(), level, "reader goes on", "peer", r.Peer())
	}
}
