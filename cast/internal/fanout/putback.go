package fanout

import "github.com/camcast/camcast/loop/udp"

// putBack lets go of a frame of which nobody has anything yet and that has become too old
// while the socket was full: on with the newest.
func (w *sweep) putBack() {
	if w.Hand == nil || w.Burst > 0 || w.position != (udp.Position{Peer: w.First}) || w.fanout().config.Ring.Get(w.Hand.Number) != nil {
		return
	}
	w.Cursor = w.before
	w.ledger.takeBack()
	w.giveUp(true)
	w.group.endFrame()
}

// giveUp lets go of the frame in hand, if there is one. It is counted for those who have it whole.
// missed: the others have missed it. It returns how many readers that are.
func (w *sweep) giveUp(missed bool) (readers int) {
	if w.Hand == nil {
		return 0
	}
	had := uint64(0)
	for i, r := range w.group.readers {
		switch {
		case i >= w.peers.Ring: // it has come meanwhile
			r.framesBefore--
			r.entered = uint32(w.Cursor.Taken())
			if missed {
				r.lagsBefore++
			}
			continue
		case r.failed != w.Turn && w.isServed(i):
			had++
			r.framesBefore--
			if missed {
				r.lagsBefore++
			}
			continue
		case r.failed == w.Turn: // that is no frame less
			r.refused--
		}
		if !r.gone {
			readers++
		}
	}
	w.fanout().delivered(w.Wire, had)
	w.Release()
	return readers
}

// isServed reports whether the reader with that index has been sent all of the frame in hand, unless the
// kernel has refused some of it.
func (w *sweep) isServed(index int) bool {
	if index < w.First {
		index += w.peers.Ring
	}
	return w.Burst == w.Wire.Runs()-1 && index < w.position.Peer
}
