package view

import "math"

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
	broken    bool // a packet did not come since it began
	between   bool // the last gap was one between two frames
	// interval is the usual time between frames, in timestamp units, from frames
	// between which nothing was lost. 0: not known yet.
	interval float64
}

// intervalWeight is the newest interval's part in the usual one.
const intervalWeight = 1.0 / 8

// gap notes that a packet did not come, and whether its gap is one between two frames.
func (t *tally) gap(between bool) { t.broken, t.between = true, between }

// begin notes that a packet of this timestamp is released.
func (t *tally) begin(timestamp uint32) {
	if t.frames.begun && timestamp == t.timestamp {
		return
	}
	elapsed := float64(int32(timestamp - t.timestamp))
	switch {
	case !t.frames.begun, elapsed <= 0:
	case t.broken && t.between:
		t.FramesSkipped += max(t.missing(elapsed), 1)
	case t.broken:
		t.FramesMissed += t.missing(elapsed)
	case t.interval == 0:
		t.interval = elapsed
	default:
		t.interval += intervalWeight * (elapsed - t.interval)
	}
	if t.frames.begun && !t.done {
		t.FramesDamaged++
	}
	t.frames.begun, t.timestamp, t.done, t.broken = true, timestamp, false, false
}

// missing is how many frames are not there between two that are so far apart, 0 if that is not
// known.
func (t *tally) missing(elapsed float64) uint64 {
	if t.interval == 0 {
		return 0
	}
	return uint64(max(0, math.Round(elapsed/t.interval)-1))
}

// useless notes that the frame in hand came whole, and needs one that did not come.
func (t *tally) useless() {
	t.FramesDamaged++
	t.done, t.broken = true, false
}

// whole notes that the frame in hand is complete.
func (t *tally) whole() {
	t.Frames++
	t.done, t.broken = true, false
}
