package sealfan

import (
	"errors"
	"time"

	"github.com/camcast/camcast/loop/udp"
)

const (
	// congestionPause is the wait after ENOBUFS: the queue that is full is behind the socket, and no
	// readiness tells when it has room.
	congestionPause = time.Millisecond
	// congestionLimit is how long readers may hold up the others by it, in one frame.
	congestionLimit = 30 * time.Millisecond
)

// goOn decides what is done when a send has stopped early, and reports whether the next may follow at once.
func (w *sweep) goOn(outcome udp.Outcome) bool {
	switch outcome {
	case udp.Full:
		w.waitUntilWritable()
	case udp.Congested:
		return w.congested()
	case udp.Broken:
		w.breakOff()
	}
	return false
}

// waitUntilWritable goes on when the socket takes more. If the kernel cannot be asked to tell when that is, it is
// tried again after a pause.
func (w *sweep) waitUntilWritable() {
	if w.waiting = w.group.fan.Socket().WhenWritable(w.resume) == nil; !w.waiting {
		w.timer.Set(w.now + congestionPause)
	}
}

// congested waits a moment, since no readiness will tell when the queue behind the socket has room. A reader whose
// queue stays full is skipped. So are, at once, readers whose last frame was skipped, and all others after
// one wait has not helped: a frame waits once.
func (w *sweep) congested() (skipped bool) {
	run := w.slab.position.Peer
	r := w.group.readers[w.slab.runs[run].Peer]
	switch {
	case w.impatient || r.refused > 0 || w.stuckSince > 0 && w.now-w.stuckSince >= congestionLimit:
		w.impatient = w.impatient || w.stuckSince > 0
		w.failed(run, errCongested)
		w.slab.position, w.stuckSince = udp.Position{Peer: run + 1}, 0
		return true
	case w.stuckSince == 0:
		w.stuckSince = w.now
	}
	w.timer.Set(w.now + congestionPause)
	return false
}

var errCongested = errors.New("a queue on the way to it is always full")

// breakOff gives up the frame in hand, as the socket no longer works. It is logged once.
func (w *sweep) breakOff() {
	f := w.group.owner
	if !w.broken {
		w.broken = true
		f.config.Log.Error("an RTP socket no longer works; frames for its readers are only counted, as lags")
	}
	for _, r := range w.group.readers {
		if r.inHand {
			r.inHand, r.waits = false, true
			r.lags++
			f.config.Figures.Lags++
		}
	}
	w.slab.clear()
	w.release()
	w.group.endFrame()
}
