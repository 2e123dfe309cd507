package sealfan

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/proto/srtp"
)

// A reader that comes in the middle of a group of pictures can be caught up: it is sent the frames from the newest
// key frame on by a cursor of its own, faster than they were taken, until its next frame is the one that its group's
// sweep begins. Their timestamps are near the live edge (ring.Squeeze), so that it does not stay behind.

// CatchUp has a reader that waits for its first key frame begin with the newest one that there is. It does nothing,
// and ok is false, if the reader has begun, or if that frame is no longer kept. What it begins with is sealed only
// then: first says nothing.
func (r *Reader) CatchUp() (first ring.Beginning, ok bool) {
	if r.gone || r.resting != 0 || r.inHand || r.frames > 0 || r.squeeze != (ring.Squeeze{}) {
		return first, false
	}
	cursor, squeeze, _, ok := r.group.layout.form.CatchUp()
	if !ok {
		return first, false
	}
	r.catching, r.squeeze = true, squeeze
	r.group.owner.catching.Add(r, cursor, caughtUp{})
	return first, true
}

// catching is the readers of a Fan that are being caught up.
type catching struct {
	sending.Catching[*Reader, caughtUp]
	fan    *Fan
	failed func(run int, err error) // a method bound once
	active *catcher                 // which failed is about
	slab   slab
	copied []byte // a run with other timestamps
}

// catcher is how far one reader has come.
type catcher = sending.Catcher[*Reader, caughtUp]

// caughtUp is what is kept besides.
type caughtUp struct {
	packet uint32 // the first one of the run
	kept   slab   // what is sealed, and the socket has not taken
}

func (k *catching) init(f *Fan) {
	k.fan = f
	k.Init(&f.sweeps, k.sendNext)
	k.failed = func(_ int, err error) {
		if !k.active.Broken {
			k.active.Broken = true
			k.active.Reader.unreachable(err)
		}
	}
}

// stop ends it for good.
func (k *catching) stop() {
	for _, c := range k.List {
		c.Reader.catching, c.Reader.waits = false, true
	}
	k.Stop()
}

// remove has a reader no longer be caught up. It goes on with a key frame, unless the caller says otherwise.
func (k *catching) remove(r *Reader) {
	if r.catching {
		r.catching, r.waits = false, true
		k.Remove(r)
	}
}

// enter has those readers of a group no longer be caught up whose next frame is the one that its sweep begins
// now, or who can begin with that.
func (k *catching) enter(g *group, frame *ring.Frame) {
	for i := len(k.List) - 1; i >= 0; i-- {
		c := k.List[i]
		if c.Reader.group != g || c.Pin.Held() != nil {
			continue
		}
		isNext := k.Following(c) == frame.Number && !c.Pin.GivenUp() // else it lacks a frame, or a part of one
		if !frame.Key && !isNext {
			continue
		}
		skips := c.Cursor.SkipsLeading()
		k.remove(c.Reader)
		// It begins anew with a key frame, unless it has the frame before: those that lead to the key frame may need that.
		c.Reader.waits = frame.Key && (!isNext || c.Reader.frames == 0 || c.Cursor.Taken()+1 != frame.Number)
		c.Reader.skipsLeading = skips
	}
}

// frameReady sends the newest frame to those that have had all others, and have not entered their sweep with it.
func (k *catching) frameReady() {
	if len(k.List) > 0 {
		k.Wake()
		k.Do()
	}
}

// sendNext sends the next run to a reader.
func (k *catching) sendNext(c *catcher) {
	g := c.Reader.group
	if g.sweep.Waiting {
		k.Pause(c)
		return
	}
	frame := k.begin(c)
	if frame == nil {
		return
	}
	wire := g.layout.form.Of(frame)
	if wire == nil { // it has come to another layout
		k.lose(c)
		return
	}
	run := wire.Run(c.Run)
	if c.Own.kept.isSent() {
		if c.Run == 0 && !c.Reader.allows(frame, wire) {
			k.lose(c)
			return
		}
		if !k.seal(c, frame, wire, run) {
			return
		}
	}
	if !k.send(c, wire.PacketSize+g.tagBytes) {
		return
	}
	packets := sending.PacketsIn(run, wire.PacketSize)
	c.Own.packet += uint32(packets)
	if !k.Sent(c, packets, wire.Runs()) {
		return
	}
	c.Own.packet = 0
	c.Reader.count(wire.Count, len(wire.Bytes)-wire.Count*headerBytes)
	k.fan.config.Figures.CountDelivered(wire, g.tagBytes, 1)
}

// seal seals a run for a reader.
func (k *catching) seal(c *catcher, frame *ring.Frame, wire *ring.Wire, run []byte) bool {
	r := c.Reader
	origin := srtp.Origin{Frame: frame.Number, Packet: c.Own.packet, Layout: r.group.layout.id}
	if r.squeeze.At(frame.Number, wire.Timestamp) != wire.Timestamp {
		origin.Layout = r.group.layout.squeezed()
		k.copied = r.squeeze.AppendRun(k.copied[:0], run, frame.Number, wire)
		run = k.copied
	}
	kept := &c.Own.kept
	*kept, k.slab = k.slab, slab{} // it has the room in turn
	kept.clear()
	if err := kept.seal(r, run, wire.PacketSize, origin); err != nil {
		k.fan.sweeps.Lose(r, r.observer, err)
		k.lose(c)
		return false
	}
	return true
}

// begin returns the frame in hand, or the next one. If there is none, it is seen to what becomes of the reader.
func (k *catching) begin(c *catcher) *ring.Frame {
	frame, missed := k.Next(c, c.Reader.group.layout.form)
	c.Reader.lags += uint32(missed)
	k.fan.config.Figures.Lags += missed
	if c.Broken {
		k.lose(c)
	}
	return frame
}

// lose has a reader wait for the next key frame.
func (k *catching) lose(c *catcher) {
	k.remove(c.Reader)
	c.Reader.cut()
}

// send sends what is sealed to a reader, and reports whether that is done. If not, it is seen to going on.
func (k *catching) send(c *catcher, packetBytes int) bool {
	kept := &c.Own.kept
	for i := range kept.runs { // its index may be another one since they were sealed, and its group
		kept.runs[i].Peer = int(c.Reader.index)
	}
	k.active = c
	outcome := kept.send(c.Reader.group.fan, packetBytes, k.failed)
	k.active = nil
	done := k.After(c, outcome)
	switch {
	case done:
		k.slab, *kept = *kept, slab{}
	case c.Broken:
		k.lose(c)
	}
	return done
}
