package sending

import (
	"log/slog"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// Sweeps is what all sweeps of a ring's readers share. All exported fields are required.
type Sweeps struct {
	Loop *loop.Loop
	// Budget is that of all sweeps, and of catching up.
	Budget *loop.Budget
	Ring   *ring.Ring
	Log    *slog.Logger
	// Figures are counted up; they are the caller's.
	Figures *Figures

	pace pace
	lost []lostReader
	// firstBegun is the newest frame that has begun to be sent to an unthinned reader.
	// firstSent and lastSent are the newest ones that the ages were recorded of.
	firstBegun, firstSent, lastSent uint64
}

// SetPace says how far frames are apart, 0 if that is not known, and over how much of that a frame's bursts are spread.
func (s *Sweeps) SetPace(interval, spread time.Duration) { s.pace = pace{interval, spread} }

// Sender sends frames to some readers behind one socket, when its Sweep says so.
type Sender interface {
	// Policy is which frames the readers get.
	Policy() ring.Policy
	// Begin has the sweep take the next frame (Take), and reports whether there is one.
	Begin() bool
	// SendBurst sends run number Sweep.Burst of the frame in hand to the readers that have not had it yet, and reports
	// whether that is all of them. If it is not, PutOff or GoOn has seen to going on later.
	SendBurst() (done bool)
	// Finish counts the frame in hand, which all readers have, and calls Done.
	Finish()
	// WasSkipped reports whether the reader that is next could not be sent the frame before.
	WasSkipped() bool
	// Skip goes on after the reader that is next, which misses the rest of the frame in hand because of err.
	Skip(err error)
	// GiveUp releases the frame in hand, as the socket no longer works.
	GiveUp()
	// Resume goes on when the socket is writable, as Sweep.Resume does.
	Resume()
}

// Sweep says when the bursts of frames are sent, one frame after the other. Each is sent to every reader in turn, the first
// reader a different one each frame.
//
// It begins a burst no earlier than its time, and keeps going when it can: until the socket is full (it goes on when that is
// writable), until the next burst is not yet due (a timer), or until the budget that it shares with the other sweeps is spent
// (it goes on in a later turn). When the next frame is there before this one is out, the rest of this one follows at once: nobody
// gets half a frame.
type Sweep struct {
	// Thinned readers do not get every frame, and count for no age. It is set before the first frame.
	Thinned bool
	// Cursor is how far the readers have come.
	Cursor ring.Cursor
	// Hand is the frame being sent, nil if there is none, Wire its packets, and Burst the next run of it.
	Hand  *ring.Frame
	Wire  *ring.Wire
	Burst int
	// Turn counts the frames, and First is the index of the reader that is the first to get the frame in hand.
	Turn  uint32
	First int
	// Now is the time after the last send: later than the turn's, as sending takes time.
	Now time.Duration
	// Waiting: it waits for the socket to be writable.
	Waiting bool

	of      *Sweeps
	sender  Sender
	socket  *udp.Socket
	timer   *loop.Timer
	task    *loop.Task // of advance
	resume  func()     // Sender.Resume, bound once, so that using it allocates nothing
	broken  bool       // the socket
	stopped bool

	began time.Duration
	// burstBegan is when the first readers had received the current burst, or the one before:
	// after the send, as the thread may have been held up in it.
	burstBegan time.Duration
	// stuck is about the reader that is next. impatient: waiting for one has not helped in this frame.
	stuck     stuck
	impatient bool
}

// Init has the sweep send by a sender from a socket. Its cursor is the caller's to set.
func (s *Sweep) Init(of *Sweeps, socket *udp.Socket, sender Sender) {
	s.of, s.socket, s.sender, s.resume = of, socket, sender, sender.Resume
	s.task = of.Budget.NewTask(s.advance)
	s.timer = of.Loop.NewTimer(func() { s.task.Do() })
}

// NewFrame is called when the ring has a new frame.
func (s *Sweep) NewFrame() {
	if s.Waiting {
		return // nothing is gained by trying before the socket is writable
	}
	s.timer.Stop() // what is left of the frame in hand is due now
	s.task.Do()
}

// Resume goes on, as the socket is writable.
func (s *Sweep) Resume() {
	s.Waiting = false
	s.task.Do()
}

// Stop ends sending for good, and reports whether it had not ended before. The frame in hand is the caller's to release.
func (s *Sweep) Stop() (ended bool) {
	ended = !s.stopped
	s.stopped = true
	s.timer.Stop()
	s.task.Stop()
	return ended
}

// advance does what is due.
func (s *Sweep) advance() {
	s.sendDue()
	s.of.TellLost()
}

// sendDue sends the bursts that are due.
func (s *Sweep) sendDue() {
	s.Now = s.of.Loop.Kernel().Monotonic()
	for s.Hand != nil || !s.stopped && s.sender.Begin() {
		if due := s.due(); due > s.of.Loop.Now() {
			s.timer.Set(due)
			return
		}
		if !s.sender.SendBurst() {
			return
		}
		if s.Burst++; s.Burst == s.Wire.Runs() {
			s.sender.Finish()
		}
	}
}

// due is when the next burst may go: at its pace, unless the next frame is there already.
func (s *Sweep) due() time.Duration {
	policy := s.sender.Policy()
	if s.Burst == 0 || s.Cursor.Peek(s.of.Ring, policy) > 0 {
		return s.began
	}
	return s.of.pace.times(policy.Step).due(s.Burst, s.Wire.Runs(), s.began, s.burstBegan)
}

// Take begins to send a frame to so many readers, laid out as w. The sweep holds it until Release.
func (s *Sweep) Take(f *ring.Frame, w *ring.Wire, readers int) {
	f.Hold()
	s.Hand, s.Wire, s.Burst = f, w, 0
	s.Turn++
	s.First = ring.First(s.Turn, readers)
	s.began, s.impatient = s.of.Loop.Now(), false
	s.noteBegun()
}

// PutOff reports whether the budget of this turn is spent. The sweep goes on in a later one then.
func (s *Sweep) PutOff() bool {
	if !s.of.Budget.Spent(s.Now) {
		return false
	}
	s.task.Later()
	return true
}

// Sent is called after each send, with whether something was sent or skipped by that, and whether that was the first of the burst.
func (s *Sweep) Sent(some, first bool) {
	s.Now = s.of.Loop.Kernel().Monotonic()
	if !some {
		return
	}
	if first {
		s.burstBegan = s.Now
	}
	s.stuck = stuck{}
	if !s.Thinned && s.Hand.Number > s.of.firstSent {
		s.noteFirst()
	}
}

// Done releases the frame in hand, which all readers have.
func (s *Sweep) Done() {
	s.noteLast()
	s.Release()
}

// Release releases the frame in hand, if there is one.
func (s *Sweep) Release() {
	if s.Hand != nil {
		s.Hand.Release()
		s.Hand, s.Wire = nil, nil
	}
}

// PacketsIn is how many packets a run has that is cut every so many bytes.
func PacketsIn(run []byte, packetBytes int) int { return (len(run) + packetBytes - 1) / packetBytes }
