package cast

import (
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
)

// The rule of quality, for a stream whose pictures are encoded here:
//
//   - Each address has one vote, or each /64 of IPv6, however many readers it has. It votes for
//     less if more than half of them are thinned. Otherwise one host with many readers that lie
//     would lower the quality for all.
//   - While more than half of the votes are for less, the quality goes down by a quarter every
//     10 s, at most four times.
//   - While fewer than a quarter are, it goes back up by a step every 60 s.
//   - If it has to go down again within two minutes of going up, the next wait to go up is
//     twice as long, up to 16 minutes. Once a step up has stood it is 60 s again.
//
// Readers are thinned by several reports each, so no few reports move the quality.

// coding is what the rule knows of a stream. Its zero value is the full quality. Times are
// milliseconds of a clock that may wrap.
type coding struct {
	// steps is how many steps the quality is below the source's own.
	steps uint8
	// caution is how often the wait to go up is doubled.
	caution uint8
	hall    mood
	// since is when the mood of the hall changed, or the last step after that was taken.
	since uint32
	// raised: the last step was one up, at raisedAt.
	raised   bool
	raisedAt uint32
}

// mood is how a stream's readers are.
type mood uint8

const (
	content   mood = iota // fewer than a quarter vote for less
	mixed                 // neither
	suffering             // more than half do
)

// census is how many addresses have readers of a stream, and how many of them vote for less
// quality.
type census struct {
	at           uint32
	voters, less int
}

const (
	maxQualitySteps   = 4
	qualityDownTime   = uint32(10 * time.Second / time.Millisecond)
	qualityUpTime     = uint32(60 * time.Second / time.Millisecond)
	qualityStoodTime  = 2 * qualityUpTime
	maxQualityCaution = 4
	// censusInterval is how often the rule is applied.
	censusInterval = time.Second
)

// adaptQuality is the rule.
func adaptQuality(s coding, c census) coding {
	now := content
	switch {
	case 2*c.less > c.voters:
		now = suffering
	case 4*c.less >= c.voters && c.less > 0:
		now = mixed
	}
	if now != s.hall {
		s.hall, s.since = now, c.at
	}
	if s.raised && c.at-s.raisedAt >= qualityStoodTime {
		s.raised, s.caution = false, 0
	}
	switch lasted := c.at - s.since; {
	case now == suffering && lasted >= qualityDownTime && s.steps < maxQualitySteps:
		if s.raised {
			s.caution = min(s.caution+1, maxQualityCaution)
		}
		s.steps, s.since, s.raised = s.steps+1, c.at, false
	case now == content && s.steps > 0 && lasted >= qualityUpTime<<s.caution:
		s.steps, s.since, s.raised, s.raisedAt = s.steps-1, c.at, true, c.at
	}
	return s
}

// of returns the quality that the state asks for, where the source's own is full.
func (s coding) of(full int) int {
	quality := full
	for range s.steps {
		quality = quality * 3 / 4
	}
	return max(quality, 1)
}

// qualityControl applies the rule to a stream.
type qualityControl struct {
	stream *Stream
	source capture.Encoder
	full   int // the source's own quality, 0 as long as it does not encode
	timer  *loop.Timer
	coding coding
	votes  votes
}

// governQuality begins to apply the rule, if the stream's source may encode.
func governQuality(s *Stream, src capture.Source) {
	encoder, ok := src.(capture.Encoder)
	if !ok {
		return
	}
	q := &qualityControl{stream: s, source: encoder}
	s.quality = q
	q.timer = s.broadcaster.loop.NewTimer(q.apply)
	q.timer.SetAfter(censusInterval)
}

func (q *qualityControl) apply() {
	s := q.stream
	q.timer.SetAfter(censusInterval)
	if q.full == 0 { // a camera that has not been opened yet, or that delivers JPEG
		q.full = q.source.Quality()
		s.figures.Quality = q.full
	}
	if q.full == 0 {
		return
	}
	was := q.coding
	c := q.votes.of(s)
	c.at = uint32(s.broadcaster.loop.Now() / time.Millisecond)
	q.coding = adaptQuality(was, c)
	if q.coding.steps == was.steps {
		return
	}
	s.figures.Quality = q.coding.of(q.full)
	q.source.SetQuality(s.figures.Quality)
	s.log.Info("quality changed", "quality", s.figures.Quality, "readers", s.Readers()-s.Destinations(), "thinned", s.rendition.thinned(),
		"addresses", c.voters, "for_less", c.less)
}
