package fanout

import (
	"time"

	"github.com/camcast/camcast/proto/rtcp"
)

// thinning is what is kept of a reader that has reported loss. All readers share the
// sequence numbers, so one that is not sent every frame finds gaps, and reports as lost
// what it was not sent. What it was sent is known: as many packets as its sweep has sent
// since, plus an offset for the sweeps that it was moved between.
type thinning struct {
	adaption
	// last is the highest packet of the last report, as an index into all packets of the
	// form, and count what it said of lost ones.
	last  uint32
	count int32
	// sent is how many packets the reader had been sent at the last report that the rule
	// was given, and received how many it has received since.
	sent     uint32
	received int32
	// judged is that report's highest packet, and withheld how many of those up to it were
	// not sent to the reader.
	judged, withheld uint32
	offset           uint32
	// since is the first packet that its present sweep can have sent it. Reports of
	// earlier ones are about the past.
	since uint32
	// trying: a part of a trial is on, which ends when frame trialEnd is there.
	trying   bool
	trialEnd uint64
}

// trialEnd is when a part of a reader's trial ends.
type trialEnd struct {
	reader *Reader
	last   uint64 // frame
}

// Reported takes what a reader has reported about the form's SSRC, and thins it or gives it
// more frames by that.
func (r *Reader) Reported(report rtcp.ReceptionReport) {
	f := r.group.fanout
	if r.gone || !f.config.Thin || r.thinning == nil && report.FractionLost == 0 {
		return
	}
	// What receivers make of the upper bits differs: it is the latest packet of these 16.
	newest := f.config.NextSequence() - 1
	index := uint32(f.config.Form.Packets()) - 1 - uint32(newest-uint16(report.HighestSequence))
	sent, known := r.group.sweep.ledger.upTo(index)
	at := uint32(f.config.Loop.Now() / time.Millisecond)
	t := r.thinning
	if t == nil {
		if known {
			r.thinning = &thinning{last: index, judged: index, count: report.CumulativeLost, sent: sent, since: index}
			r.adapt(f.evidence(at, 256, uint32(report.FractionLost)))
		}
		return
	}
	if int32(index-t.last) <= 0 {
		return
	}
	t.receive(report, index)
	if !known || int32(index-t.since) < 0 {
		return
	}
	sent += t.offset
	e := f.evidence(at, sent-t.sent, 0)
	e.lost = uint32(max(int32(e.sent)-max(t.received, 0), 0))
	if t.trying && !e.lossy() {
		return // the report that judges covers all of the trial
	}
	t.withheld += index - t.judged - e.sent
	t.judged, t.sent, t.received = index, sent, 0
	r.adapt(e)
}

// evidence is what the rule is given.
func (f *Fanout) evidence(at, sent, lost uint32) evidence {
	group := f.pictures.longest()
	return evidence{
		at: at, sent: sent, lost: lost, frame: f.framePackets(), dependent: f.dependent(),
		group: group.packets, groupFrames: group.frames, gap: group.gap, disposable: group.share(),
	}
}

// Thinned reports whether the reader is sent fewer frames than there are, or waits to be sent more
// again, because it reports loss.
func (r *Reader) Thinned() bool { return r.thinning != nil && r.thinning.level > 0 }

// Withheld is how many of the packets that the reader has reported as lost were not lost but
// not sent to it, as it is thinned.
func (r *Reader) Withheld() int {
	if r.thinning == nil {
		return 0
	}
	return int(r.thinning.withheld)
}

// receive counts what was received, by a report up to a packet.
func (t *thinning) receive(report rtcp.ReceptionReport, index uint32) {
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
func (r *Reader) adapt(e evidence) {
	f, t := r.group.fanout, r.thinning
	was := t.adaption
	t.adaption = adapt(was, e)
	if t.adaption == was {
		return
	}
	if t.level != was.level {
		f.config.Figures.CountStep(was.level, t.level)
		f.config.Log.Debug("reader is sent fewer or more frames", "rtcp", r.RTCPAddress(), "level", t.level)
	}
	if t.trying = t.part > 0; !t.trying {
		r.moveTo(t.level)
	} else if t.part != was.part {
		t.trialEnd = f.config.Ring.Newest() + uint64(t.trialFrames(e))
		f.trials = append(f.trials, trialEnd{r, t.trialEnd})
		r.moveTo(t.tries())
	}
}

// uncount forgets a reader that leaves.
func (f *Fanout) uncount(r *Reader) {
	f.config.Figures.CountLeaving(r.Thinned(), r.resting != 0, false)
	delete(f.rested, r)
}

// endTrials ends the parts of trials that are over before the newest frame is sent. A part
// that a report has ended before is still in the list, though the reader may be in another. One
// that has not begun, as the reader waits for a key frame, ends so much later.
func (f *Fanout) endTrials() {
	kept := f.trials[:0]
	for _, e := range f.trials {
		switch t := e.reader.thinning; {
		case e.reader.gone || !t.trying || t.trialEnd != e.last:
		case e.reader.group.level != t.tries():
			t.trialEnd++
			kept = append(kept, trialEnd{e.reader, t.trialEnd})
		case f.config.Ring.Newest() <= e.last, !f.config.Ring.Last().Key: // trials are whole groups
			kept = append(kept, e)
		default:
			t.trying = false
			e.reader.moveTo(t.level)
		}
	}
	clear(f.trials[len(kept):])
	f.trials = kept
}

// moveTo has the reader get the frames of a level, now or after the frame in hand.
func (r *Reader) moveTo(level uint8) {
	r.wish = level
	r.settle()
}

// settle moves the reader to the group that it belongs in, now or after the frame in hand.
func (r *Reader) settle() {
	g := r.group
	if g.level == catchLevel {
		g.fanout.catching.enter(r)
		return
	}
	if !r.moving && (g.sweep.Hand != nil || !r.move()) {
		r.moving = true
		g.moving = append(g.moving, r)
	}
}

// move takes the reader to the group that it belongs in, if that accepts it. The other readers
// are not touched: the group that it leaves has no frame in hand, and the frame in hand of its
// new group is sent without it.
func (r *Reader) move() bool {
	g, level := r.group, r.wish
	if r.cut && (g.level == keysLevel || g.level == joinLevel) {
		r.cut, r.before, r.entered = false, 0, uint32(g.sweep.Cursor.Taken())
	}
	switch {
	case r.resting != 0:
		level = restLevel
	case r.cut && level < keysLevel:
		level = joinLevel
	}
	if level == g.level {
		return true
	}
	target := g.fanout.group(g.fan.Socket(), g.rtcp, level)
	if !target.accepts(r) {
		return false
	}
	from, to := g.sweep, target.sweep
	peer, source := g.fan.Peer(int(r.index)), g.fan.Source(int(r.index))
	to.Cursor = target.start(r)
	if g.level == catchLevel {
		g.fanout.catching.Remove(r)
	}
	r.leaveGroup()
	if r.cut {
		r.cut, r.before = false, 0
	}
	r.enter(target, peer, source)
	if level == joinLevel {
		r.settle() // there it waits
	}
	if t := r.thinning; t != nil {
		t.offset += from.ledger.sent - to.ledger.sent
		t.since = uint32(g.fanout.config.Form.Packets())
	}
	return true
}
