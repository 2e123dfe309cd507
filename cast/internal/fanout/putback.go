package fanout

import "github.com/camcast/camcast/loop/udp"

// putBack lets go of a frame of which nobody has anything yet and that has become too old
// while the socket was full: on with the newest.
func (w *sweep) putBack() {
	if w.hand == nil || w.burst > 0 || w.position != (udp.Position{Peer: w.first}) || w.fanout().config.Ring.Get(w.hand.Number) != nil {
		return
	}
	w.cursor = w.before
	w.ledger.takeBack()
	w.giveUp(true)
	w.group.endFrame()
}

// giveUp lets go of the frame in hand, if there is one, which nobody has whole. missed: it is
// counted as missed. It returns how many readers there are who were to have it.
func (w *sweep) giveUp(missed bool) (readers int) {
	if w.hand == nil {
		return 0
	}
	for i, r := range w.group.readers {
		switch {
		case i >= w.peers.Ring: // it has come meanwhile
			r.framesBefore--
			r.entered = uint32(w.cursor.Taken())
			if missed {
				r.lagsBefore++
			}
			continue
		case r.failed == w.turn: // that is no frame less
			r.refused--
		}
		if !r.gone {
			readers++
		}
	}
	w.release()
	return readers
}
