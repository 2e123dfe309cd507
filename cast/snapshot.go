package cast

import (
	"slices"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

const (
	// FrameTimeout is how long AwaitFrame waits for a frame.
	FrameTimeout = 5 * time.Second
	// freshFrame is how old a frame is at most that AwaitFrame does not wait for a newer one.
	freshFrame = 2 * time.Second
)

// AwaitFrame calls answer on the loop, once, with the newest frame and its number in the stream: at
// once if there is a recent one, else with the next one, for which a source that is idle is opened. If none
// comes within FrameTimeout the last one will do, as long as the source is live. f.Bytes hold until answer
// returns. The error is ErrClosed or a *Refusal. stop withdraws the question: answer is not called any
// more. Those who wait count as readers of the stream.
func (s *Stream) AwaitFrame(answer func(f media.Frame, number uint64, err error)) (stop func()) {
	if err := s.over(); err != nil {
		answer(media.Frame{}, 0, err)
		return func() {}
	}
	last := s.rendition.ring.Last()
	if last != nil && s.State() == Live && s.broadcaster.loop.Now()-last.Captured <= freshFrame {
		answer(last.Frame, last.Number, nil)
		return func() {}
	}
	return s.rendition.frames.add(answer)
}

// NewestKey returns the newest key frame and its number in the stream. ok is false if it is not kept. f.Bytes hold until the
// call of the loop returns in which it was called.
func (s *Stream) NewestKey() (f media.Frame, number uint64, ok bool) {
	key := s.rendition.ring.NewestKey()
	if key == nil {
		return f, 0, false
	}
	return key.Frame, key.Number, true
}

// frameWaiters are those who wait for a frame. It is an outlet of the rendition.
type frameWaiters struct {
	stream *Stream
	all    []*frameWaiter
}

type frameWaiter struct {
	answer  func(media.Frame, uint64, error)
	timeout *loop.Timer
}

func newFrameWaiters(s *Stream) *frameWaiters { return &frameWaiters{stream: s} }

func (w *frameWaiters) add(answer func(media.Frame, uint64, error)) (stop func()) {
	one := &frameWaiter{answer: answer}
	one.timeout = w.stream.broadcaster.loop.NewAwakeTimer(func() { w.expire(one) })
	one.timeout.SetAfter(FrameTimeout)
	w.all = append(w.all, one)
	w.stream.wanted()
	return func() { w.remove(one) }
}

// remove takes one out, and reports whether it was still there.
func (w *frameWaiters) remove(one *frameWaiter) bool {
	i := slices.Index(w.all, one)
	if i < 0 {
		return false
	}
	one.timeout.Stop()
	w.all = slices.Delete(w.all, i, i+1)
	w.stream.unwanted()
	return true
}

// expire answers one who has waited for too long.
func (w *frameWaiters) expire(one *frameWaiter) {
	if !w.remove(one) {
		return
	}
	if last := w.stream.rendition.ring.Last(); last != nil && w.stream.State() == Live {
		one.answer(last.Frame, last.Number, nil)
		return
	}
	one.answer(media.Frame{}, 0, w.stream.notYet("no frame has come"))
}

// FrameReady answers all who wait.
func (w *frameWaiters) FrameReady() {
	for len(w.all) > 0 {
		one, last := w.all[0], w.stream.rendition.ring.Last()
		w.remove(one)
		one.answer(last.Frame, last.Number, nil)
	}
}

// Readers is how many wait.
func (w *frameWaiters) Readers() int { return len(w.all) }

// Stop answers all who wait: no frame will come.
func (w *frameWaiters) Stop() {
	for len(w.all) > 0 {
		one := w.all[0]
		w.remove(one)
		one.answer(media.Frame{}, 0, ErrClosed)
	}
}
