package fanout

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to the readers of one group, one after the other: burst by burst, when its
// sending.Sweep says so. How far it has come is a few numbers; nothing is kept per reader. Each
// group has a sweep of its own, so that a full socket stops only its own readers.
type sweep struct {
	sending.Sweep
	group *group
	// failed is a method bound once, so that using it allocates nothing.
	failed func(index int, err error)
	// before is the cursor before it took the frame in hand.
	before   ring.Cursor
	peers    udp.Peers    // the readers that the frame in hand goes to
	position udp.Position // how far the burst has come among them
	// missed is how many readers could not be sent some of the frame in hand.
	missed       int
	frames, lags uint64 // sent, and skipped while there were readers
	ledger       ledger
}

// chunkReaders is how many readers are sent to between two looks at the clock: as many as one
// system call serves.
const chunkReaders = 64

func newSweep(g *group) *sweep {
	f := g.fanout
	w := &sweep{group: g}
	w.Init(&f.sweeps, g.fan.Socket(), w)
	w.Thinned, w.Cursor = g.level > 0, f.config.Ring.NewCursor()
	w.failed = func(index int, err error) {
		r := g.readers[index]
		if f.unreachable(r, w.Turn, err) {
			w.missed++
		}
		if f.dependent() && !w.Hand.Disposable {
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
	case catchLevel:
	default:
		w.NewFrame()
	}
}

// stop ends sending for good.
func (w *sweep) stop() {
	w.Stop()
	w.giveUp(false)
	w.group.endFrame()
}

// Resume implements sending.Sender.
func (w *sweep) Resume() {
	w.putBack()
	w.Sweep.Resume()
}

// Policy implements sending.Sender.
func (w *sweep) Policy() ring.Policy { return w.group.policy() }

// Begin implements sending.Sender.
func (w *sweep) Begin() bool {
	f := w.fanout()
	readers := w.group.size()
	if readers == 0 {
		w.Cursor.Skip(f.config.Ring)
		return false
	}
	for {
		w.before = w.Cursor
		frame, missed := w.Cursor.Next(f.config.Ring, w.group.policy())
		w.lags += missed
		f.lagged(missed, readers)
		if w.group.level <= neededLevel && f.dependent() && w.Cursor.WantsKey(f.config.Ring) {
			f.config.RequestKey()
		}
		if frame == nil {
			return false
		}
		if wire := f.config.Form.Of(frame); wire != nil {
			w.take(frame, wire)
			return true
		}
		w.Cursor.Unsent(frame, &w.before) // it could not be laid out as packets
	}
}

// take begins to send a frame to the readers of this moment.
func (w *sweep) take(frame *ring.Frame, wire *ring.Wire) {
	n := len(w.group.readers)
	w.Take(frame, wire, n)
	w.ledger.enter(wire.First, wire.Count)
	w.missed = 0
	w.peers = udp.Peers{End: w.First + n, Ring: n}
	w.position = udp.Position{Peer: w.First}
}

// SendBurst implements sending.Sender.
func (w *sweep) SendBurst() (done bool) {
	run := udp.Run{Bytes: w.Wire.Run(w.Burst), SegmentBytes: w.Wire.PacketSize}
	for w.position.Peer < w.peers.End {
		if w.PutOff() {
			return false
		}
		if outcome := w.sendChunk(run); outcome != udp.Done && !w.GoOn(outcome) {
			return false
		}
	}
	w.position = udp.Position{Peer: w.First}
	return true
}

// sendChunk sends the run to the next few readers.
func (w *sweep) sendChunk(run udp.Run) udp.Outcome {
	was := w.position
	chunk := udp.Peers{End: min(w.position.Peer+chunkReaders, w.peers.End), Ring: w.peers.Ring}
	var outcome udp.Outcome
	w.position, outcome = w.group.fan.Send(run, w.position, chunk, w.failed)
	w.Sent(w.position != was, was == udp.Position{Peer: w.First})
	return outcome
}

// Finish implements sending.Sender.
func (w *sweep) Finish() {
	readers := uint64(w.peers.Ring)
	w.fanout().delivered(w.Wire, readers-min(readers, uint64(w.missed)))
	w.frames++
	w.Done()
	w.group.endFrame()
}

// next is the index of the reader that is next.
func (w *sweep) next() int { return w.position.Peer % w.peers.Ring }

// WasSkipped implements sending.Sender.
func (w *sweep) WasSkipped() bool { return w.group.readers[w.next()].failing(w.Turn) }

// Skip implements sending.Sender.
func (w *sweep) Skip(err error) {
	w.failed(w.next(), err)
	w.position = udp.Position{Peer: w.position.Peer + 1}
}

// GiveUp implements sending.Sender.
func (w *sweep) GiveUp() {
	w.lags++
	w.fanout().lagged(1, w.giveUp(true))
	w.group.endFrame()
}

// promised is how many frames will have been sent with the one in hand.
func (w *sweep) promised() uint64 {
	if w.Hand != nil {
		return w.frames + 1
	}
	return w.frames
}
