package fanout

import "github.com/camcast/camcast/cast/internal/ring"

// This file has the rule of thinning, and what it must know of a stream, for readers whose packets have
// numbers of their own (package sealfan): frames that these are not sent leave no gap.

// Own is the rule for one such reader. Its zero value is a reader that is sent every frame.
type Own struct{ rule adaption }

// OwnEvidence is what the rule is given with a report.
type OwnEvidence struct {
	// At is when the report came, in milliseconds of a clock that may wrap.
	At uint32
	// Sent is how many packets the reader was sent since the report before, and Lost how many of these
	// have not arrived.
	Sent, Lost uint32
}

// Levels of readers where frames depend on each other.
const (
	AllFrames    = 0
	NeededFrames = neededLevel
	KeyFrames    = keysLevel
)

// Take applies the rule, and reports whether the reader's level or its trial has changed.
func (o *Own) Take(e OwnEvidence, p *Pictures) (changed bool) {
	was := o.rule
	o.rule = adapt(was, p.evidence(e))
	return o.rule != was
}

// Level is what the reader is to be sent when no trial is on.
func (o *Own) Level() uint8 { return o.rule.level }

// Trial is the level that is tried, and for how many frames at least, if on is set.
func (o *Own) Trial(p *Pictures) (level uint8, frames int, on bool) {
	if o.rule.part == 0 {
		return 0, 0, false
	}
	return o.rule.tries(), o.rule.trialFrames(p.evidence(OwnEvidence{})), true
}

// Part counts the parts of the trial, 0 if none is on.
func (o *Own) Part() uint8 { return o.rule.part }

// Lossy reports whether the rule takes it for loss.
func (e OwnEvidence) Lossy() bool { return evidence{sent: e.Sent, lost: e.Lost}.lossy() }

// Pictures is what is known of a stream's groups of pictures.
type Pictures struct{ groups pictures }

// Count counts a frame.
func (p *Pictures) Count(f *ring.Frame, w *ring.Wire) { p.groups.count(f, w) }

// evidence is what the rule is given.
func (p *Pictures) evidence(e OwnEvidence) evidence {
	group := p.groups.longest()
	return evidence{at: e.At, sent: e.Sent, lost: e.Lost, dependent: true, groupFrames: group.frames, disposable: group.share()}
}
