package cast

import (
	"time"

	"github.com/camcast/camcast/proto/rtcp"
)

// thinning is what is kept of a reader that has reported loss. All readers share the
// sequence numbers, so one that is not sent every frame finds gaps, and reports as lost
// what it was not sent. What it was sent is known, though: so many packets as its sweep
// has sent since, plus an offset that makes up for those of the sweeps it was moved
// between.
type thinning struct {
	adaption
	// heard is the highest packet of the last report that counted, as an index into all
	// packets of the stream; lost is what was reported as lost by then, and sent how many
	// packets had been sent to the reader.
	heard, sent uint32
	lost        int32
	offset      uint32
	// since is the first packet that its present sweep can have sent it. Reports of
	// earlier ones are about the past.
	since uint32
	// wish is the level that it is to have; moving: it is in a list for that.
	wish   uint8
	moving bool
	// short: the shorter part of a trial is on.
	short bool
}

// trialEnd is when the shorter part of a reader's trial ends.
type trialEnd struct {
	reader *UDPReader
	last   uint64 // frame
}

// reported takes a reader's report.
func (r *UDPReader) reported(report rtcp.ReceptionReport) {
	s := r.group.stream
	if r.gone || s.cast.config.Adapt == AdaptOff || r.thinning == nil && report.FractionLost == 0 {
		return
	}
	// What receivers make of the upper bits differs: it is the latest packet of these 16.
	newest := s.packetizer.NextSequence() - 1
	index := uint32(s.packetsMade) - 1 - uint32(newest-uint16(report.HighestSequence))
	sent, known := r.sweep().ledger.upTo(index)
	if !known {
		return
	}
	at := uint32(s.cast.loop.Now() / time.Millisecond)
	t := r.thinning
	if t == nil {
		t = &thinning{heard: index, sent: sent, lost: report.CumulativeLost, since: index}
		r.thinning = t
		r.adapt(heard{at: at, sent: 256, lost: uint32(report.FractionLost)})
		return
	}
	if t.short || int32(index-t.since) < 0 || int32(index-t.heard) <= 0 {
		return
	}
	h := heard{at, sent + t.offset - t.sent, 0}
	h.lost = lostOf(h.sent, index-t.heard, report, t.lost)
	t.heard, t.sent, t.lost = index, sent+t.offset, report.CumulativeLost
	r.adapt(h)
}

// lostOf returns how many of the sent packets were lost, by a report that tells of so many
// sequence numbers. before is the count of lost packets in the last report.
func lostOf(sent, numbers uint32, report rtcp.ReceptionReport, before int32) uint32 {
	missing := int64(int32(uint32(report.CumulativeLost-before)<<8) >> 8) // 24 bits, signed
	if missing == 0 {
		// Nothing, or the count has come to its end, as it does in some hours for a
		// reader that is thinned.
		missing = int64(numbers) * int64(report.FractionLost) / 256
	}
	received := int64(numbers) - missing
	return uint32(min(max(int64(sent)-received, 0), int64(sent)))
}

// adapt applies the rule of thinning, and does what follows.
func (r *UDPReader) adapt(h heard) {
	s, t := r.group.stream, r.thinning
	was := t.adaption
	t.adaption = adapt(was, h)
	if t.adaption == was {
		return
	}
	if t.level != was.level {
		s.countStep(was.level, t.level)
		s.log.Debug("reader is sent fewer or more frames", "rtcp", r.controlAddress(), "every", 1<<t.level)
	}
	level := t.level
	if t.trial != noTrial {
		level--
	}
	if t.trial == shortTrial && was.trial != shortTrial {
		t.short = true
		s.trials = append(s.trials, trialEnd{r, s.ring.newest + uint64(t.trialFrames())})
	}
	r.moveTo(level)
}

// countStep counts a change of a reader's level.
func (s *Stream) countStep(from, to uint8) {
	if to > from {
		s.figures.ThinnedMore += uint64(to - from)
	} else {
		s.figures.ThinnedLess += uint64(from - to)
	}
	switch {
	case from == 0:
		s.figures.Thinned++
	case to == 0:
		s.figures.Thinned--
	}
}

// unthin forgets a reader that leaves.
func (s *Stream) unthin(r *UDPReader) {
	if r.thinning != nil && r.thinning.level > 0 {
		s.figures.Thinned--
	}
}

// endTrials ends the shorter part of trials before the newest frame is sent.
func (s *Stream) endTrials() {
	kept := s.trials[:0]
	for _, e := range s.trials {
		switch t := e.reader.thinning; {
		case e.reader.gone:
		case s.ring.newest <= e.last:
			kept = append(kept, e)
		default:
			t.short = false
			e.reader.moveTo(t.level)
		}
	}
	clear(s.trials[len(kept):])
	s.trials = kept
}

// moveTo has the reader sent every 2^level-th frame, now or after the frame in hand.
func (r *UDPReader) moveTo(level uint8) {
	t, lane := r.thinning, &r.group.stream.audience.lanes[r.group.level]
	t.wish = level
	if !t.moving && (lane.sweeping || !r.move()) {
		t.moving = true
		lane.moving = append(lane.moving, r)
	}
}

// moveReaders moves who has waited for it.
func (s *Stream) moveReaders(from *lane) {
	kept := from.moving[:0]
	for _, r := range from.moving {
		if !r.gone && !r.move() {
			kept = append(kept, r)
			continue
		}
		r.thinning.moving = false
	}
	clear(from.moving[len(kept):])
	from.moving = kept
}

// move takes the reader to the sweep it is to be served by, if it would not be sent a
// frame again there. Neither sweep's other readers are touched: of those the reader
// leaves none is being sent a frame, and those it joins are sent the frame in hand
// without it.
func (r *UDPReader) move() bool {
	s, g, t := r.group.stream, r.group, r.thinning
	if t.wish == g.level {
		return true
	}
	from, to := s.sweeps[g.level], s.sweeps[t.wish]
	if following(to.last, to.step) <= from.last {
		return false
	}
	peer, source := g.fan.Peer(int(r.place)), g.fan.Source(int(r.place))
	r.remove()
	r.enter(s.group(g.fan.Socket(), g.control, t.wish), peer, source)
	r.framesBefore += to.frames - from.frames
	r.lagsBefore += to.lags - from.lags
	r.failed = 0 // the sweeps' counts differ
	t.offset += from.ledger.sent - to.ledger.sent
	t.since = uint32(s.packetsMade)
	return true
}
