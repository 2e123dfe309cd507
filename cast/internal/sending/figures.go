package sending

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop/histogram"
)

// Figures counts what was sent.
type Figures struct {
	// Delivered is how many frames were handed to the kernel whole, summed over all
	// readers; Packets and Bytes are what they held.
	Delivered, Packets, Bytes uint64
	// Lags is how many frames readers have missed because sending was too far behind, summed
	// over all readers.
	Lags uint64
	// Unreachable is how many sends to single readers the kernel refused.
	Unreachable uint64
	// Thinned is how many readers are thinned at present. ThinnedMore and ThinnedLess count
	// the halvings and doublings so far.
	Thinned, ThinnedMore, ThinnedLess uint64
	// Resting is how many readers rest at present.
	Resting uint64
	// HeldBack is how many readers get no frames at present, as they report none of those that they were sent.
	HeldBack uint64
	// Late is how many frames began to be sent to the first unthinned reader more than a frame
	// interval after their capture.
	Late uint64
	// Swept is how many frames were handed to the kernel whole for all unthinned readers
	// behind at least one socket.
	Swept uint64
	// FirstAge and LastAge are the ages of frames when they were handed to the kernel for an
	// unthinned reader: for the first of all readers, and for the last one behind each socket.
	FirstAge, LastAge histogram.Histogram
}

// CountDelivered counts a frame that so many readers were sent. tagBytes is by how much sealing makes each packet larger.
func (f *Figures) CountDelivered(w *ring.Wire, tagBytes int, readers uint64) {
	f.Delivered += readers
	f.Packets += readers * uint64(w.Count)
	f.Bytes += readers * uint64(len(w.Bytes)+w.Count*tagBytes)
}

// CountStep counts a change of a reader's level.
func (f *Figures) CountStep(from, to uint8) {
	if to > from {
		f.ThinnedMore += uint64(to - from)
	} else {
		f.ThinnedLess += uint64(from - to)
	}
	switch {
	case from == 0:
		f.Thinned++
	case to == 0:
		f.Thinned--
	}
}

// CountLeaving counts that a reader leaves which is thinned, rests, or is held back.
func (f *Figures) CountLeaving(thinned, resting, heldBack bool) {
	if thinned {
		f.Thinned--
	}
	if resting {
		f.Resting--
	}
	if heldBack {
		f.HeldBack--
	}
}
