package cast

import (
	"slices"
	"time"

	"github.com/camcast/camcast/loop"
)

// This file says whether a stream can be watched, now or when its source is open.

// Available says why the stream cannot be watched now; nil if it can: it has not ended, and it
// is known what it delivers. The error is ErrClosed or a *Refusal, which for a rendition that has failed
// says why.
func (s *Stream) Available() error {
	switch {
	case s.isAside && s.failure != nil && s.ended && !s.closed: // the stream that it is a rendition of may go on
		return refuse(NotCarried, "%v", s.failure)
	case s.over() != nil:
		return ErrClosed
	case s.params != nil:
		return nil
	case s.supervisor == nil:
		return s.notYet("nothing has been published yet")
	}
	state := s.State()
	if state == Lost { // it may never have been there
		return s.notYet("the source is not available")
	}
	return s.notYet("the source is " + state.String())
}

// notYet refuses a request that will be granted when there are pictures.
func (s *Stream) notYet(reason string) *Refusal {
	return &Refusal{Kind: Unavailable, Reason: reason, RetryAfter: retryAfter}
}

// retryAfter is when somebody who was refused because the source is not there may try again.
const retryAfter = 5 * time.Second

// Await calls answer on the loop, once, when it is known whether the stream can be watched. That
// is at once, unless its source is being opened and it is not known what it delivers; then it is
// within GateTimeout. The error is that of Available. stop withdraws the question: answer is not
// called any more.
func (s *Stream) Await(answer func(error)) (stop func()) {
	err := s.Available()
	if err == nil || s.State() != Opening {
		answer(err)
		return func() {}
	}
	w := &waiter{answer: answer}
	w.timeout = s.broadcaster.loop.NewAwakeTimer(func() {
		s.stopWaiting(w)
		w.answer(s.notYet("the source is still being opened"))
	})
	w.timeout.SetAfter(GateTimeout)
	s.waiting = append(s.waiting, w)
	return func() { s.stopWaiting(w) }
}

// waiter waits for a source that is being opened.
type waiter struct {
	answer  func(error)
	timeout *loop.Timer
}

// opened answers the waiters.
func (s *Stream) opened() {
	for len(s.waiting) > 0 {
		w := s.waiting[0]
		s.stopWaiting(w)
		w.answer(s.Available())
	}
}

// stopWaiting forgets one who waits. Doing that twice does nothing.
func (s *Stream) stopWaiting(w *waiter) {
	w.timeout.Stop()
	s.waiting = slices.DeleteFunc(s.waiting, func(other *waiter) bool { return other == w })
}
