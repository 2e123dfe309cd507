package cast

import (
	"errors"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to those of a stream's UDP readers who are sent every step-th frame,
// one frame after the other: burst by burst, each burst to every reader in turn, the first
// reader a different one each frame. How far it has come is a few numbers; nothing is kept
// per reader.
//
// It begins a burst no earlier than its time, and keeps going when it can: until the
// socket is full (it goes on when it is writable), until the next burst is not yet
// due (a timer), or until it has held the loop long enough (others have a turn). When
// the next frame is there before this one is out, the rest of this one follows at
// once: nobody gets half a frame.
type sweep struct {
	stream *Stream
	loop   *loop.Loop
	timer  *loop.Timer
	level  uint8
	step   uint64 // 2^level
	// resume and failed are methods bound once, so that using them allocates nothing.
	resume  func()
	failed  func(place int, err error)
	waiting bool // for a socket to be writable

	hand  cursor // the frame being sent
	last  uint64 // number of the last frame that was begun or passed over
	began time.Duration
	burst int       // the next run of the frame in hand
	path  []stretch // whom the frame in hand goes to, in order
	at    int       // the stretch that the burst has come to
	place udp.Place // and how far in it
	turn  int       // counts the frames, to choose the first reader by

	// missed is how many readers could not be sent some of the frame in hand.
	missed int
	// begun says that the frame in hand has gone to somebody.
	begun bool
	// stuckSince is since when the queue behind the socket has been full for the reader
	// that is next; 0: it is not.
	stuckSince time.Duration

	// now is the time after the last send: later than the turn's, as sending takes time.
	now time.Duration

	frames, lags uint64 // sent, and passed over while there were readers
	ledger       ledger
}

// stretch is the readers behind one socket, and which of them is the first.
type stretch struct {
	group *group
	first int
	peers udp.Peers
}

const (
	// chunkReaders is how many readers are sent to between two looks at the clock.
	chunkReaders = 256
	// sweepSlice is how long a sweep may hold the loop before others have a turn.
	sweepSlice = 4 * time.Millisecond
	// congestionPause is the wait after ENOBUFS: the queue that is full is behind
	// the socket, and no readiness tells when it has room.
	congestionPause = time.Millisecond
	// congestionLimit is how long one reader may hold up the others by it.
	congestionLimit = 30 * time.Millisecond
)

func newSweep(s *Stream, l *loop.Loop, level uint8) *sweep {
	w := &sweep{stream: s, loop: l, level: level, step: 1 << level}
	w.resume = func() { w.waiting = false; w.advance() }
	w.timer = l.NewTimer(w.resume)
	w.failed = func(place int, err error) {
		if s.unreachable(w.path[w.at].group.readers[place], uint64(w.turn), err) {
			w.missed++
		}
	}
	return w
}

// newFrame is called when the ring has a new frame.
func (w *sweep) newFrame() {
	if w.level == restLevel {
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
	w.hand.release()
	w.last = w.stream.ring.newest
	w.stream.endSweep(w.level)
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
		if w.burst++; w.burst == w.hand.frame.packets.Runs() {
			w.finish()
		}
	}
}

// begin makes sure that there is a frame in hand, and reports whether there is.
func (w *sweep) begin() bool {
	if w.hand.held() != nil {
		return true
	}
	f, missed := w.stream.ring.after(w.last, w.step)
	if f == nil {
		return false
	}
	w.last = f.number
	readers := w.stream.audience.sizeAt(w.level)
	if readers == 0 {
		return false
	}
	w.lags += missed
	w.stream.lagged(missed, readers)
	w.hand.pin(f)
	w.ledger.enter(f.first, f.packets.Count)
	w.stream.audience.lanes[w.level].sweeping = true
	w.layPath()
	w.began, w.burst, w.missed, w.begun = w.loop.Now(), 0, 0, false
	return true
}

// layPath decides whom the frame goes to, who has joined by now, and in which order.
func (w *sweep) layPath() {
	w.turn++
	w.path = w.path[:0]
	for _, g := range w.stream.audience.groups {
		if n := len(g.readers); n > 0 && g.level == w.level {
			first := w.turn % n
			w.path = append(w.path, stretch{g, first, udp.Peers{End: first + n, Ring: n}})
		}
	}
	w.enter(0)
}

// enter goes to the beginning of stretch i.
func (w *sweep) enter(i int) {
	w.at, w.place = i, udp.Place{}
	if i < len(w.path) {
		w.place.Peer = w.path[i].first
	}
}

// due is when the next burst may go: spread evenly over a share of the time until the next
// frame for these readers, unless that is there already.
func (w *sweep) due() time.Duration {
	if w.stream.ring.newest >= following(w.last, w.step) {
		return w.began
	}
	spread := w.stream.spread * time.Duration(w.step)
	return w.began + spread*time.Duration(w.burst)/time.Duration(w.hand.frame.packets.Runs())
}

// sendBurst sends the burst to the readers that have not had it yet, and reports
// whether that is all of them. If it is not, it has seen to going on later.
func (w *sweep) sendBurst(slice time.Duration) bool {
	packets := &w.hand.frame.packets
	run := udp.Run{Bytes: packets.Run(w.burst), SegmentBytes: packets.PacketSize}
	for w.at < len(w.path) {
		s := &w.path[w.at]
		if w.place.Peer >= s.peers.End {
			w.enter(w.at + 1)
			continue
		}
		if w.now >= slice {
			w.timer.Set(w.loop.Now())
			return false
		}
		was := w.place
		var outcome udp.Outcome
		chunk := udp.Peers{End: min(w.place.Peer+chunkReaders, s.peers.End), Ring: s.peers.Ring}
		w.place, outcome = s.group.fan.Send(run, w.place, chunk, w.failed)
		w.now = w.loop.Kernel().Monotonic()
		if w.place != was {
			w.stuckSince = 0
		}
		if !w.begun && w.place != was {
			w.begun = true
			if w.level == 0 {
				w.stream.figures.FirstAge.Record(w.now - w.hand.frame.captured)
			}
		}
		switch {
		case outcome == udp.Full:
			w.waiting = s.group.fan.Socket().WhenWritable(w.resume) == nil
			return false
		case outcome == udp.Congested:
			w.congested(w.now)
			return false
		case outcome == udp.Broken:
			w.stream.socketBroken()
			return false
		}
	}
	w.enter(0)
	return true
}

// congested waits a moment, since no readiness will tell when the queue behind the
// socket has room. If it is always the same reader who meets it, that one is passed over.
func (w *sweep) congested(now time.Duration) {
	switch {
	case w.stuckSince == 0:
		w.stuckSince = now
	case now-w.stuckSince >= congestionLimit:
		w.failed(w.place.Peer%w.path[w.at].peers.Ring, errCongested)
		w.place, w.stuckSince = udp.Place{Peer: w.place.Peer + 1}, 0
	}
	w.timer.Set(now + congestionPause)
}

var errCongested = errors.New("a queue on the way to it is always full")

// finish lets go of the frame that everybody has.
func (w *sweep) finish() {
	f := w.hand.frame
	s := w.stream
	if w.level == 0 {
		s.figures.LastAge.Record(w.now - f.captured)
	}
	readers := uint64(0)
	for _, stretch := range w.path {
		readers += uint64(stretch.peers.Ring)
	}
	s.delivered(f, readers-min(readers, uint64(w.missed)))
	w.frames++
	w.hand.release()
	s.endSweep(w.level)
}
