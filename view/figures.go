package view

import "math"

// Figures count what a Buffer has seen.
type Figures struct {
	// Packets are all that were RTP, and Malformed those that were not, or no JPEG.
	Packets, Malformed uint64
	// Lost packets did not come in time. Late ones came after they were counted as
	// lost, or before the first one.
	Lost, Late uint64
	// Duplicates came again, Reordered ones after a later one, Strange ones were so far
	// off that they were not used.
	Duplicates, Reordered, Strange uint64
	// Restarts is how often the source began anew.
	Restarts uint64
	// Frames came whole. FramesDamaged came in part. FramesMissed did not come at all,
	// as far as is known from the timestamps of those before and after; frames that the
	// sender skipped for this receiver are among them.
	Frames, FramesDamaged, FramesMissed uint64
}

// FramesLost is how many frames could not be shown.
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
	broken    bool // a packet was lost since it began
	// interval is the usual time between frames, in timestamp units, from frames
	// between which nothing was lost. 0: not known yet.
	interval float64
}

// intervalWeight is the newest interval's part in the usual one.
const intervalWeight = 1.0 / 8

// gap notes that a packet was lost.
func (t *tally) gap() { t.broken = true }

// begin notes that a packet of this timestamp is released.
func (t *tally) begin(timestamp uint32) {
	if t.frames.begun && timestamp == t.timestamp {
		return
	}
	elapsed := float64(int32(timestamp - t.timestamp))
	switch {
	case !t.frames.begun, elapsed <= 0:
	case t.broken:
		if t.interval > 0 {
			t.FramesMissed += uint64(max(0, math.Round(elapsed/t.interval)-1))
		}
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

// whole notes that the frame in hand is complete.
func (t *tally) whole() {
	t.Frames++
	t.done, t.broken = true, false
}
