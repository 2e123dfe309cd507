package view

// Figures count what a Buffer has seen.
type Figures struct {
	// Packets are all that were RTP, and Malformed those that were not, or no JPEG.
	Packets, Malformed uint64
	// Lost packets did not come in time. Late ones came after they were given up, or before
	// the first one.
	Lost, Late uint64
	// Skipped packets did not come either, but all in a gap between two frames: the server did
	// not send these frames to this receiver, or the network has lost them whole. Nothing in
	// RTP says which.
	Skipped uint64
	// Duplicates came again, Reordered ones after a later one, Strange ones were so far
	// off that they were not used.
	Duplicates, Reordered, Strange uint64
	// Restarts is how often the source began anew.
	Restarts uint64
	// Frames came whole. FramesDamaged came in part, or need one that did not come. FramesMissed did not come at all, in a
	// gap that damaged those beside it; FramesSkipped did not, in a gap of whole frames, as
	// Skipped packets. Both are as far as is known from the timestamps before and after.
	Frames, FramesDamaged, FramesMissed, FramesSkipped uint64
}

// FramesLost is how many frames the network has lost or damaged.
func (f Figures) FramesLost() uint64 { return f.FramesDamaged + f.FramesMissed }

// tally counts frames by their timestamps.
type tally struct {
	Figures
	frames
}

// frames is what is known of the frame in hand.
type frames struct {
	begun     bool
	timestamp uint32
	done      bool // it came whole
	gap       gap  // what did not come since it began
	order     order
}

// skips notes that a packet did not come, and whether its gap is one between two frames.
func (t *tally) skips(between bool) {
	if t.frames.gap = damagedGap; between {
		t.frames.gap = betweenGap
	}
}

// begin notes that a packet of this timestamp is released.
func (t *tally) begin(timestamp uint32) {
	if t.frames.begun && timestamp == t.timestamp {
		return
	}
	g := t.frames.gap
	if !t.frames.begun {
		g = noGap
	}
	missed, skipped := t.order.add(timestamp, g)
	t.FramesMissed, t.FramesSkipped = t.FramesMissed+missed, t.FramesSkipped+skipped
	if t.frames.begun && !t.done {
		t.FramesDamaged++
	}
	t.frames.begun, t.timestamp, t.done, t.frames.gap = true, timestamp, false, noGap
}

// useless notes that the frame in hand came whole, and needs one that did not come.
func (t *tally) useless() {
	t.FramesDamaged++
	t.done, t.frames.gap = true, noGap
}

// whole notes that the frame in hand is complete.
func (t *tally) whole() {
	t.Frames++
	t.done, t.frames.gap = true, noGap
}
