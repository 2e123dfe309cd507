package sealfan

import (
	"time"

	"github.com/camcast/camcast/cast/internal/fanout"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/proto/rtcp"
)

// thinning is what is kept of a reader that has reported loss. Its packets have numbers of its own, so that what
// it reports as lost was lost.
type thinning struct {
	fanout.Own
	// last is the highest packet of the last report, and count what that said of lost ones.
	last  uint64
	count int32
	// trying: a part of a trial is on, which ends with the first key frame after trialEnd.
	trying   bool
	trialEnd uint64
}

// rate is what a reader says of how much its way can carry.
type rate struct {
	// octets were sent at a time, in milliseconds of a clock that may wrap, when its last estimate came.
	at, octets uint32
	// loss is what of the packets would be lost by that, in 1/256.
	loss uint32
}

const (
	// rateInterval is the least time over which the rate is measured that a reader is sent.
	rateInterval = uint32(500 * time.Millisecond / time.Millisecond)
	// narrow is how many times less than what a reader is sent its way must carry to count as narrow. Estimates
	// err: those of browsers go down by a quarter for a few packets that are late.
	narrow = 2
)

// Rated takes what a reader estimates that the way to it carries. It counts with its next report.
func (r *Reader) Rated(bitsPerSecond uint64) {
	now := r.now()
	elapsed := now - r.rate.at
	if elapsed < rateInterval {
		return
	}
	sent := uint64(r.octets-r.rate.octets) * 8 * 1000 / uint64(elapsed)
	isKnown := r.rate.at > 0
	r.rate = rate{at: now, octets: r.octets}
	if isKnown && bitsPerSecond*narrow < sent { // an estimate near 2^64 wraps, and is none of a narrow way
		r.rate.loss = uint32((sent - min(bitsPerSecond, sent)) * 256 / sent)
	}
}

func (r *Reader) now() uint32 { return uint32(r.group.owner.config.Loop.Now() / time.Millisecond) }

// Reported takes what a reader has reported about the packets that it is sent, and thins it or gives it more frames by
// that.
func (r *Reader) Reported(report rtcp.ReceptionReport) {
	f := r.group.owner
	if r.gone || !f.config.Thin || r.thinning == nil && report.FractionLost == 0 && r.rate.loss == 0 {
		return
	}
	// What receivers make of the upper bits differs: it is the latest packet of these 16.
	newest := r.keys.Next() - 1
	highest := newest - uint64(uint16(newest)-uint16(report.HighestSequence))
	if r.packets == 0 || highest > newest {
		return // it has reported a packet that was never sent
	}
	t := r.thinning
	if t == nil {
		r.thinning = &thinning{last: highest, count: report.CumulativeLost}
		r.adapt(fanout.OwnEvidence{At: r.now(), Sent: 256, Lost: max(uint32(report.FractionLost), r.rate.loss)})
		return
	}
	if highest <= t.last {
		return
	}
	sent := uint32(highest - t.last)
	lost := max(int32(uint32(report.CumulativeLost-t.count)<<8)>>8, 0) // 24 bits, signed
	t.last, t.count = highest, report.CumulativeLost
	e := fanout.OwnEvidence{At: r.now(), Sent: sent, Lost: max(min(uint32(lost), sent), sent*r.rate.loss/256)}
	if t.trying && !e.Lossy() {
		return // the report that judges covers all of the trial
	}
	r.adapt(e)
}

// adapt applies the rule of thinning, and does what follows.
func (r *Reader) adapt(e fanout.OwnEvidence) {
	f, t := r.group.owner, r.thinning
	level, part := t.Level(), t.Part()
	if !t.Take(e, &f.pictures) {
		return
	}
	if t.Level() != level {
		f.config.Figures.CountStep(level, t.Level())
		f.config.Log.Debug("reader is sent fewer or more frames", "peer", r.Peer(), "level", t.Level())
	}
	tried, frames, on := t.Trial(&f.pictures)
	if t.trying = on; !on {
		r.setLevel(t.Level())
	} else if t.Part() != part {
		t.trialEnd = f.config.Ring.Newest() + uint64(frames)
		r.setLevel(tried)
	}
}

// setLevel has the reader get the frames of a level. From key frames alone it comes back with one.
func (r *Reader) setLevel(level uint8) {
	if r.level == fanout.KeyFrames && level < fanout.KeyFrames {
		r.waits = true
	}
	r.level = level
}

// endTrial ends the reader's trial if it is over before a frame is sent. Trials are whole groups of pictures; one that
// has not begun, as the reader waits for a key frame, ends so much later.
func (r *Reader) endTrial(f *ring.Frame) {
	t := r.thinning
	switch {
	case t == nil || !t.trying:
	case r.waits:
		t.trialEnd++
	case f.Key && f.Number > t.trialEnd:
		t.trying = false
		r.setLevel(t.Level())
	}
}

// Thinned reports whether the reader is sent fewer frames than there are, or waits to be sent more again, because of its
// reports.
func (r *Reader) Thinned() bool { return r.thinning != nil && r.thinning.Level() > 0 }
