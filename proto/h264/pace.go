package h264

import "math"

// pace is how far apart frames are, as those show between which nothing is missing. It limits how many
// frames can be missing where some are.
type pace struct {
	measured int
	// ticks are the time of a step of the picture order count, where slices have its lowest bits
	// (pic_order_cnt_type 0), else that of a frame.
	ticks float64
	isOdd bool // frames are one step apart, and not two as in most streams
	jump  int  // the most steps from one frame to the next one in decoding order
	key   int  // the fewest packets that an IDR picture came in; 0: none has come
}

const (
	// minMeasured is how many steps must have been measured before anything is concluded.
	minMeasured = 2
	// paceWeight is the part of a new measurement in ticks: cameras' times jitter.
	paceWeight = 1. / 8
	// maxOff is how many steps, or frames, time and count may differ by.
	maxOff = 0.5
)

// noteKey takes an IDR picture that came in so many packets.
func (p *pace) noteKey(packets int) {
	if p.key == 0 || packets < p.key {
		p.key = packets
	}
}

// measure takes two frames between which none is missing, and the time from the first to the second one.
func (p *pace) measure(from, to *slice, s *knownSPS, ticks int) {
	steps := 1
	if s.orderType == 0 {
		modulus := 1 << s.orderBits
		steps = (int(to.order)-int(from.order)+modulus+modulus/2)%modulus - modulus/2
		p.isOdd = p.isOdd || steps&1 != 0
		p.jump = max(p.jump, steps, -steps)
	}
	if ticks == 0 || steps == 0 || ticks > 0 != (steps > 0) {
		return
	}
	measured := float64(ticks) / float64(steps)
	if p.measured == 0 {
		p.ticks = measured
	} else {
		p.ticks += (measured - p.ticks) * paceWeight
	}
	p.measured = min(p.measured+1, minMeasured)
}

// isClose reports whether the frames missing between two are so few that their numbers cannot be right
// by chance: neither as often as frame_num counts to its end, nor as it began anew with an IDR picture. They
// are at most packets.
func (p *pace) isClose(from, to *slice, s *knownSPS, ticks, packets int) bool {
	if p.measured < minMeasured || !from.read || to.field || to.idr {
		return false
	}
	passed := float64(ticks) / p.ticks
	if math.Abs(passed) > math.MaxInt16 {
		return false
	}
	if s.orderType == 0 {
		return p.isOrdered(from, to, s, passed, packets)
	}
	missing := int(math.Round(passed)) - 1
	if missing < 0 || s.orderType == 2 && missing > 1 { // type 2 forbids two disposable frames in a row
		return false
	}
	return missing < 1<<s.frameNumBits-1 && (to.frameNum == 0 || int(to.frameNum) > missing || packets < p.key/2)
}

// isOrdered is isClose where slices have the lowest bits of the picture order count. passed is the time
// between the frames in its steps.
func (p *pace) isOrdered(from, to *slice, s *knownSPS, passed float64, packets int) bool {
	modulus := 1 << s.orderBits
	steps := int(to.order) - int(from.order)
	steps += modulus * int(math.Round((passed-float64(steps))/float64(modulus)))
	if math.Abs(passed-float64(steps)) >= maxOff {
		return false // an IDR picture has begun the count anew, or the rate has changed
	}
	distance := 2
	if p.isOdd {
		distance = 1
	}
	// Frames that are missing may be shown before the first of the two, and after the second one if that
	// is a B picture, each by less than the longest jump.
	after := 0
	if to.bidirectional {
		after = p.jump
	}
	if min(packets, (steps+p.jump+after)/distance-1) >= 1<<s.frameNumBits {
		return false
	}
	// An IDR picture that is missing was shown after the first of the two, and its count is 0: so many
	// steps before the second one. From it to there are no more frames than these steps have room for.
	if to.frameNum == 0 || packets < p.key/2 {
		return true
	}
	for since := int(to.order); since < steps; since += modulus {
		if since > 0 && int(to.frameNum) <= min(packets, (since+after)/distance) {
			return false
		}
	}
	return true
}
