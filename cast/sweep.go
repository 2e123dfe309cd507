package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to the readers of one group, every step-th one, one after the other:
// burst by burst, each burst to every reader in turn, the first reader a different one each
// frame. How far it has come is a few numbers; nothing is kept per reader. Each group has a
// sweep of its own, so that a socket that is full stops nobody who is sent from another.
//
// It begins a burst no earlier than its time, and keeps going when it can: until the
// socket is full (it goes on when it is writable), until the next burst is not yet
// due (a timer), or until it has held the loop long enough (others have a turn). When
// the next frame is there before this one is out, the rest of this one follows at
// once: nobody gets half a frame.
type sweep struct {
	group  *group
	stream *Stream
	loop   *loop.Loop
	timer  *loop.Timer
	step   uint64 // 2^level
	// resume and failed are methods bound once, so that using them allocates nothing.
	resume  func()
	failed  func(place int, err error)
	waiting bool // for a socket to be writable
	broken  bool // the socket

	hand  *frame // the frame being sent
	last  uint64 // number of the last frame that was begun or passed over
	began time.Duration
	burst int // the next run of the frame in hand
	// burstBegan is when the first readers had been sent the present run, or the one before: after
	// the send, as the thread may have been held up in it.
	burstBegan time.Duration
	turn       int       // counts the frames, to choose the first reader by
	first      int       // the reader who is the first to get the frame in hand
	peers      udp.Peers // whom it goes to
	place      udp.Place // how far the burst has come among them

	// missed is how many readers could not be sent some of the frame in hand.
	missed int
	// stuckSince is since when the queue behind the socket has been full for the reader
	// that is next; 0: it is not. impatient: one has been waited for in vain in this frame.
	stuckSince time.Duration
	impatient  bool

	// now is the time after the last send: later than the turn's, as sending takes time.
	now time.Duration

	frames, lags uint64 // sent, and passed over while there were readers
	ledger       ledger
}

const (
	// chunkReaders is how many readers are sent to between two looks at the clock.
	chunkReaders = 256
	// sweepSlice is how long a sweep may hold the loop before others have a turn.
	sweepSlice = 4 * time.Millisecond
	// congestionPause is the wait after ENOBUFS: the queue that is full is behind
	// the socket, and no readiness tells when it has room.
	congestionPause = time.Millisecond
	// congestionLimit is how long readers may hold up the others by it, in one frame.
	congestionLimit = 30 * time.Millisecond
)

func newSweep(g *group, l *loop.Loop) *sweep {
	w := &sweep{group: g, stream: g.stream, loop: l, step: 1 << g.level, last: g.stream.ring.newest}
	w.resume = func() { w.waiting = false; w.putBack(); w.advance() }
	w.timer = l.NewTimer(w.advance)
	w.failed = func(place int, err error) {
		if w.stream.unreachable(g.readers[place], uint64(w.turn), err) {
			w.missed++
		}
	}
	return w
}

// newFrame is called when the ring has a new frame.
func (w *sweep) newFrame() {
	if w.group.level == restLevel {
		w.passOver()
		return
	}
	if w.waiting {
		return // nothing is gained by trying before the socket is writable
	}
	w.timer.Stop() // what is left of the frame in hand is due now
	w.advance()
}

// stop ends sending for good.
func (w *sweep) stop() {
	w.timer.Stop()
	w.release()
	w.last = w.stream.ring.newest
	w.group.endSweep()
}

// advance does what is due.
func (w *sweep) advance() {
	w.now = w.loop.Kernel().Monotonic()
	slice := w.now + sweepSlice
	for w.begin() {
		if due := w.due(); due > w.loop.Now() {
			w.timer.Set(due)
			return
		}
		if !w.sendBurst(slice) {
			return
		}
		if w.burst++; w.burst == w.hand.packets.Runs() {
			w.finish()
		}
	}
}

// begin makes sure that there is a frame in hand, and reports whether there is.
func (w *sweep) begin() bool {
	if w.hand != nil {
		return true
	}
	f, missed := w.stream.ring.after(w.last, w.step)
	if f == nil {
		return false
	}
	w.last = f.number
	readers := w.group.size()
	if readers == 0 {
		return false
	}
	w.lags += missed
	w.stream.lagged(missed, readers)
	w.hand = f
	f.sweeps++
	w.ledger.enter(f.first, f.packets.Count)
	w.began, w.burst, w.missed, w.impatient = w.loop.Now(), 0, 0, false
	w.choosePeers()
	return true
}

// putBack lets go of a frame of which nobody has anything yet and that has become too old
// while the socket was full: on with the newest.
func (w *sweep) putBack() {
	if w.hand == nil || w.burst > 0 || w.place != (udp.Place{Peer: w.first}) || w.stream.ring.get(w.last) != nil {
		return
	}
	w.last -= w.step
	w.ledger.takeBack()
	w.release()
}

// choosePeers decides whom the frame goes to, who has joined by now, and in which order.
func (w *sweep) choosePeers() {
	w.turn++
	n := len(w.group.readers)
	w.first = w.turn % n
	w.peers = udp.Peers{End: w.first + n, Ring: n}
	w.place = udp.Place{Peer: w.first}
}

// due is when the next burst may go: spread evenly over a share of the time until the next
// frame for these readers, unless that is there already. After a burst that was late the next
// one does not follow at once, as small queues on the way do not bear several: those that are
// left share the time that is left.
func (w *sweep) due() time.Duration {
	if w.burst == 0 || w.stream.ring.newest >= following(w.last, w.step) {
		return w.began
	}
	step, runs := time.Duration(w.step), w.hand.packets.Runs()
	spread := w.stream.spread * step
	left := max(w.began+w.stream.interval*step-w.burstBegan, 0)
	apart := min(spread/time.Duration(runs), left/time.Duration(runs-w.burst+1))
	return max(w.began+spread*time.Duration(w.burst)/time.Duration(runs), w.burstBegan+apart)
}

// sendBurst sends the burst to the readers that have not had it yet, and reports
// whether that is all of them. If it is not, it has seen to going on later.
func (w *sweep) sendBurst(slice time.Duration) bool {
	packets := &w.hand.packets
	run := udp.Run{Bytes: packets.Run(w.burst), SegmentBytes: packets.PacketSize}
	for w.place.Peer < w.peers.End {
		if w.now >= slice {
			w.timer.Set(w.loop.Now())
			return false
		}
		if outcome := w.sendChunk(run); outcome != udp.Done && !w.goOn(outcome) {
			return false
		}
	}
	w.place = udp.Place{Peer: w.first}
	return true
}

// sendChunk sends the run to the next few readers.
func (w *sweep) sendChunk(run udp.Run) udp.Outcome {
	was := w.place
	chunk := udp.Peers{End: min(w.place.Peer+chunkReaders, w.peers.End), Ring: w.peers.Ring}
	var outcome udp.Outcome
	w.place, outcome = w.group.fan.Send(run, w.place, chunk, w.failed)
	w.now = w.loop.Kernel().Monotonic()
	if w.place != was {
		if was == (udp.Place{Peer: w.first}) {
			w.burstBegan = w.now
		}
		w.stuckSince = 0
		w.stream.handedToFirst(w)
	}
	return outcome
}

// goOn decides what is done when a send has stopped early, and reports whether the next may
// follow at once.
func (w *sweep) goOn(outcome udp.Outcome) bool {
	switch outcome {
	case udp.Full:
		w.waiting = w.group.fan.Socket().WhenWritable(w.resume) == nil
	case udp.Congested:
		return w.congested()
	case udp.Broken:
		w.breakOff()
	}
	return false
}

// breakOff gives the frame in hand up, as the socket is of no use. That is said once.
func (w *sweep) breakOff() {
	if !w.broken {
		w.broken = true
		w.stream.log.Error("an RTP socket no longer works; frames for its readers are only counted, as lags")
	}
	w.lags++
	w.stream.lagged(1, w.group.size())
	w.release()
	w.group.endSweep()
}

// congested waits a moment, since no readiness will tell when the queue behind the
// socket has room. A reader who always meets it is passed over; so are, at once, those who
// were already, and all others after one was waited for in vain: a frame waits once.
func (w *sweep) congested() (passed bool) {
	place := w.place.Peer % w.peers.Ring
	switch {
	case w.impatient || w.group.readers[place].failing(uint64(w.turn)) || w.stuckSince > 0 && w.now-w.stuckSince >= congestionLimit:
		w.impatient = w.impatient || w.stuckSince > 0
		w.failed(place, errCongested)
		w.place, w.stuckSince = udp.Place{Peer: w.place.Peer + 1}, 0
		return true
	case w.stuckSince == 0:
		w.stuckSince = w.now
	}
	w.timer.Set(w.now + congestionPause)
	return false
}

var errCongested = errors.New("a queue on the way to it is always full")

// finish lets go of the frame that everybody has.
func (w *sweep) finish() {
	f := w.hand
	if w.group.level == 0 {
		w.stream.handedToLast(f, w.now)
	}
	readers := uint64(w.peers.Ring)
	w.stream.delivered(f, readers-min(readers, uint64(w.missed)))
	w.frames++
	w.release()
	w.group.endSweep()
}

// promised is how many frames will have been sent with the one in hand.
func (w *sweep) promised() uint64 {
	if w.hand != nil {
		return w.frames + 1
	}
	return w.frames
}

// release lets go of the frame in hand, if there is one.
func (w *sweep) release() {
	if w.hand != nil {
		w.hand.sweeps--
		w.hand = nil
	}
}

// handedToFirst notes that some of a sweep's frame in hand has gone to a reader.
func (s *Stream) handedToFirst(w *sweep) {
	if f := w.hand; w.group.level == 0 && !f.begun {
		f.begun = true
		s.figures.FirstAge.Record(w.now - f.captured)
	}
}

// handedToLast notes that all readers behind a socket who are sent every frame have this
// one.
func (s *Stream) handedToLast(f *frame, now time.Duration) {
	s.figures.LastAge.Record(now - f.captured)
	if !f.swept {
		f.swept = true
		s.swept++
	}
}
