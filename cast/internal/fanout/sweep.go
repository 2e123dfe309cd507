package fanout

import (
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to the readers of one group, one after the other: burst by burst, each
// burst to every reader in turn, the first reader a different one each frame. How far it has
// come is a few numbers; nothing is kept per reader. Each group has a sweep of its own, so that
// a full socket stops only its own readers.
//
// It begins a burst no earlier than its time, and keeps going when it can: until the socket is
// full (it goes on when it is writable), until the next burst is not yet due (a timer), or until
// the budget that it shares with the other sweeps is spent (it goes on in the next turn). When the
// next frame is there before this one is out, the rest of this one follows at once: nobody gets
// half a frame.
type sweep struct {
	group *group
	timer *loop.Timer
	task  *loop.Task // of advance
	// resume and failed are methods bound once, so that using them allocates nothing.
	resume  func()
	failed  func(index int, err error)
	waiting bool // for a socket to be writable
	broken  bool // the socket
	stopped bool

	cursor ring.Cursor
	// before is the cursor before it took the frame in hand.
	before ring.Cursor
	hand   *ring.Frame // the frame being sent
	wire   *ring.Wire  // its packets
	began  time.Duration
	burst  int // the next run of the frame in hand
	// burstBegan is when the first readers had received the current burst, or the one before:
	// after the send, as the thread may have been held up in it.
	burstBegan time.Duration
	turn       uint32       // counts the frames, to choose the first reader by
	first      int          // the reader who is the first to get the frame in hand
	peers      udp.Peers    // the readers it goes to
	position   udp.Position // how far the burst has come among them

	// missed is how many readers could not be sent some of the frame in hand.
	missed int
	// stuckSince is since when the queue behind the socket has been full for the reader
	// that is next; 0: it is not. impatient: waiting for one has not helped in this frame.
	stuckSince time.Duration
	impatient  bool

	// now is the time after the last send: later than the turn's, as sending takes time.
	now time.Duration

	frames, lags uint64 // sent, and skipped while there were readers
	ledger       ledger
}

// chunkReaders is how many readers are sent to between two looks at the clock: as many as one
// system call serves.
const chunkReaders = 64

func newSweep(g *group) *sweep {
	f := g.fanout
	w := &sweep{group: g, cursor: f.config.Ring.NewCursor()}
	w.resume = func() {
		w.waiting = false
		w.putBack()
		w.task.Do()
	}
	w.task = f.config.Budget.NewTask(w.advance)
	w.timer = f.config.Loop.NewTimer(func() { w.task.Do() })
	w.failed = func(index int, err error) {
		r := g.readers[index]
		if f.unreachable(r, w.turn, err) {
			w.missed++
		}
		if f.dependent() && !w.hand.Disposable {
			r.cut = true // what depends on this frame is of no use to it
			r.settle()
			f.config.RequestKey()
		}
	}
	return w
}

func (w *sweep) fanout() *Fanout { return w.group.fanout }

// newFrame is called when the ring has a new frame.
func (w *sweep) newFrame() {
	switch w.group.level {
	case restLevel:
		w.passOver()
		return
	case catchLevel:
		return
	}
	if w.waiting {
		return // nothing is gained by trying before the socket is writable
	}
	w.timer.Stop() // what is left of the frame in hand is due now
	w.task.Do()
}

// stop ends sending for good.
func (w *sweep) stop() {
	w.stopped = true
	w.timer.Stop()
	w.task.Stop()
	w.giveUp(false)
	w.group.endFrame()
}

// advance does what is due.
func (w *sweep) advance() {
	w.sendDue()
	w.fanout().tellLost()
}

// sendDue sends the bursts that are due.
func (w *sweep) sendDue() {
	kernel := w.fanout().config.Loop.Kernel()
	w.now = kernel.Monotonic()
	for w.begin() {
		if due := w.due(); due > w.fanout().config.Loop.Now() {
			w.timer.Set(due)
			return
		}
		if !w.sendBurst() {
			return
		}
		if w.burst++; w.burst == w.wire.Runs() {
			w.finish()
		}
	}
}

// begin makes sure that there is a frame in hand, and reports whether there is.
func (w *sweep) begin() bool {
	if w.hand != nil || w.stopped {
		return w.hand != nil
	}
	f := w.fanout()
	readers := w.group.size()
	if readers == 0 {
		w.cursor.Skip(f.config.Ring)
		return false
	}
	for {
		w.before = w.cursor
		frame, missed := w.cursor.Next(f.config.Ring, w.group.policy())
		w.lags += missed
		f.lagged(missed, readers)
		if w.group.level <= neededLevel && f.dependent() && w.cursor.WantsKey(f.config.Ring) {
			f.config.RequestKey()
		}
		if frame == nil {
			return false
		}
		if wire := f.config.Form.Of(frame); wire != nil {
			w.take(frame, wire)
			return true
		}
		w.cursor.Unsent(frame, &w.before) // it could not be laid out as packets
	}
}

// take begins to send a frame.
func (w *sweep) take(frame *ring.Frame, wire *ring.Wire) {
	w.hand, w.wire = frame, wire
	frame.Hold()
	w.ledger.enter(wire.First, wire.Count)
	w.began, w.burst, w.missed, w.impatient = w.fanout().config.Loop.Now(), 0, 0, false
	w.choosePeers()
}

// choosePeers decides which readers the frame goes to, those of this moment, and in which
// order.
func (w *sweep) choosePeers() {
	w.turn++
	n := len(w.group.readers)
	w.first = ring.First(w.turn, n)
	w.peers = udp.Peers{End: w.first + n, Ring: n}
	w.position = udp.Position{Peer: w.first}
}

// due is when the next burst may go: spread evenly over a share of the time until the next
// frame for these readers, unless that is there already. After a burst that was late the next
// one does not follow at once, as small queues on the way would overflow: those that are
// left share the time that is left.
func (w *sweep) due() time.Duration {
	f := w.fanout()
	policy := w.group.policy()
	if w.burst == 0 || w.cursor.Peek(f.config.Ring, policy) > 0 {
		return w.began
	}
	step, runs := time.Duration(policy.Step), w.wire.Runs()
	spread := f.spread * step
	left := max(w.began+f.interval*step-w.burstBegan, 0)
	apart := min(spread/time.Duration(runs), left/time.Duration(runs-w.burst+1))
	return max(w.began+spread*time.Duration(w.burst)/time.Duration(runs), w.burstBegan+apart)
}

// sendBurst sends the burst to the readers that have not had it yet, and reports
// whether that is all of them. If it is not, it has seen to going on later.
func (w *sweep) sendBurst() bool {
	w.beginFirst()
	run := udp.Run{Bytes: w.wire.Run(w.burst), SegmentBytes: w.wire.PacketSize}
	for w.position.Peer < w.peers.End {
		if w.fanout().config.Budget.Spent(w.now) {
			w.task.Later()
			return false
		}
		if outcome := w.sendChunk(run); outcome != udp.Done && !w.goOn(outcome) {
			return false
		}
	}
	w.position = udp.Position{Peer: w.first}
	return true
}

// sendChunk sends the run to the next few readers.
func (w *sweep) sendChunk(run udp.Run) udp.Outcome {
	was := w.position
	chunk := udp.Peers{End: min(w.position.Peer+chunkReaders, w.peers.End), Ring: w.peers.Ring}
	var outcome udp.Outcome
	w.position, outcome = w.group.fan.Send(run, w.position, chunk, w.failed)
	w.now = w.fanout().config.Loop.Kernel().Monotonic()
	if w.position != was {
		if was == (udp.Position{Peer: w.first}) {
			w.burstBegan = w.now
		}
		w.stuckSince = 0
		w.sentToFirst()
	}
	return outcome
}

// finish counts the frame in hand, which all readers have, and releases it.
func (w *sweep) finish() {
	w.sentToLast()
	readers := uint64(w.peers.Ring)
	w.fanout().delivered(w.wire, readers-min(readers, uint64(w.missed)))
	w.frames++
	w.release()
	w.group.endFrame()
}

// promised is how many frames will have been sent with the one in hand.
func (w *sweep) promised() uint64 {
	if w.hand != nil {
		return w.frames + 1
	}
	return w.frames
}

// release releases the frame in hand, if there is one.
func (w *sweep) release() {
	if w.hand != nil {
		w.hand.Release()
		w.hand, w.wire = nil, nil
	}
}

// beginFirst notes that the frame in hand begins to be sent to an unthinned reader, the first of
// all.
func (w *sweep) beginFirst() {
	f := w.fanout()
	if w.group.level > 0 || w.hand.Number <= f.firstBegun {
		return
	}
	f.firstBegun = w.hand.Number
	if f.interval > 0 && w.now-w.hand.Captured > f.interval {
		f.config.Figures.Late++
	}
}

// sentToFirst notes that some of the frame in hand has gone to an unthinned reader, the first
// of all.
func (w *sweep) sentToFirst() {
	if f := w.fanout(); w.group.level == 0 && w.hand.Number > f.firstSent {
		f.firstSent = w.hand.Number
		f.config.Figures.FirstAge.Record(w.now - w.hand.Captured)
	}
}

// sentToLast notes that all unthinned readers behind a socket have the frame in hand.
func (w *sweep) sentToLast() {
	f := w.fanout()
	if w.group.level > 0 {
		return
	}
	f.config.Figures.LastAge.Record(w.now - w.hand.Captured)
	if w.hand.Number > f.lastSent {
		f.lastSent = w.hand.Number
		f.config.Figures.Swept++
	}
}
