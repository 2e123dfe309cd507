package capture

import (
	"errors"
	"fmt"
	"sync"

	"github.com/camcast/camcast/media"
)

// FeedOptions are the settings of a Feed; the zero value of each field is useful.
type FeedOptions struct {
	// Source and Coding are those of Description.
	Source, Coding string
	// Params are those of the frames to come. Without them the feed is live with its
	// first frame.
	Params *media.Params
	// Frames is how many frames may wait (4).
	Frames int
	// MaxFrame is the size in bytes of the largest frame (DefaultMaxFrame). Larger ones are
	// refused and counted as broken.
	MaxFrame int
}

// defaultFeedFrames is how many frames may wait without a wish.
const defaultFeedFrames = 4

// Feed is a Source that other goroutines push frames into: an encoder, a child process, a
// library with goroutines of its own. Push and End may be called by any goroutine, all else
// by that of the Host's loop.
//
// Frames wait in a bounded queue until the loop takes them. Push wakes the loop by
// Host.Post, so a Feed needs no fd of its own, and never posts again while a wake-up is on
// its way. When the queue is full frames are dropped and counted as gaps: of a format whose
// frames are independent the oldest one that waits, since the newest is worth most. Of any
// other, all frames until the next key frame, which takes the place of those that wait.
//
// Frames may be pushed before the feed is opened. Close drops what waits. From then until it
// is opened again, Push returns ErrClosed; frames of a dependent format begin anew with a
// key frame.
type Feed struct {
	options FeedOptions
	// What belongs to the loop.
	params *media.Params // of the last frame
	frames uint64        // handed over

	mutex    sync.Mutex // guards what follows; it is never held while bytes are copied
	opening  *feedOpening
	isClosed bool // by Close; false before the first Open
	isEnded  bool
	queue    frameQueue
}

// feedOpening is a feed from Open to Close. isPosted is guarded by the feed's mutex, isLive
// belongs to the loop.
type feedOpening struct {
	host     Host
	deliver  func()
	isPosted bool // deliver will run, or is running
	isLive   bool
}

// ErrClosed is returned by Push and End if nobody takes the frames: the feed was closed or
// ended, or its loop is closed.
var ErrClosed = errors.New("the feed is closed")

var errNoParams = errors.New("the frame has no Params")

// ErrTooLarge is matched by the error of Push if the frame is larger than a frame may be.
var ErrTooLarge = errors.New("the frame is too large")

// NewFeed makes a feed. It holds nothing that must be closed.
func NewFeed(o FeedOptions) *Feed {
	if o.Frames <= 0 {
		o.Frames = defaultFeedFrames
	}
	if o.MaxFrame <= 0 {
		o.MaxFrame = DefaultMaxFrame
	}
	return &Feed{options: o, params: o.Params, queue: frameQueue{most: o.Frames, needsKey: true}}
}

// Push hands over a frame. It copies the bytes, which stay the caller's, and never waits for
// the loop. Params must be set, and Captured if it is known; time.Now does not give it
// (media.Frame). Frames of one goroutine stay in order. A frame that is dropped is no error. Any
// goroutine may call Push.
func (f *Feed) Push(frame media.Frame) error {
	if frame.Params == nil {
		return errNoParams
	}
	buffer, isWanted, err := f.buffer(frame)
	if err != nil || !isWanted {
		return err
	}
	frame.Bytes = append(buffer[:0], frame.Bytes...)
	return f.wake(f.add(frame))
}

// buffer returns a buffer to copy a frame into. isWanted is false if the frame is dropped.
func (f *Feed) buffer(frame media.Frame) (buffer []byte, isWanted bool, err error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.isClosed || f.isEnded {
		return nil, false, ErrClosed
	}
	if len(frame.Bytes) > f.options.MaxFrame {
		f.queue.refuse(frame)
		return nil, false, fmt.Errorf("%w: %d bytes, more than %d", ErrTooLarge, len(frame.Bytes), f.options.MaxFrame)
	}
	if !f.queue.wants(frame) {
		return nil, false, nil
	}
	return f.queue.buffer(), true, nil
}

// add adds a frame whose bytes are the feed's to those that wait. It returns the opening
// that must be woken, if any.
func (f *Feed) add(frame media.Frame) (*feedOpening, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.isClosed || f.isEnded { // since the buffer was taken
		f.queue.recycle(frame.Bytes)
		return nil, ErrClosed
	}
	f.queue.add(frame)
	return f.toWake(), nil
}

// toWake returns the opening that must be woken, nil if there is none or it is awake.
func (f *Feed) toWake() *feedOpening {
	o := f.opening
	if o == nil || o.isPosted {
		return nil
	}
	o.isPosted = true
	return o
}

// wake has the loop take what waits. It is called without the mutex.
func (f *Feed) wake(o *feedOpening, err error) error {
	if o == nil {
		return err
	}
	if err := o.host.Post(o.deliver); err != nil {
		f.mutex.Lock()
		o.isPosted = false
		f.mutex.Unlock()
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return nil
}

// End says that there will be no more frames. When those that wait are delivered, the source
// reports Ended. Any goroutine may call End.
func (f *Feed) End() error {
	f.mutex.Lock()
	if f.isEnded {
		f.mutex.Unlock()
		return ErrClosed
	}
	f.isEnded = true
	o := f.toWake()
	f.mutex.Unlock()
	return f.wake(o, nil)
}

// Describe says what the feed delivers: the Params of its last frame, or those that it was
// made with.
func (f *Feed) Describe() Description {
	return Description{Source: f.options.Source, Coding: f.options.Coding, Params: f.params}
}

// Open begins to deliver. The feed is live in the next turn of the loop if its Params are
// known, else with its first frame.
func (f *Feed) Open(host Host) {
	o := &feedOpening{host: host}
	o.deliver = func() { f.deliver(o) }
	f.mutex.Lock()
	f.opening, f.isClosed, o.isPosted = o, false, true
	f.mutex.Unlock()
	_ = host.Post(o.deliver) // a loop that is closed wants no frames
}

// deliver runs on the loop. It hands over what waits, but stops after as many frames as may
// wait at once and posts itself again, so that a goroutine that pushes without a pause does
// not keep the loop.
func (f *Feed) deliver(o *feedOpening) {
	if !o.isLive && !f.begin(o) {
		return
	}
	for range f.options.Frames + 1 {
		frame, ok := f.take(o)
		if !ok {
			return
		}
		f.params = frame.Params
		f.frames++
		o.host.Frame(frame)
		f.mutex.Lock()
		f.queue.recycle(frame.Bytes)
		f.mutex.Unlock()
	}
	if f.opening == o {
		_ = o.host.Post(o.deliver)
	}
}

// begin reports Live if the Params are known. It returns false if there is nothing to
// deliver.
func (f *Feed) begin(o *feedOpening) bool {
	if f.opening != o {
		return false
	}
	f.mutex.Lock()
	if len(f.queue.waiting) > 0 {
		f.params = f.queue.waiting[0].Params
	}
	isEnd := f.params == nil && f.sleep(o)
	f.mutex.Unlock()
	switch {
	case isEnd:
		o.host.Ended()
		return false
	case f.params == nil:
		return false
	}
	o.isLive = true
	o.host.Live()
	return true
}

// take takes the next frame. If there is none it reports the end, if it has come.
func (f *Feed) take(o *feedOpening) (frame media.Frame, ok bool) {
	if f.opening != o { // the host has closed the feed when it got the report before
		return media.Frame{}, false
	}
	f.mutex.Lock()
	frame, ok = f.queue.take()
	isEnd := !ok && f.sleep(o)
	f.mutex.Unlock()
	if isEnd {
		o.host.Ended()
	}
	return frame, ok
}

// sleep has the next Push or End wake the loop again. It is called with the mutex, when
// nothing waits, and reports whether that is the end.
func (f *Feed) sleep(o *feedOpening) (isEnd bool) {
	o.isPosted = false
	return f.isEnded
}

// Figures counts the frames that were handed over, as gaps those that Push has taken and the
// feed has dropped, and as broken those that were too large.
func (f *Feed) Figures() Figures {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return Figures{Frames: f.frames, Gaps: f.queue.gaps, Broken: f.queue.refused}
}

// Close drops what waits.
func (f *Feed) Close() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.opening == nil {
		return nil
	}
	f.opening, f.isClosed = nil, true
	f.queue.reset()
	return nil
}

var _ Source = (*Feed)(nil)
