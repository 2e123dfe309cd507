package sending

import (
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

const (
	// CatchRate is how many packets in a second a reader is sent at most while it is caught up:
	// 32 in 4 ms. GStreamer's receive buffer has room for fewer than 125 at once, and takes 32
	// in 2.4 ms.
	CatchRate = 8000
	// CatchSlice is how long catching up may hold the loop in a turn, of the budget that it
	// shares with the sweeps.
	CatchSlice = time.Millisecond
	// catchPause is the wait of a reader whose socket is full: those that are not behind go first.
	catchPause = 2 * time.Millisecond
)

// patient is the policy of readers that are caught up: they get every frame.
var patient = ring.Policy{Step: 1, Patient: true}

// Catching has the readers R that are being caught up, and calls a function for each when it is to be sent its next
// run. O is what its owner keeps of each of them.
type Catching[R comparable, O any] struct {
	// List has them in no order. Add and Remove change it; Remove has the last one take the index of the one that is removed.
	List []*Catcher[R, O]
	// Now is the time after the last send.
	Now time.Duration

	of    *Sweeps
	step  func(*Catcher[R, O])
	task  *loop.Task
	timer *loop.Timer
}

// Catcher is how far one reader has come.
type Catcher[R comparable, O any] struct {
	Reader R
	Cursor ring.Cursor
	// Pin is on the frame in hand, and Run is the next run of that.
	Pin ring.Pin
	Run int
	// Broken: it cannot go on without a key frame, and is sent nothing any more.
	Broken bool
	// Own is the owner's.
	Own O

	// due is when the run may be sent, and stuck is about the reader's queue.
	due   time.Duration
	stuck stuck
	// idle: it has had all there is.
	idle bool
}

// Init has a function be called for each reader when it is due: it sends the next run, by Next, After and Sent, or has the reader Pause.
func (k *Catching[R, O]) Init(of *Sweeps, step func(*Catcher[R, O])) {
	k.of, k.step = of, step
	k.task = of.Budget.NewTask(k.advance)
	k.timer = of.Loop.NewTimer(func() { k.task.Do() })
}

// Stop ends it for good, and forgets all readers.
func (k *Catching[R, O]) Stop() {
	k.timer.Stop()
	k.task.Stop()
	for _, c := range k.List {
		c.Pin.Release()
	}
	k.List = nil
}

// Add has a reader be caught up. It begins in a later turn, after the answer to what the reader has asked.
func (k *Catching[R, O]) Add(r R, at ring.Cursor, own O) {
	k.List = append(k.List, &Catcher[R, O]{Reader: r, Cursor: at, Own: own})
	k.timer.Set(k.of.Loop.Now())
}

// Of finds the catcher of a reader, nil if it is not caught up.
func (k *Catching[R, O]) Of(r R) *Catcher[R, O] {
	if i := k.index(r); i >= 0 {
		return k.List[i]
	}
	return nil
}

func (k *Catching[R, O]) index(r R) int {
	return slices.IndexFunc(k.List, func(c *Catcher[R, O]) bool { return c.Reader == r })
}

// Remove forgets a reader, if it is caught up.
func (k *Catching[R, O]) Remove(r R) {
	i := k.index(r)
	if i < 0 {
		return
	}
	k.List[i].Pin.Release()
	last := len(k.List) - 1
	k.List[i], k.List[last] = k.List[last], nil
	k.List = k.List[:last]
}

// Wake says that there is a new frame for those that have had all others. It sends nothing: Do does.
func (k *Catching[R, O]) Wake() {
	for _, c := range k.List {
		c.idle = false
	}
}

// Do sends what is due, now or, if the budget of this turn is spent, in a later one.
func (k *Catching[R, O]) Do() { k.task.Do() }

// advance sends what is due.
func (k *Catching[R, O]) advance() {
	clock := k.of.Loop.Kernel()
	k.Now = clock.Monotonic()
	end := k.Now + CatchSlice
	for again := true; again; {
		again = false
		for i := len(k.List) - 1; i >= 0; i-- {
			if i >= len(k.List) { // several have left
				continue
			}
			if c := k.List[i]; c.isWaiting() && c.due <= k.Now {
				k.step(c)
				k.Now = clock.Monotonic()
				again = true
			}
			if k.Now >= end || k.of.Budget.Spent(k.Now) {
				k.rotate()
				k.task.Later()
				k.of.TellLost()
				return
			}
		}
	}
	k.setTimer()
	k.of.TellLost()
}

// isWaiting reports whether the reader waits for its time.
func (c *Catcher[R, O]) isWaiting() bool { return !c.idle && !c.Broken }

// rotate has another reader be the first.
func (k *Catching[R, O]) rotate() {
	if n := len(k.List); n > 1 {
		last := k.List[n-1]
		copy(k.List[1:], k.List[:n-1])
		k.List[0] = last
	}
}

// setTimer sets the timer for what is due next.
func (k *Catching[R, O]) setTimer() {
	next := time.Duration(-1)
	for _, c := range k.List {
		if c.isWaiting() && (next < 0 || c.due < next) {
			next = c.due
		}
	}
	if next >= 0 {
		k.timer.Set(next)
	}
}

// Next returns the frame in hand of a reader, or takes the next one, which begins with run 0. It is nil if there is none yet, if
// that one could not be laid out in the form, or if the ring has given up the frame in hand; then the reader is Broken.
// missed is how many frames the reader misses before it.
func (k *Catching[R, O]) Next(c *Catcher[R, O], form *ring.Form) (f *ring.Frame, missed uint64) {
	if f := c.Pin.Held(); f != nil {
		return f, 0
	}
	if c.Pin.GivenUp() {
		c.Pin.Release()
		c.Broken = true
		return nil, 0
	}
	before := c.Cursor
	f, missed = c.Cursor.Next(k.of.Ring, patient)
	switch {
	case f == nil:
		c.idle = true
		return nil, missed
	case form.Of(f) == nil:
		c.Cursor.Unsent(f, &before) // it goes on with the next frame, or with the next key frame
		return nil, missed
	}
	c.Run = 0
	c.Pin.Set(f)
	return f, missed
}

// Following is the number of the frame that a reader is sent next, which has none in hand; 0: there is none yet.
func (k *Catching[R, O]) Following(c *Catcher[R, O]) uint64 { return c.Cursor.Peek(k.of.Ring, patient) }

// After notes the outcome of sending the run, and reports whether that is done. If not, the reader pauses, or is Broken: the socket no
// longer works, or a queue on the way has been full for too long.
func (k *Catching[R, O]) After(c *Catcher[R, O], outcome udp.Outcome) (done bool) {
	switch {
	case c.Broken:
		return false
	case outcome == udp.Done:
		c.stuck = stuck{}
		return true
	case outcome == udp.Full:
		c.stuck = stuck{}
	case outcome == udp.Broken, c.stuck.tooLong(k.Now):
		c.Broken = true
		return false
	}
	k.Pause(c)
	return false
}

// Pause has a reader wait, as its socket is full.
func (k *Catching[R, O]) Pause(c *Catcher[R, O]) { c.due = k.Now + catchPause }

// Sent notes that the run was sent, of so many packets, out of a frame of so many runs. The next one is due some time later.
// It reports whether that was the last one; the frame is no longer in hand then.
func (k *Catching[R, O]) Sent(c *Catcher[R, O], packets, runs int) (whole bool) {
	c.due = k.Now + time.Duration(packets)*time.Second/CatchRate
	if c.Run++; c.Run < runs {
		return false
	}
	c.Pin.Release()
	return true
}
