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
	// last is the highest packet of the last report, as an index into all packets of the
	// stream, and count what it told of lost ones.
	last  uint32
	count int32
	// sent is how many packets the reader had been sent at the last report that the rule
	// was told of, and received how many it has received since.
	sent     uint32
	received int32
	// judged is that report's highest packet, and withheld how many of those up to it were
	// not sent to the reader.
	judged, withheld uint32
	offset           uint32
	// since is the first packet that its present sweep can have sent it. Reports of
	// earlier ones are about the past.
	since uint32
	// trying: a part of a trial is on.
	trying bool
}

// trialEnd is when a part of a reader's trial ends.
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
	sent, known := r.group.sweep.ledger.upTo(index)
	at := uint32(s.cast.loop.Now() / time.Millisecond)
	t := r.thinning
	if t == nil {
		if known {
			r.thinning = &thinning{last: index, judged: index, count: report.CumulativeLost, sent: sent, since: index}
			r.adapt(heard{at: at, sent: 256, lost: uint32(report.FractionLost), frame: s.framePackets()})
		}
		return
	}
	if int32(index-t.last) <= 0 {
		return
	}
	t.hear(report, index)
	if !known || int32(index-t.since) < 0 {
		return
	}
	sent += t.offset
	h := heard{at: at, sent: sent - t.sent, frame: s.framePackets()}
	h.lost = uint32(max(int32(h.sent)-max(t.received, 0), 0))
	if t.trying && !h.lossy() {
		return // the report that judges is to tell of all of it
	}
	t.withheld += index - t.judged - h.sent
	t.judged, t.sent, t.received = index, sent, 0
	r.adapt(h)
}

// Withheld is how many of the packets that the reader has reported as lost were not lost but
// not sent to it, as it is thinned.
func (r *UDPReader) Withheld() int {
	if r.thinning == nil {
		return 0
	}
	return int(r.thinning.withheld)
}

// hear counts what was received, by a report up to a packet.
func (t *thinning) hear(report rtcp.ReceptionReport, index uint32) {
	numbers := int32(index - t.last)
	missing := int32(uint32(report.CumulativeLost-t.count)<<8) >> 8 // 24 bits, signed
	if missing == 0 {
		// Nothing, or the count has come to its end, as it does in some hours for a
		// reader that is thinned.
		missing = int32(int64(numbers) * int64(report.FractionLost) / 256)
	}
	t.received += numbers - missing
	t.last, t.count = index, report.CumulativeLost
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
	if t.trying = t.part > 0; !t.trying {
		r.moveTo(t.level)
	} else if t.part != was.part {
		s.trials = append(s.trials, trialEnd{r, s.ring.newest + uint64(t.trialFrames())})
		r.moveTo(t.tries())
	}
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

// uncount forgets a reader that leaves.
func (s *Stream) uncount(r *UDPReader) {
	if r.thinning != nil && r.thinning.level > 0 {
		s.figures.Thinned--
	}
	if r.resting {
		s.figures.Resting--
	}
}

// endTrials ends the parts of trials that are over before the newest frame is sent.
func (s *Stream) endTrials() {
	kept := s.trials[:0]
	for _, e := range s.trials {
		switch t := e.reader.thinning; {
		case e.reader.gone:
		case s.ring.newest <= e.last:
			kept = append(kept, e)
		default:
			t.trying = false
			e.reader.moveTo(t.level)
		}
	}
	clear(s.trials[len(kept):])
	s.trials = kept
}

// moveTo has the reader sent every 2^level-th frame, now or after the frame in hand.
func (r *UDPReader) moveTo(level uint8) {
	r.wish = level
	r.settle()
}

// settle has the reader served by the sweep that it is to be served by, now or after the
// frame in hand.
func (r *UDPReader) settle() {
	g := r.group
	if !r.moving && (g.sweep.hand != nil || !r.move()) {
		r.moving = true
		g.moving = append(g.moving, r)
	}
}

// moveReaders moves who has waited for it.
func (g *group) moveReaders() {
	kept := g.moving[:0]
	for _, r := range g.moving {
		if !r.gone && !r.move() {
			kept = append(kept, r)
			continue
		}
		r.moving = false
	}
	clear(g.moving[len(kept):])
	g.moving = kept
}

// move takes the reader to the sweep it is to be served by, if it would not be sent a
// frame again there. Neither sweep's other readers are touched: of those the reader
// leaves none is being sent a frame, and those it joins are sent the frame in hand
// without it.
func (r *UDPReader) move() bool {
	s, g, level := r.group.stream, r.group, r.wish
	if r.resting {
		level = restLevel
	}
	if level == g.level {
		return true
	}
	target := s.group(g.fan.Socket(), g.control, level)
	from, to := g.sweep, target.sweep
	if following(to.last, to.step) <= from.last {
		return false
	}
	peer, source := g.fan.Peer(int(r.place)), g.fan.Source(int(r.place))
	r.remove()
	r.enter(target, peer, source)
	r.framesBefore += to.promised() - from.frames
	r.lagsBefore += to.lags - from.lags
	r.failed = 0 // the sweeps' counts differ
	if t := r.thinning; t != nil {
		t.offset += from.ledger.sent - to.ledger.sent
		t.since = uint32(s.packetsMade)
	}
	return true
}
