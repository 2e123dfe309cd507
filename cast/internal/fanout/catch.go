package fanout

import (
	"encoding/binary"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
)

// A reader that comes in the middle of a group of pictures can be caught up: it is sent the frames
// from the newest key frame on by a cursor of its own, faster than they were taken, until it has
// had what the readers of level 0 have had. Then it moves there. The packets are those of
// everybody, with the same numbers; copies have timestamps near the live edge (ring.Squeeze).

const (
	// catchRate is how many packets in a second a reader is sent at most while it is caught up:
	// 32 in 4 ms. GStreamer's receive buffer has room for fewer than 125 at once, and takes 32
	// in 2.4 ms.
	catchRate = 8000
	// catchSlice is how long catching up may hold the loop in a turn, of the budget that it
	// shares with the sweeps.
	catchSlice = time.Millisecond
	// catchPause is the wait of a reader whose socket is full: those that are not behind go first.
	catchPause = 2 * time.Millisecond
)

// CatchUp has a reader that waits for its first key frame begin with the newest one that there is.
// It does nothing, and ok is false, if the reader has begun or need not wait, or if that frame is
// no longer kept.
func (r *Reader) CatchUp() (first ring.Beginning, ok bool) {
	g := r.group
	// A reader that has come after the others of the frame in hand may leave at any time.
	isFree := g.sweep.hand == nil || int(r.index) >= g.sweep.peers.Ring
	if r.gone || g.level != joinLevel || !isFree || r.Frames() > 0 || r.refused > 0 || r.resting != 0 {
		return first, false
	}
	return g.fanout.catching.add(r)
}

// catching is the readers of a Fanout that are being caught up.
type catching struct {
	fanout *Fanout
	list   []*catcher
	task   *loop.Task
	timer  *loop.Timer
	now    time.Duration
	failed func(index int, err error) // a method bound once
	active *catcher                   // which failed is about
	copied []byte                     // a run with other timestamps
}

// catcher is how far one reader has come.
type catcher struct {
	reader  *Reader
	cursor  ring.Cursor
	squeeze ring.Squeeze
	pin     ring.Pin // the frame in hand
	run     int      // the next one of it
	packet  int      // the next one of that, where packets are sent one by one
	// due is when the run may be sent, and stuckSince since when a queue on the way is full.
	due, stuckSince time.Duration
	// idle: it has had all there is. broken: it cannot go on without a key frame.
	idle, broken bool
}

func (k *catching) init(f *Fanout) {
	k.fanout = f
	k.task = f.config.Budget.NewTask(k.advance)
	k.timer = f.config.Loop.NewTimer(func() { k.task.Do() })
	k.failed = func(_ int, err error) {
		c := k.active
		if f.unreachable(c.reader, uint32(c.pin.Held().Number), err) {
			c.reader.framesBefore-- // which counts whole frames alone already
		}
		c.broken = true
	}
}

// stop ends it for good.
func (k *catching) stop() {
	k.timer.Stop()
	k.task.Stop()
	for _, c := range k.list {
		c.pin.Release()
	}
	k.list = nil
}

// add has a reader be caught up, if that is possible. It begins in a later turn, after the answer
// to what the reader has asked.
func (k *catching) add(r *Reader) (first ring.Beginning, ok bool) {
	f, g := k.fanout, r.group
	cursor, squeeze, first, ok := f.config.Form.CatchUp()
	if !ok {
		return first, false
	}
	k.list = append(k.list, &catcher{reader: r, cursor: cursor, squeeze: squeeze})
	peer, source := g.fan.Peer(int(r.index)), g.fan.Source(int(r.index))
	if g.sweep.hand != nil {
		r.framesBefore-- // it counts that frame, which the reader is not sent
	}
	g.forgetMove(r)
	r.leaveGroup()
	r.enter(f.group(g.fan.Socket(), g.rtcp, catchLevel), peer, source)
	k.timer.Set(f.config.Loop.Now())
	return first, true
}

// of finds the catcher of a reader.
func (k *catching) of(r *Reader) *catcher {
	for _, c := range k.list {
		if c.reader == r {
			return c
		}
	}
	return nil
}

// remove forgets a reader that leaves its group.
func (k *catching) remove(r *Reader) {
	for i, c := range k.list {
		if c.reader == r {
			c.pin.Release()
			last := len(k.list) - 1
			k.list[i], k.list[last] = k.list[last], nil
			k.list = k.list[:last]
			return
		}
	}
}

// enterAll moves those that are where the others are, before the newest frame is sent.
func (k *catching) enterAll() {
	for i := len(k.list) - 1; i >= 0; i-- {
		k.list[i].idle = false
		k.enter(k.list[i].reader)
	}
}

// enter moves a reader to the group that it belongs in, if it can be, and reports whether it has.
func (k *catching) enter(r *Reader) bool {
	c := k.of(r)
	if c == nil { // all is stopped
		return false
	}
	if c.broken {
		r.cut = true
	}
	if r.resting == 0 && !c.broken && c.pin.Held() != nil {
		return false // in the middle of a frame
	}
	return r.move()
}

// advance sends what is due.
func (k *catching) advance() {
	f := k.fanout
	clock := f.config.Loop.Kernel()
	k.now = clock.Monotonic()
	end := k.now + catchSlice
	for again := true; again; {
		again = false
		for i := len(k.list) - 1; i >= 0; i-- {
			if i >= len(k.list) { // several have left
				continue
			}
			if c := k.list[i]; c.isDue(k.now) {
				k.step(c)
				k.now = clock.Monotonic()
				again = true
			}
			if k.now >= end || f.config.Budget.Spent(k.now) {
				k.rotate()
				k.task.Later()
				f.tellLost()
				return
			}
		}
	}
	k.setTimer()
	f.tellLost()
}

// isDue reports whether the reader can be sent something now.
func (c *catcher) isDue(now time.Duration) bool { return !c.idle && !c.broken && c.due <= now }

// rotate has another reader be the first.
func (k *catching) rotate() {
	if n := len(k.list); n > 1 {
		last := k.list[n-1]
		copy(k.list[1:], k.list[:n-1])
		k.list[0] = last
	}
}

// setTimer sets the timer for what is due next.
func (k *catching) setTimer() {
	next := time.Duration(-1)
	for _, c := range k.list {
		if !c.idle && !c.broken && (next < 0 || c.due < next) {
			next = c.due
		}
	}
	if next >= 0 {
		k.timer.Set(next)
	}
}

// step sends the next run to a reader.
func (k *catching) step(c *catcher) {
	frame := k.begin(c)
	if frame == nil {
		return
	}
	wire := k.fanout.config.Form.Of(frame)
	run := udp.Run{Bytes: wire.Run(c.run), SegmentBytes: wire.PacketSize}
	if timestamp := c.squeeze.At(frame.Number, wire.Timestamp); timestamp != wire.Timestamp {
		k.copied = append(k.copied[:0], run.Bytes...)
		setTimestamps(k.copied, run.SegmentBytes, timestamp)
		run.Bytes = k.copied
	}
	if !k.send(c, run) {
		return
	}
	packets := (len(run.Bytes) + run.SegmentBytes - 1) / run.SegmentBytes
	c.due = k.now + time.Duration(packets)*time.Second/catchRate
	if c.run++; c.run < wire.Runs() {
		return
	}
	r := c.reader
	c.pin.Release()
	r.before = uint32(frame.Number)
	r.framesBefore-- // its group's sweep counts none
	k.fanout.delivered(wire, 1)
	k.enter(r)
}

// setTimestamps writes a timestamp into each packet of a run.
func setTimestamps(run []byte, packetBytes int, timestamp uint32) {
	const at = 4 // RFC 3550, section 5.1
	for ; len(run) >= rtp.HeaderBytes; run = run[min(packetBytes, len(run)):] {
		binary.BigEndian.PutUint32(run[at:], timestamp)
	}
}

// begin returns the frame in hand, or the next one. If there is none, it is seen to what becomes
// of the reader.
func (k *catching) begin(c *catcher) *ring.Frame {
	if f := c.pin.Held(); f != nil {
		return f
	}
	if c.pin.GivenUp() {
		c.pin.Release()
		k.lose(c)
		return nil
	}
	r, f := c.reader, k.fanout
	before := c.cursor
	frame, missed := c.cursor.Next(f.config.Ring, ring.Policy{Step: 1, Patient: true})
	r.lagsBefore -= uint32(missed)
	f.lagged(missed, 1)
	switch {
	case frame == nil:
		c.idle = true
		return nil
	case f.config.Form.Of(frame) == nil:
		c.cursor.Unsent(frame, &before) // it goes on with the next frame, or with the next key frame
		return nil
	}
	c.run, c.packet = 0, 0
	c.pin.Set(frame)
	return frame
}

// lose has a reader wait for the next key frame.
func (k *catching) lose(c *catcher) {
	c.broken, c.idle = true, true
	k.fanout.config.RequestKey()
	k.enter(c.reader)
}

// send sends a run to a reader, and reports whether that is done. If not, it is seen to going on.
func (k *catching) send(c *catcher, run udp.Run) bool {
	g, index := c.reader.group, int(c.reader.index)
	if k.fanout.isFull(g.fan.Socket()) {
		c.due = k.now + catchPause
		return false
	}
	k.active = c
	position, outcome := g.fan.Send(run, udp.Position{Peer: index, Packet: c.packet}, udp.Peers{End: index + 1, Ring: len(g.readers)}, k.failed)
	k.active, c.packet = nil, position.Packet
	switch {
	case c.broken || outcome == udp.Broken:
		k.lose(c)
		return false
	case outcome == udp.Done:
		c.stuckSince = 0
		return true
	case outcome == udp.Full:
		c.stuckSince = 0
	case c.stuckSince == 0:
		c.stuckSince = k.now
	case k.now-c.stuckSince >= congestionLimit:
		k.lose(c)
		return false
	}
	c.due = k.now + catchPause
	return false
}

// isFull reports whether a sweep waits for a socket to have room.
func (f *Fanout) isFull(socket *udp.Socket) bool {
	for _, g := range f.groups {
		if g.sweep.waiting && g.fan.Socket() == socket {
			return true
		}
	}
	return false
}
