package sealfan

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/proto/srtp"
)

// A reader that comes in the middle of a group of pictures can be caught up: it is sent the frames from the newest
// key frame on by a cursor of its own, faster than they were taken, until its next frame is the one that its group's
// sweep begins. Their timestamps are near the live edge (ring.Squeeze), so that it does not stay behind.

const (
	// catchRate is how many packets in a second a reader is sent at most while it is caught up: 32 in 4 ms.
	catchRate = 8000
	// catchSlice is how long catching up may hold the loop in a turn, of the budget that it shares with the
	// sweeps.
	catchSlice = time.Millisecond
	// catchPause is the wait of a reader whose socket is full: those that are not behind go first.
	catchPause = 2 * time.Millisecond
)

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
	k := &r.group.owner.catching
	r.catching, r.squeeze = true, squeeze
	k.list = append(k.list, &catcher{reader: r, cursor: cursor})
	k.timer.Set(k.fan.config.Loop.Now())
	return first, true
}

// catching is the readers of a Fan that are being caught up.
type catching struct {
	fan    *Fan
	list   []*catcher
	task   *loop.Task
	timer  *loop.Timer
	now    time.Duration
	failed func(run int, err error) // a method bound once
	active *catcher                 // which failed is about
	slab   slab
	copied []byte // a run with other timestamps
}

// catcher is how far one reader has come.
type catcher struct {
	reader *Reader
	cursor ring.Cursor
	pin    ring.Pin // the frame in hand
	run    int      // the next one of it, and packet its first packet
	packet uint32
	kept   slab // what is sealed, and the socket has not taken
	// due is when the run may be sent, and stuckSince since when a queue on the way is full.
	due, stuckSince time.Duration
	// idle: it has had all there is. broken: it cannot go on without a key frame.
	idle, broken bool
}

func (k *catching) init(f *Fan) {
	k.fan = f
	k.task = f.config.Budget.NewTask(k.advance)
	k.timer = f.config.Loop.NewTimer(func() { k.task.Do() })
	k.failed = func(_ int, err error) {
		if !k.active.broken {
			k.active.broken = true
			k.active.reader.unreachable(err)
		}
	}
}

// stop ends it for good.
func (k *catching) stop() {
	k.timer.Stop()
	k.task.Stop()
	for len(k.list) > 0 {
		k.remove(k.list[0].reader)
	}
}

// remove has a reader no longer be caught up. It goes on with a key frame, unless the caller says otherwise.
func (k *catching) remove(r *Reader) {
	if !r.catching {
		return
	}
	r.catching, r.waits = false, true
	i := slices.IndexFunc(k.list, func(c *catcher) bool { return c.reader == r })
	k.list[i].pin.Release()
	last := len(k.list) - 1
	k.list[i], k.list[last] = k.list[last], nil
	k.list = k.list[:last]
}

// enter has those readers of a group no longer be caught up whose next frame is the one that its sweep begins
// now, or who can begin with that.
func (k *catching) enter(g *group, frame *ring.Frame) {
	for i := len(k.list) - 1; i >= 0; i-- {
		c := k.list[i]
		if c.reader.group != g || c.pin.Held() != nil {
			continue
		}
		next := c.cursor.Peek(k.fan.config.Ring, patient)
		if !frame.Key && (next != frame.Number || c.pin.GivenUp()) { // it lacks a frame, or a part of one
			continue
		}
		skips := c.cursor.SkipsLeading()
		k.remove(c.reader)
		c.reader.waits = frame.Key // it begins anew with that
		c.reader.skipsLeading = skips
	}
}

// patient is the policy of those who are caught up.
var patient = ring.Policy{Step: 1, Patient: true}

// frameReady sends the newest frame to those that have had all others, and have not entered their sweep with it.
func (k *catching) frameReady() {
	if len(k.list) == 0 {
		return
	}
	for _, c := range k.list {
		c.idle = false
	}
	k.task.Do()
}

// advance sends what is due.
func (k *catching) advance() {
	clock := k.fan.config.Loop.Kernel()
	k.now = clock.Monotonic()
	end := k.now + catchSlice
	for again := true; again; {
		again = false
		for i := len(k.list) - 1; i >= 0; i-- {
			if i >= len(k.list) { // several have left
				continue
			}
			c := k.list[i]
			if c.idle || c.due > k.now {
				continue
			}
			k.step(c)
			k.now = clock.Monotonic()
			again = true
			if k.now >= end || k.fan.config.Budget.Spent(k.now) {
				k.rotate()
				k.task.Later()
				k.fan.tellLost()
				return
			}
		}
	}
	k.setTimer()
	k.fan.tellLost()
}

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
		if !c.idle && (next < 0 || c.due < next) {
			next = c.due
		}
	}
	if next >= 0 {
		k.timer.Set(next)
	}
}

// step sends the next run to a reader.
func (k *catching) step(c *catcher) {
	g := c.reader.group
	if g.sweep.waiting {
		c.due = k.now + catchPause
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
	run := wire.Run(c.run)
	if c.kept.isSent() {
		if !k.seal(c, frame, wire, run) {
			return
		}
	}
	if !k.send(c, wire.PacketSize+g.tagBytes) {
		return
	}
	packets := packetsIn(run, wire.PacketSize)
	c.due = k.now + time.Duration(packets)*time.Second/catchRate
	c.packet += uint32(packets)
	if c.run++; c.run < wire.Runs() {
		return
	}
	c.pin.Release()
	c.reader.count(wire.Count, len(wire.Bytes)-wire.Count*headerBytes)
	k.fan.delivered(wire, g.tagBytes, 1)
}

// seal seals a run for a reader.
func (k *catching) seal(c *catcher, frame *ring.Frame, wire *ring.Wire, run []byte) bool {
	r := c.reader
	origin := srtp.Origin{Frame: frame.Number, Packet: c.packet, Layout: r.group.layout.id}
	if timestamp := r.squeeze.At(frame.Number, wire.Timestamp); timestamp != wire.Timestamp {
		origin.Layout = r.group.layout.squeezed()
		k.copied = append(k.copied[:0], run...)
		setTimestamps(k.copied, wire.PacketSize, timestamp)
		run = k.copied
	}
	c.kept, k.slab = k.slab, slab{} // it has the room in turn
	c.kept.clear()
	if err := c.kept.seal(r, run, wire.PacketSize, origin); err != nil {
		k.fan.lost = append(k.fan.lost, lostReader{r, err})
		k.lose(c)
		return false
	}
	return true
}

// setTimestamps writes a timestamp into each packet of a run.
func setTimestamps(run []byte, packetBytes int, timestamp uint32) {
	const at = 4 // RFC 3550, section 5.1
	for ; len(run) >= rtp.HeaderBytes; run = run[min(packetBytes, len(run)):] {
		binary.BigEndian.PutUint32(run[at:], timestamp)
	}
}

// begin returns the frame in hand, or the next one. If there is none, it is seen to what becomes of the reader.
func (k *catching) begin(c *catcher) *ring.Frame {
	if f := c.pin.Held(); f != nil {
		return f
	}
	if c.pin.GivenUp() {
		k.lose(c)
		return nil
	}
	before := c.cursor
	frame, missed := c.cursor.Next(k.fan.config.Ring, patient)
	c.reader.lags += uint32(missed)
	k.fan.config.Figures.Lags += missed
	switch {
	case frame == nil:
		c.idle = true
		return nil
	case c.reader.group.layout.form.Of(frame) == nil:
		c.cursor.Unsent(frame, &before) // it goes on with the next frame, or with the next key frame
		return nil
	}
	c.run, c.packet = 0, 0
	c.pin.Set(frame)
	return frame
}

// lose has a reader wait for the next key frame.
func (k *catching) lose(c *catcher) {
	k.remove(c.reader)
	c.reader.cut()
}

// send sends what is sealed to a reader, and reports whether that is done. If not, it is seen to going on.
func (k *catching) send(c *catcher, packetBytes int) bool {
	k.active = c
	for i := range c.kept.runs { // its index may be another one since they were sealed, and its group
		c.kept.runs[i].Peer = int(c.reader.index)
	}
	outcome := c.kept.send(c.reader.group.fan, packetBytes, k.failed)
	k.active = nil
	switch {
	case c.broken || outcome == udp.Broken:
		k.lose(c)
		return false
	case outcome == udp.Done:
		c.stuckSince = 0
		k.slab, c.kept = c.kept, slab{}
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
