package coded

import (
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/h265"
)

// Timing gives frames of H.264 and H.265 their times. They are played in the order in which they are
// decoded, one a beat; where B-frames are shown in another order, a frame's distance from that is in
// its picture order count.
type Timing struct {
	interval time.Duration
	// depth is how many frames may be decoded before one that is shown earlier: 0: there are no
	// B-frames.
	depth int
	step  int // of the picture order count, from a frame to the next one that is shown
	// keyOrder is the order of the last key frame, and since how many frames have come since then.
	keyOrder, since int
	decode          time.Duration // of the last frame
}

// maxDepth is the largest depth that the standards allow.
const maxDepth = 16

// Begin begins with frames of these parameters.
func (t *Timing) Begin(p *media.Params, rate float64) {
	t.interval = time.Duration(float64(time.Second) / rate)
	t.depth, t.step = depthOf(p), 1
	if p.Format == media.H264 {
		t.step = 2 // it counts fields
	}
}

// depthOf is the depth that the parameter sets give, or the largest one if they give none.
func depthOf(p *media.Params) int {
	const baseline = 66 // the profile has no B-frames (H.264, A.2.1)
	depth := 0
	for _, set := range p.ParameterSets {
		switch p.Format {
		case media.H264:
			if sps, err := h264.ParseSPS(set); err == nil && h264.TypeOf(set) == h264.TypeSPS && sps.ProfileLevelID[0] != baseline {
				depth = max(depth, known(sps.ReorderFrames))
			}
		case media.H265:
			if sps, err := h265.ParseSPS(set); err == nil && h265.TypeOf(set) == h265.TypeSPS {
				depth = max(depth, known(sps.ReorderFrames))
			}
		}
	}
	return depth
}

func known(depth int) int {
	if depth < 0 || depth > maxDepth {
		return maxDepth
	}
	return depth
}

// Set sets the times of a frame that is due at a time.
func (t *Timing) Set(f *media.Frame, order int, due time.Duration) {
	f.Captured, f.Decode = due, 0
	if t.depth == 0 {
		return
	}
	if f.Key {
		t.keyOrder, t.since = order, 0
	}
	distance := order - t.keyOrder
	if distance%2 != 0 {
		t.step = 1 // some encoders count frames
	}
	shift := min(max(distance/t.step-t.since, -t.depth), maxDepth)
	t.since++
	f.Captured += time.Duration(shift) * t.interval
	f.Decode = min(max(due-time.Duration(t.depth)*t.interval, t.decode), f.Captured)
	t.decode = f.Decode
}
