package view

import "math"

// order puts frames into the order in which they are shown, by their timestamps, and counts those that are
// missing among them. Timestamps go back where frames are sent before others that are shown before them, as
// B-frames need; how far is seen from the frames that have come.
type order struct {
	// waiting are those that others may still be shown before, the first one first, and depth is how many
	// there may be.
	waiting [mostReordered + 1]uint32
	count   int
	depth   int
	// last is the last one that is shown, if there is one.
	last    uint32
	hasLast bool
	// interval is the usual time between frames that are shown one after the other, in timestamp units.
	// 0: not known yet.
	interval float64
	// gap is what did not come among the last frames, near further ones to be shown. counted is how many of
	// those frames are counted already.
	gap     gap
	near    int
	counted uint64
}

// gap is what did not come before a frame.
type gap uint8

const (
	noGap      gap = iota
	betweenGap     // whole frames
	damagedGap     // some of a frame, and maybe whole ones
)

const (
	// mostReordered is how many frames may be sent before one that is shown before them: as many as a decoder
	// of H.264 or H.265 holds.
	mostReordered = 16
	// intervalWeight is the newest interval's part in the usual one.
	intervalWeight = 1.0 / 8
)

// add takes the next frame's timestamp, and what did not come before it. It returns how many more frames are
// missing: in gaps that damaged others, and in gaps of whole frames.
func (o *order) add(timestamp uint32, g gap) (missed, skipped uint64) {
	if g != noGap {
		o.gap, o.counted = g, 0
		if o.near = 0; o.depth > 0 {
			o.near = mostReordered
		}
	}
	if g == betweenGap {
		skipped, o.counted = 1, 1
	}
	if o.hasLast && int32(timestamp-o.last) < 0 {
		o.putBack(timestamp)
	}
	at := o.count
	for at > 0 && int32(timestamp-o.waiting[at-1]) < 0 {
		at--
	}
	copy(o.waiting[at+1:o.count+1], o.waiting[at:o.count])
	o.waiting[at] = timestamp
	o.count++
	o.depth = max(o.depth, o.count-1-at)
	for o.count > o.depth {
		if o.gap == betweenGap {
			skipped += o.show(o.waiting[0])
		} else {
			missed += o.show(o.waiting[0])
		}
		copy(o.waiting[:], o.waiting[1:o.count])
		o.count--
	}
	return missed, skipped
}

// putBack has the last frame wait again, as one is shown before it. If that is too far back, the source has set
// its clock, and all begins anew.
func (o *order) putBack(timestamp uint32) {
	if o.count+1 > mostReordered || int32(timestamp-o.last) < -mostBackTicks {
		*o = order{interval: o.interval}
		return
	}
	copy(o.waiting[1:], o.waiting[:o.count])
	o.waiting[0], o.hasLast, o.interval = o.last, false, 0
	o.count++
}

// show takes the next frame that is shown, and returns how many more frames are missing before it.
func (o *order) show(timestamp uint32) (missing uint64) {
	elapsed := float64(int32(timestamp - o.last))
	switch {
	case !o.hasLast:
	case o.gap == noGap && o.interval > 0:
		o.interval += intervalWeight * (elapsed - o.interval)
	case o.gap == noGap, o.depth > 0 && (o.interval == 0 || elapsed < o.interval):
		o.interval = elapsed
	case o.interval > 0:
		missing = uint64(max(0, math.Round(elapsed/o.interval)-1))
		known := min(missing, o.counted)
		missing, o.counted = missing-known, o.counted-known
	}
	if o.near--; o.near < 0 {
		o.gap, o.near = noGap, 0
	}
	o.last, o.hasLast = timestamp, true
	return missing
}
