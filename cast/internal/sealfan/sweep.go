package sealfan

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
)

// sweep sends frames to the readers of one group, burst by burst, when its sending.Sweep says so. For some readers at a time
// a burst is sealed into a slab. When a full socket is writable again, it goes on with what is sealed.
type sweep struct {
	sending.Sweep
	group *group
	// failed is a method bound once, so that using it allocates nothing.
	failed func(run int, err error)
	// packet is the first packet of the burst.
	packet uint32
	// The burst goes to the readers from First to end, counted round the first `round` ones of the group; it
	// is sealed for those before next.
	next, end, round int
	slab             slab
	startsBurst      bool // nothing of the burst has gone out
}

func newSweep(g *group) *sweep {
	f := g.owner
	w := &sweep{group: g}
	w.Init(&f.sweeps, g.fan.Socket(), w)
	w.Cursor.Follow(f.config.Ring) // that a reader waits for a key frame it knows itself
	w.failed = func(run int, err error) {
		r := g.readers[w.slab.runs[run].Peer]
		if !r.inHand {
			return // this is not the first failure in the frame, or the reader has moved
		}
		r.inHand = false // the rest of the frame is of no use to it
		if !w.Hand.Disposable {
			r.cut()
		}
		r.unreachable(err)
	}
	return w
}

// stop ends sending for good.
func (w *sweep) stop() {
	if w.Stop() {
		w.Release()
		w.group.endFrame()
	}
}

// everyFrame is the policy of all sweeps: what a reader is not sent, it knows itself.
var everyFrame = ring.Policy{Step: 1}

// Policy implements sending.Sender.
func (w *sweep) Policy() ring.Policy { return everyFrame }

// Begin implements sending.Sender.
func (w *sweep) Begin() bool {
	f, g := w.group.owner, w.group
	if len(g.readers) == 0 {
		w.Cursor.Follow(f.config.Ring)
		return false
	}
	for {
		before := w.Cursor
		frame, missed := w.Cursor.Next(f.config.Ring, everyFrame)
		w.lagged(missed)
		if w.Cursor.WantsKey(f.config.Ring) {
			f.config.RequestKey()
		}
		if frame == nil {
			return false
		}
		wire := g.layout.form.Of(frame)
		if wire == nil { // it could not be laid out as packets
			w.Cursor.Unsent(frame, &before)
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
		r.inHand = r.gets(frame, wire)
		some = some || r.inHand
	}
	if !some {
		return false
	}
	w.Take(frame, wire, n)
	w.round, w.next, w.end = n, w.First, w.First+n
	w.packet, w.startsBurst = 0, true
	return true
}

// SendBurst implements sending.Sender.
func (w *sweep) SendBurst() (done bool) {
	run := w.Wire.Run(w.Burst)
	for {
		if w.slab.isSent() {
			if w.next == w.end {
				break
			}
			if w.PutOff() {
				return false
			}
			w.fill(run)
		}
		if outcome := w.sendSlab(); outcome != udp.Done && !w.GoOn(outcome) {
			return false
		}
	}
	w.packet += uint32(sending.PacketsIn(run, w.Wire.PacketSize))
	w.next, w.startsBurst = w.First, true
	return true
}

// sendSlab sends what of the slab has not been sent.
func (w *sweep) sendSlab() udp.Outcome {
	g := w.group
	was := w.slab.position
	outcome := w.slab.send(g.fan, w.Wire.PacketSize+g.tagBytes, w.failed)
	some := w.slab.position != was
	w.Sent(some, w.startsBurst)
	w.startsBurst = w.startsBurst && !some
	return outcome
}

// Finish implements sending.Sender.
func (w *sweep) Finish() {
	octets := len(w.Wire.Bytes) - w.Wire.Count*headerBytes
	delivered := uint64(0)
	for _, r := range w.group.readers {
		if r.inHand {
			r.count(w.Wire.Count, octets)
			delivered++
		}
	}
	w.group.owner.config.Figures.CountDelivered(w.Wire, w.group.tagBytes, delivered)
	w.Done()
	w.group.endFrame()
}

// count counts a frame that the reader was sent.
func (r *Reader) count(packets, octets int) {
	r.inHand, r.refused = false, 0
	r.frames++
	r.packets += uint32(packets)
	r.octets += uint32(octets)
}

// WasSkipped implements sending.Sender.
func (w *sweep) WasSkipped() bool {
	return w.group.readers[w.slab.runs[w.slab.position.Peer].Peer].refused > 0
}

// Skip implements sending.Sender.
func (w *sweep) Skip(err error) {
	run := w.slab.position.Peer
	w.failed(run, err)
	w.slab.position = udp.Position{Peer: run + 1}
}

// GiveUp implements sending.Sender.
func (w *sweep) GiveUp() {
	for _, r := range w.group.readers {
		if r.inHand {
			r.inHand, r.waits = false, true
			r.lags++
			w.group.owner.config.Figures.Lags++
		}
	}
	w.slab.clear()
	w.Release()
	w.group.endFrame()
}
