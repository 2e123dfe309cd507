package sealfan

import (
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to the readers of one group: burst by burst, each burst to every reader in turn, the first
// reader a different one each frame. For some readers at a time a burst is sealed into a slab.
//
// It begins a burst no earlier than its time, and keeps going when it can: until the socket is full (it goes on
// when that is writable, with what is sealed), until the next burst is not yet due (a timer), or until the budget
// that it shares with the other sweeps is spent (it goes on in the next turn). When the next frame is there before
// this one is out, the rest of this one follows at once: nobody gets half a frame.
type sweep struct {
	group *group
	timer *loop.Timer
	task  *loop.Task // of advance
	// resume and failed are methods bound once, so that using them allocates nothing.
	resume  func()
	failed  func(run int, err error)
	waiting bool // for a socket to be writable
	broken  bool // the socket
	stopped bool

	cursor ring.Cursor
	hand   *ring.Frame // the frame being sent
	wire   *ring.Wire  // its packets
	began  time.Duration
	burst  int // the next run of the frame in hand, and packet its first packet
	packet uint32
	// burstBegan is when the first readers had received the current burst, or the one before.
	burstBegan time.Duration
	turn       uint32 // counts the frames, to choose the first reader by
	// The burst goes to the readers from first to end, counted round the first `round` ones of the group; it
	// is sealed for those before next.
	first, next, end, round int
	slab                    slab
	// stuckSince is since when the queue behind the socket has been full for the reader that is next; 0: it is not.
	// impatient: waiting for one has not helped in this frame.
	stuckSince  time.Duration
	impatient   bool
	startsBurst bool // nothing of the burst has gone out
	// now is the time after the last send.
	now time.Duration
}

func newSweep(g *group) *sweep {
	f := g.owner
	w := &sweep{group: g}
	w.cursor.Follow(f.config.Ring) // that a reader waits for a key frame it knows itself
	w.resume = func() {
		w.waiting = false
		w.task.Do()
	}
	w.task = f.config.Budget.NewTask(w.advance)
	w.timer = f.config.Loop.NewTimer(func() { w.task.Do() })
	w.failed = func(run int, err error) {
		r := g.readers[w.slab.runs[run].Peer]
		if !r.inHand {
			return // this is not the first failure in the frame, or the reader has moved
		}
		r.inHand = false // the rest of the frame is of no use to it
		if !w.hand.Disposable {
			r.cut()
		}
		r.unreachable(err)
	}
	return w
}

// newFrame is called when the ring has a new frame.
func (w *sweep) newFrame() {
	if w.waiting {
		return // nothing is gained by trying before the socket is writable
	}
	w.timer.Stop() // what is left of the frame in hand is due now
	w.task.Do()
}

// stop ends sending for good.
func (w *sweep) stop() {
	if w.stopped {
		return
	}
	w.stopped = true
	w.timer.Stop()
	w.task.Stop()
	w.release()
	w.group.endFrame()
}

// advance does what is due.
func (w *sweep) advance() {
	w.sendDue()
	w.group.owner.tellLost()
}

// sendDue sends the bursts that are due.
func (w *sweep) sendDue() {
	f := w.group.owner
	w.now = f.config.Loop.Kernel().Monotonic()
	for w.begin() {
		if due := w.due(); due > f.config.Loop.Now() {
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
	f, g := w.group.owner, w.group
	if len(g.readers) == 0 {
		w.cursor.Follow(f.config.Ring)
		return false
	}
	for {
		before := w.cursor
		frame, missed := w.cursor.Next(f.config.Ring, ring.Policy{Step: 1})
		w.lagged(missed)
		if w.cursor.WantsKey(f.config.Ring) {
			f.config.RequestKey()
		}
		if frame == nil {
			return false
		}
		wire := g.layout.form.Of(frame)
		if wire == nil { // it could not be laid out as packets
			w.cursor.Unsent(frame, &before)
			continue
		}
		if w.take(frame, wire) {
			return true
		}
	}
}

// lagged counts frames that the readers have missed.
func (w *sweep) lagged(frames uint64) {
	if frames == 0 {
		return
	}
	for _, r := range w.group.readers {
		if !r.gone && !r.waits && !r.catching {
			r.lags += uint32(frames)
			w.group.owner.config.Figures.Lags += frames
		}
	}
}

// take begins to send a frame, and reports whether there is a reader who gets it.
func (w *sweep) take(frame *ring.Frame, wire *ring.Wire) bool {
	g := w.group
	g.owner.catching.enter(g, frame)
	n, some := len(g.readers), false
	for _, r := range g.readers {
		r.endTrial(frame)
		r.inHand = r.gets(frame)
		some = some || r.inHand
	}
	if !some {
		return false
	}
	w.hand, w.wire = frame, wire
	frame.Hold()
	w.turn++
	w.round, w.first = n, ring.First(w.turn, n)
	w.next, w.end = w.first, w.first+n
	w.burst, w.packet, w.impatient, w.startsBurst = 0, 0, false, true
	w.began = g.owner.config.Loop.Now()
	w.beginFirst()
	return true
}

// due is when the next burst may go: spread evenly over a share of the time until the next frame, unless that is
// there already. After a burst that was late those that are left share the time that is left.
func (w *sweep) due() time.Duration {
	f := w.group.owner
	if w.burst == 0 || w.cursor.Peek(f.config.Ring, ring.Policy{Step: 1}) > 0 {
		return w.began
	}
	runs := w.wire.Runs()
	left := max(w.began+f.interval-w.burstBegan, 0)
	apart := min(f.spread/time.Duration(runs), left/time.Duration(runs-w.burst+1))
	return max(w.began+f.spread*time.Duration(w.burst)/time.Duration(runs), w.burstBegan+apart)
}

// sendBurst sends the burst to the readers that have not had it yet, and reports whether that is all of them. If it
// is not, it has seen to going on later.
func (w *sweep) sendBurst() bool {
	f := w.group.owner
	run := w.wire.Run(w.burst)
	for {
		if w.slab.isSent() {
			if w.next == w.end {
				break
			}
			if f.config.Budget.Spent(w.now) {
				w.task.Later()
				return false
			}
			w.fill(run)
		}
		if outcome := w.sendSlab(); outcome != udp.Done && !w.goOn(outcome) {
			return false
		}
	}
	w.packet += uint32(packetsIn(run, w.wire.PacketSize))
	w.next, w.startsBurst = w.first, true
	return true
}

// packetsIn is how many packets a run has that is cut every so many bytes.
func packetsIn(run []byte, packetBytes int) int { return (len(run) + packetBytes - 1) / packetBytes }

// sendSlab sends what of the slab has not been sent.
func (w *sweep) sendSlab() udp.Outcome {
	f, g := w.group.owner, w.group
	was := w.slab.position
	outcome := w.slab.send(g.fan, w.wire.PacketSize+g.tagBytes, w.failed)
	w.now = f.config.Loop.Kernel().Monotonic()
	if w.slab.position == was {
		return outcome
	}
	w.stuckSince = 0
	if w.startsBurst {
		w.startsBurst, w.burstBegan = false, w.now
		w.sentToFirst()
	}
	return outcome
}

// finish counts the frame in hand, which all readers have that get it, and releases it.
func (w *sweep) finish() {
	f, wire := w.group.owner, w.wire
	octets := len(wire.Bytes) - wire.Count*headerBytes
	delivered := uint64(0)
	for _, r := range w.group.readers {
		if r.inHand {
			r.count(wire.Count, octets)
			delivered++
		}
	}
	f.delivered(wire, w.group.tagBytes, delivered)
	f.config.Figures.LastAge.Record(w.now - w.hand.Captured)
	if w.hand.Number > f.lastSent {
		f.lastSent = w.hand.Number
		f.config.Figures.Swept++
	}
	w.release()
	w.group.endFrame()
}

// count counts a frame that the reader was sent.
func (r *Reader) count(packets, octets int) {
	r.inHand, r.refused = false, 0
	r.frames++
	r.packets += uint32(packets)
	r.octets += uint32(octets)
}

// delivered counts a frame that n readers were sent.
func (f *Fan) delivered(w *ring.Wire, tagBytes int, n uint64) {
	f.config.Figures.Delivered += n
	f.config.Figures.Packets += n * uint64(w.Count)
	f.config.Figures.Bytes += n * uint64(len(w.Bytes)+w.Count*tagBytes)
}

// beginFirst notes that the frame in hand begins to be sent to a reader, the first of all.
func (w *sweep) beginFirst() {
	f := w.group.owner
	if w.hand.Number <= f.firstBegun {
		return
	}
	f.firstBegun = w.hand.Number
	if f.interval > 0 && w.now-w.hand.Captured > f.interval {
		f.config.Figures.Late++
	}
}

// sentToFirst notes that some of the frame in hand has gone to a reader, the first of all.
func (w *sweep) sentToFirst() {
	if f := w.group.owner; w.hand.Number > f.firstSent {
		f.firstSent = w.hand.Number
		f.config.Figures.FirstAge.Record(w.now - w.hand.Captured)
	}
}

// release releases the frame in hand, if there is one.
func (w *sweep) release() {
	if w.hand != nil {
		w.hand.Release()
		w.hand, w.wire = nil, nil
	}
}
