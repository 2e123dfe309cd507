package fanout

import (
	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/udp"
)

// A reader that comes in the middle of a group of pictures can be caught up: it is sent the frames
// from the newest key frame on by a cursor of its own, faster than they were taken, until it has
// had what the readers of level 0 have had. Then it moves there. The packets are those of
// everybody, with the same numbers; copies have timestamps near the live edge (ring.Squeeze).

// CatchUp has a reader that waits for its first key frame begin with the newest one that there is.
// It does nothing, and ok is false, if the reader has begun or need not wait, or if that frame is
// no longer kept.
func (r *Reader) CatchUp() (first ring.Beginning, ok bool) {
	g := r.group
	// A reader that has come after the others of the frame in hand may leave at any time.
	isFree := g.sweep.Hand == nil || int(r.index) >= g.sweep.peers.Ring
	if r.gone || g.level != joinLevel || !isFree || r.Frames() > 0 || r.refused > 0 || r.resting != 0 {
		return first, false
	}
	return g.fanout.catching.add(r)
}

// catching is the readers of a Fanout that are being caught up.
type catching struct {
	sending.Catching[*Reader, caughtUp]
	fanout *Fanout
	failed func(index int, err error) // a method bound once
	active *catcher                   // which failed is about
	copied []byte                     // a run with other timestamps
}

// catcher is how far one reader has come.
type catcher = sending.Catcher[*Reader, caughtUp]

// caughtUp is what is kept besides.
type caughtUp struct {
	squeeze ring.Squeeze
	packet  int // the next one of the run, where packets are sent one by one
}

func (k *catching) init(f *Fanout) {
	k.fanout = f
	k.Init(&f.sweeps, k.sendNext)
	k.failed = func(_ int, err error) {
		c := k.active
		if f.unreachable(c.Reader, uint32(c.Pin.Held().Number), err) {
			c.Reader.framesBefore-- // which counts whole frames alone already
		}
		c.Broken = true
	}
}

// add has a reader be caught up, if that is possible.
func (k *catching) add(r *Reader) (first ring.Beginning, ok bool) {
	f, g := k.fanout, r.group
	cursor, squeeze, first, ok := f.config.Form.CatchUp()
	if !ok {
		return first, false
	}
	k.Add(r, cursor, caughtUp{squeeze: squeeze})
	peer, source := g.fan.Peer(int(r.index)), g.fan.Source(int(r.index))
	if g.sweep.Hand != nil {
		r.framesBefore-- // it counts that frame, which the reader is not sent
	}
	g.forgetMove(r)
	r.leaveGroup()
	r.enter(f.group(g.fan.Socket(), g.rtcp, catchLevel), peer, source)
	return first, true
}

// enterAll moves those that are where the others are, before the newest frame is sent.
func (k *catching) enterAll() {
	k.Wake()
	for i := len(k.List) - 1; i >= 0; i-- {
		k.enter(k.List[i].Reader)
	}
}

// enter moves a reader to the group that it belongs in, if it can be, and reports whether it has.
func (k *catching) enter(r *Reader) bool {
	c := k.Of(r)
	if c == nil { // all is stopped
		return false
	}
	if c.Broken {
		r.cut = true
	}
	if r.resting == 0 && !c.Broken && c.Pin.Held() != nil {
		return false // in the middle of a frame
	}
	return r.move()
}

// sendNext sends the next run to a reader.
func (k *catching) sendNext(c *catcher) {
	frame := k.begin(c)
	if frame == nil {
		return
	}
	wire := k.fanout.config.Form.Of(frame)
	run := udp.Run{Bytes: wire.Run(c.Run), SegmentBytes: wire.PacketSize}
	if squeeze := &c.Own.squeeze; squeeze.At(frame.Number, wire.Timestamp) != wire.Timestamp {
		k.copied = squeeze.AppendRun(k.copied[:0], run.Bytes, frame.Number, wire)
		run.Bytes = k.copied
	}
	if !k.send(c, run) || !k.Sent(c, sending.PacketsIn(run.Bytes, run.SegmentBytes), wire.Runs()) {
		return
	}
	r := c.Reader
	r.before = uint32(frame.Number)
	r.framesBefore-- // its group's sweep counts none
	k.fanout.delivered(wire, 1)
	k.enter(r)
}

// begin returns the frame in hand, or the next one. If there is none, it is seen to what becomes
// of the reader.
func (k *catching) begin(c *catcher) *ring.Frame {
	frame, missed := k.Next(c, k.fanout.config.Form)
	c.Reader.lagsBefore -= uint32(missed)
	k.fanout.lagged(missed, 1)
	if c.Broken {
		k.lose(c)
	}
	return frame
}

// lose has a reader wait for the next key frame.
func (k *catching) lose(c *catcher) {
	k.fanout.config.RequestKey()
	k.enter(c.Reader)
}

// send sends a run to a reader, and reports whether that is done. If not, it is seen to going on.
func (k *catching) send(c *catcher, run udp.Run) bool {
	g, index := c.Reader.group, int(c.Reader.index)
	if k.fanout.isFull(g.fan.Socket()) {
		k.Pause(c)
		return false
	}
	k.active = c
	position, outcome := g.fan.Send(run, udp.Position{Peer: index, Packet: c.Own.packet}, udp.Peers{End: index + 1, Ring: len(g.readers)}, k.failed)
	k.active, c.Own.packet = nil, position.Packet
	done := k.After(c, outcome)
	if c.Broken {
		k.lose(c)
	}
	return done
}

// isFull reports whether a sweep waits for a socket to have room.
func (f *Fanout) isFull(socket *udp.Socket) bool {
	for _, g := range f.groups {
		if g.sweep.Waiting && g.fan.Socket() == socket {
			return true
		}
	}
	return false
}
