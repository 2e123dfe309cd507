package rtsp

import (
	"time"

	"github.com/camcast/camcast/proto/rtp"
)

// timing gives frames their times: they advance as the camera's timestamps do, and follow our clock
// slowly, as both drift apart. With B-frames timestamps go back and forth.
type timing struct {
	begun     bool
	timestamp uint32        // of the last frame
	captured  time.Duration // of the last frame
	latest    time.Duration // the latest captured
	// depth is how far captured has been behind latest: 0 without B-frames.
	depth time.Duration
	when  time.Duration // when the last frame was to be decoded, or was captured
}

const (
	// maxOff is how late the times may be until they are set at once, and maxAhead how early: before
	// a first B-frame has come, those that wait for it seem to be taken in the future.
	maxOff   = time.Second
	maxAhead = 30 * time.Millisecond
	// slewShare is the part of the time that passes by which times are set otherwise: nobody sees 5 %.
	slewShare = 20
	// maxDepth is how far B-frames are believed to be behind.
	maxDepth = time.Second
)

// restart begins with other timestamps. Times go on.
func (t *timing) restart() { t.begun = false }

// next is the times of the next frame, of which measured is roughly when it was taken.
func (t *timing) next(timestamp uint32, measured time.Duration) (captured, decode time.Duration) {
	ticks := int64(int32(timestamp - t.timestamp))
	elapsed := time.Duration(ticks * int64(time.Second) / rtp.ClockHz)
	captured = t.captured + elapsed
	if off := measured - captured; !t.begun || off > maxOff || off < -maxAhead {
		captured = max(measured, t.when)
		t.latest = captured
	} else {
		most := elapsed.Abs() / slewShare
		captured += min(max(off, -most), most)
	}
	t.begun, t.timestamp, t.captured = true, timestamp, captured
	if behind := t.latest - captured; behind > t.depth {
		t.depth = min(behind, maxDepth)
	}
	t.latest = max(t.latest, captured)
	if t.depth == 0 {
		t.when = captured
		return captured, 0
	}
	decode = max(min(t.latest-t.depth, captured), t.when)
	t.when = decode
	return max(captured, decode), decode
}

// pace measures how many frames come in a second.
type pace struct {
	frames      int
	first, last uint32 // timestamps
	perSecond   float64
	lostAtFirst uint64
	isCounting  bool
	isCompleted bool
}

// paceFrames is how many intervals between frames are measured.
const paceFrames = 50

// frame takes a frame's timestamp, and how many frames were lost so far. It returns the rate in frames
// per second, 0 as long as that is not known; once it is known it stays.
func (p *pace) frame(timestamp uint32, lost uint64) float64 {
	if p.isCompleted {
		return p.perSecond
	}
	if !p.isCounting || lost != p.lostAtFirst {
		*p = pace{isCounting: true, first: timestamp, last: timestamp, lostAtFirst: lost}
		return 0
	}
	p.frames++
	if int32(timestamp-p.last) > 0 {
		p.last = timestamp
	}
	if span := int32(p.last - p.first); p.frames == paceFrames {
		p.isCounting = false // and begins anew if that is no rate
		if rate := float64(p.frames) * rtp.ClockHz / float64(span); span > 0 && rate >= leastRate && rate <= mostRate {
			p.isCompleted, p.perSecond = true, roundRate(rate)
		}
	}
	return p.perSecond
}

const (
	leastRate = 0.1
	mostRate  = 1000
)

// restart begins to count anew, as other timestamps come.
func (p *pace) restart() { p.isCounting = false }

// roundRate is a rate to a tenth of a frame per second: the measured one is no better.
func roundRate(rate float64) float64 { return float64(int(rate*10+0.5)) / 10 }
