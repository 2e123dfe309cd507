package cast

import (
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
)

// keyFrames asks a stream's source for key frames where frames depend on each other, and says how a
// new reader begins: with a key frame that was asked for, or, where none comes soon, with the newest
// one there is.
type keyFrames struct {
	rendition *rendition
	// asked is when a key frame was asked for last; hasAsked: it ever was. isComing: it has not
	// come yet, and isWanted: another one is to be asked for when again fires.
	asked              time.Duration
	hasAsked, isComing bool
	isWanted           bool
	again              *loop.Timer
	// waiting are new readers, those who came first, until patience fires.
	waiting  []waitingReader
	patience *loop.Timer
}

const (
	// keyInterval is how far apart two requests for a key frame are at least: a key frame is many
	// times as large as others, for all readers.
	keyInterval = time.Second
	// keyPatience is how long a new reader waits for a key frame that was asked for, before it is
	// caught up from the newest one.
	keyPatience = 100 * time.Millisecond
	// freshGroup is how old a key frame is at most that a new reader begins with without asking.
	freshGroup = 250 * time.Millisecond
)

// newReader is one that has come in the middle of a group of pictures.
type newReader interface {
	Gone() bool
	// CatchUp has it begin with the newest key frame, if it has not begun.
	CatchUp() (first ring.Beginning, ok bool)
}

type waitingReader struct {
	reader newReader
	until  time.Duration
}

func newKeyFrames(r *rendition) *keyFrames {
	k := &keyFrames{rendition: r}
	l := r.stream.broadcaster.loop
	k.again = l.NewTimer(k.askAgain)
	k.patience = l.NewTimer(k.endPatience)
	return k
}

// request asks for a key frame, now or when a second has passed since the last one was asked for.
// It reports whether one may come soon.
func (k *keyFrames) request() (soon bool) {
	s := k.rendition.stream
	if s.params == nil || !s.params.Format.Dependent() || s.over() != nil {
		return false
	}
	now := s.broadcaster.loop.Now()
	switch {
	case k.hasAsked && now-k.asked < keyInterval:
		if !k.isComing && !k.isWanted {
			k.isWanted = true
			k.again.Set(k.asked + keyInterval)
		}
		return k.isComing && now-k.asked < keyPatience
	case !s.askForKey():
		return false
	}
	k.asked, k.hasAsked, k.isComing = now, true, true
	return true
}

func (k *keyFrames) askAgain() {
	if k.isWanted {
		k.isWanted = false
		k.request()
	}
}

// came notes that there is a new key frame.
func (k *keyFrames) came() {
	k.isComing, k.isWanted = false, false
	k.again.Stop()
}

// begin has a new reader begin where frames depend on each other, and returns its first packet if
// that is known. isFresh: it may be caught up.
func (k *keyFrames) begin(r newReader, isFresh bool) (first ring.Beginning, known bool) {
	newest := k.rendition.ring.Last()
	if newest == nil || !newest.Params.Format.Dependent() {
		return first, false
	}
	now := k.rendition.stream.broadcaster.loop.Now()
	if !isFresh {
		k.request()
		return first, false
	}
	key := k.rendition.ring.NewestKey()
	if key != nil && now-key.Captured < freshGroup || !k.request() {
		if first, known = r.CatchUp(); known {
			return first, true
		}
	}
	k.waiting = append(k.waiting, waitingReader{r, now + keyPatience})
	if len(k.waiting) == 1 {
		k.patience.SetAfter(keyPatience)
	}
	return first, false
}

// endPatience catches those up who have waited for long enough.
func (k *keyFrames) endPatience() {
	now := k.rendition.stream.broadcaster.loop.Now()
	n := 0
	for ; n < len(k.waiting) && k.waiting[n].until <= now; n++ {
		if r := k.waiting[n].reader; !r.Gone() {
			r.CatchUp() // failing, it has begun, or waits for the next key frame
		}
	}
	left := copy(k.waiting, k.waiting[n:])
	clear(k.waiting[left:])
	if k.waiting = k.waiting[:left]; left > 0 {
		k.patience.Set(k.waiting[0].until)
	}
}

func (k *keyFrames) stop() {
	k.again.Stop()
	k.patience.Stop()
	k.waiting = nil
}

// askForKey asks what makes the frames for a key frame, and reports whether that could be done.
func (s *Stream) askForKey() bool {
	if s.supervisor == nil {
		ask := s.options.RequestKeyFrame
		return ask != nil && ask() == nil
	}
	source, ok := s.supervisor.source.(capture.KeyFramer)
	return ok && (s.supervisor.state == Live || s.supervisor.state == Lingering) && source.RequestKeyFrame() == nil
}
