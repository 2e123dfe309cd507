package fanout

import "time"

// The rule by which a reader is thinned, that is sent only every 2nd, 4th or 8th frame. Where frames
// depend on each other it is sent none that no other frame needs, or key frames alone:
//
//   - A report tells of loss if 1 % or more of what the reader was sent since the report
//     before has not arrived.
//   - Two reports in a row that tell of loss, a second or more apart, thin the reader: to
//     every 2nd, 4th or 8th frame, whatever leaves a tenth of what got through to spare.
//   - They thin it further in the same way, but not where less than a quarter is lost and
//     the last step has not lessened that: such loss does not come from the rate.
//   - Where frames depend on each other the first step is to those that others need, if there
//     are others and that leaves enough to spare, and the next one to key frames alone.
//   - No reader is thinned so far that the gap between two frames is 3000 packets or more:
//     players take that for a new stream, and show nothing of it. For key frames alone the gap
//     is the group of pictures.
//   - 10 s later, with the first report that tells of no loss, the step back is tried: for
//     4 frames at twice the rate that it needs, if there is one. If the next report tells of
//     no loss either, it is tried for 12, and then for 36. If the report on these tells of
//     no loss the step is taken, and the next one tried at once. Where frames depend on each
//     other these are as many whole groups of pictures as have so many frames, from a key frame
//     on that the reader has to wait for, and a group of 36 frames is enough for all parts.
//   - If one of these reports tells of loss, the trial has failed, and the next is 30 s away.
//     If it was not the first, or if the reader has to be thinned again within 30 s, then a
//     queue on the way had room for the few frames, and from then on they are twice as many.
//
// So no single report thins a reader or gives it more. A trial that fails costs few frames
// however far apart the reports are, since its end does not wait for one.

// adaption is what the rule knows of a reader. Its zero value is a reader that is sent
// every frame. Times are milliseconds of a clock that may wrap.
type adaption struct {
	// level: the reader is to be sent every 2^level-th frame, or what neededLevel and keysLevel say.
	level uint8
	// part counts the parts of a trial of the step back, the present one included; 0: there
	// is no trial.
	part uint8
	// length is how often the frames of a trial are doubled, by the level that is tried.
	length [thinLevels]uint8
	// row is how many reports in a row have told of loss, and rowBegan when the first came.
	row      uint8
	rowBegan uint32
	// before is the share that was lost when the reader was thinned last, in 1/256; 0 if
	// a report has told of no loss since.
	before uint8
	// restored: the last change of the level was a step back. failed: the last trial has
	// failed.
	restored, failed bool
	// changed is when the level last changed, and failedAt when the last trial failed.
	changed, failedAt uint32
}

// evidence is what the rule is given with a report: how many packets the reader was sent
// since the one before, how many of these were lost, when the report came, in milliseconds, and
// how many packets a frame of the stream has.
type evidence struct {
	at         uint32
	sent, lost uint32
	frame      uint32
	// dependent: frames depend on each other. group is about how many packets there are from
	// one key frame to the next, and groupFrames how many frames. disposable is the share, in 1/256,
	// of packets of frames that no other needs, and gap how many packets such frames have in a row.
	dependent               bool
	group, groupFrames, gap uint32
	disposable              uint32
}

const (
	// thinLevels is how many levels there are: every frame, every 2nd, 4th and 8th.
	thinLevels = 4
	// gapLimit is how many packets a gap may have: fewer than MAX_DROPOUT in RFC 3550,
	// appendix A.1, which receivers follow.
	gapLimit = 3000
	// lossyShare: one lost packet of this many is loss.
	lossyShare = 100
	// lossyReports in a row, lossyTime from the first to the last, thin a reader.
	lossyReports = 2
	lossyTime    = uint32(time.Second / time.Millisecond)
	// rateLoss is the share of loss, in 1/256, that comes from the rate whatever the last
	// step has done to it.
	rateLoss = 64
	// twoSteps and threeSteps are the shares of loss, in 1/256, from which on one or two
	// halvings would not leave a tenth to spare: 1 - 1/2/0.9 and 1 - 1/4/0.9.
	twoSteps, threeSteps = 114, 185
	// firstTrial and laterTrial are the waits for a trial, after the reader was thinned and
	// after a failure: it is to be back at the full rate within a minute of the link's
	// recovery.
	firstTrial = uint32(10 * time.Second / time.Millisecond)
	laterTrial = uint32(30 * time.Second / time.Millisecond)
	// trialFrames are sent in the first part of a trial, or 2^maxLength times as many, and
	// partFactor times as many in each further one, until they were enoughFrames.
	trialFrames  = 4
	maxLength    = 4
	partFactor   = 3
	enoughFrames = 24
	// maxTrial is how many of the stream's frames a part takes at most.
	maxTrial = 160
)

// lossy reports whether the report tells of loss.
func (e evidence) lossy() bool { return e.lost > 0 && uint64(e.lost)*lossyShare >= uint64(e.sent) }

// deepest is the highest level at which the gaps are not too long for players.
func (e evidence) deepest() uint8 {
	switch {
	case e.dependent && e.group < gapLimit:
		return keysLevel
	case e.dependent && e.hasNeededLevel():
		return neededLevel
	case e.dependent:
		return 0
	}
	level := uint8(0)
	for level < thinLevels-1 && (2<<level-1)*e.frame < gapLimit {
		level++
	}
	return level
}

// hasNeededLevel reports whether it makes a difference to leave out what no other frame needs.
func (e evidence) hasNeededLevel() bool { return e.disposable > 0 && e.gap < gapLimit }

// further is the level to which a reader is thinned that loses a share, in 1/256: the first that
// leaves a tenth of what got through to spare.
func (e evidence) further(level uint8, loss uint32) uint8 {
	switch {
	case !e.dependent && loss >= threeSteps:
		level += 3
	case !e.dependent && loss >= twoSteps:
		level += 2
	case !e.dependent:
		level++
	case level == 0 && e.hasNeededLevel() && 10*(256-e.disposable) <= 9*(256-loss):
		level = neededLevel
	default:
		level = keysLevel
	}
	return min(level, e.deepest())
}

// back is the level before a level.
func (e evidence) back(level uint8) uint8 {
	if e.dependent && level == keysLevel && !e.hasNeededLevel() {
		return 0
	}
	return level - 1
}

// adapt is the rule.
func adapt(s adaption, e evidence) adaption {
	if deepest := e.deepest(); s.level > deepest { // frames have become larger
		s.level, s.part, s.changed = deepest, 0, e.at
	}
	lossy := e.lossy()
	switch {
	case e.sent == 0:
		return s
	case lossy && s.part > 0:
		return s.fail(e.at)
	case lossy:
		return s.suffer(e)
	}
	s.row, s.before = 0, 0
	switch {
	case s.part > 0 && s.suffices(e):
		s.level = e.back(s.level)
		s.restored, s.failed, s.part, s.changed = true, false, min(s.level, 1), e.at
	case s.part > 0 || s.level > 0 && s.due(e.at):
		s.part++
	case s.level == 0 && e.at-s.changed >= laterTrial: // the last trouble is over
		s = adaption{}
	}
	return s
}

// due reports whether it is time for a trial.
func (s adaption) due(at uint32) bool {
	if s.failed {
		return at-s.failedAt >= laterTrial
	}
	return at-s.changed >= firstTrial
}

// fail ends a trial by a report that tells of loss.
func (s adaption) fail(at uint32) adaption {
	if s.part > 1 {
		s.lengthen(s.level - 1)
	}
	s.part, s.failed, s.failedAt = 0, true, at
	return s
}

// suffer takes a report that tells of loss, and thins the reader if it is time to.
func (s adaption) suffer(e evidence) adaption {
	if s.row == 0 {
		s.rowBegan = e.at
	}
	s.row = min(s.row+1, lossyReports)
	if s.row < lossyReports || e.at-s.rowBegan < lossyTime || s.level == e.deepest() {
		return s
	}
	loss := uint8(min(uint64(e.lost)*256/uint64(e.sent), 255))
	if s.before > 0 && loss < rateLoss && int(loss)*4 >= int(s.before)*3 {
		return s
	}
	if s.restored && e.at-s.changed < laterTrial {
		s.failed, s.failedAt = true, e.at
		s.lengthen(s.level)
	}
	s.level, s.row, s.before = e.further(s.level, uint32(loss)), 0, max(loss, 1)
	s.restored, s.changed = false, e.at
	return s
}

// tried is how many frames the present part of the trial has.
func (s adaption) tried() int {
	frames := trialFrames << s.length[s.level-1]
	for range s.part - 1 {
		frames *= partFactor
	}
	return frames
}

// suffices reports whether the trial needs no further part. One part of whole groups may have as
// many frames as else all parts have.
func (s adaption) suffices(e evidence) bool {
	all := trialFrames * partFactor * partFactor << s.length[s.level-1]
	return s.part > 1 && s.tried() >= enoughFrames || e.dependent && int(e.groupFrames) >= all
}

// trialFrames is how many frames of the stream the present part takes at least: with groups of
// pictures it goes on to the end of one.
func (s adaption) trialFrames(e evidence) int {
	if e.dependent {
		return min(s.tried(), maxTrial)
	}
	return min(s.tried()<<s.tries(), maxTrial)
}

// tries is the level that the reader is sent in a trial.
func (s adaption) tries() uint8 { return s.level - min(s.level, 2) }

// lengthen has trials of a level take twice as many frames.
func (s *adaption) lengthen(level uint8) {
	s.length[level] = min(s.length[level]+1, maxLength)
}
