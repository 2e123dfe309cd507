package sealfan

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// manyPackets is how many a frame has in these tests, so that few frames are far ahead of a report.
const manyPackets = 1000

// aheadFrames is how many frames of manyPackets a reader is sent beyond a report.
func (h *simHall) aheadFrames(g *guest) uint64 {
	return uint64(maxAhead / g.group.layout.form.Of(h.ring.Last()).Count)
}

// outage has nothing that is sent come to any reader, or all of it.
func (h *simHall) outage(on bool) {
	h.kernel.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{Down: on})
}

// unwatched has nobody open what is sent to a guest, which takes long.
func (h *simHall) unwatched(g *guest) {
	delete(h.guests, g.at)
	h.outage(true)
}

// TestOutage has a reader receive nothing for so long that 2^15 packets and more would be sent meanwhile, with sequence numbers that
// wrap or not. It is held back in time. When it reports what comes again, it goes on with a key frame, and can open all of it.
func TestOutage(t *testing.T) {
	for _, first := range []uint64{1<<15 - 1, 1<<16 - maxAhead - 1} {
		h := newSimHall(t, 1)
		h.packets = manyPackets
		g := h.enters("guest", gcm, plainForm, first)
		h.frames("Kd")
		g.Acknowledged(uint16(g.came.highest))
		received := g.came.highest
		h.outage(true)
		h.frames("ddddddddddddddddddddddddddddddddddddddddKd")
		h.packets = 3
		for range 20 {
			h.frames("dddddddddKdddddddddddddddddddd")
			g.Acknowledged(uint16(received)) // the way to the server works
		}
		if ahead := g.keys.Next() - 1 - received; ahead < maxAhead-manyPackets || ahead >= 1<<15 || g.Frames() < 20 {
			t.Errorf("from %d on: %d packets are sent beyond the report", first, ahead)
		}
		probes, asked := g.wired.probes, h.asked
		if probes < 40 || probes > 50 {
			t.Errorf("from %d on: %d packets of probes in 6 s", first, probes)
		}
		frames := g.Frames()
		h.outage(false)
		h.frames("dKddddddddddddddddddddddddd")
		if g.came.probes == 0 || g.came.probes > 4 || g.Frames() != frames || h.asked != asked {
			t.Fatalf("from %d on: %d probes came; %d frames were sent without a report", first, g.came.probes, g.Frames()-frames)
		}
		g.Acknowledged(uint16(g.came.highest))
		h.frames("dKd")
		if g.Frames() != frames+2 || h.asked == asked {
			t.Errorf("from %d on: it was sent %d frames since its report, want 2; a key frame was asked for %d times", first, g.Frames()-frames, h.asked-asked)
		}
		if got := g.decodes(); got[len(got)-1] != h.ring.Newest() || got[len(got)-2] != h.ring.Newest()-1 {
			t.Errorf("from %d on: it has frames %v", first, got)
		}
	}
}

// TestReportsInTime has a reader report each second: it misses nothing, however many packets there are in all.
func TestReportsInTime(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = manyPackets
	g := h.enters("guest", gcm, plainForm, 1)
	h.unwatched(g)
	h.frames("K")
	for range 8 {
		before := g.keys.Next() - 1
		h.frames("dddddddddd")
		g.Acknowledged(uint16(before)) // which was on its way for a while
	}
	if n := g.Frames(); n != h.ring.Newest() || g.keys.Next() < 1<<16 {
		t.Errorf("%d frames of %d were sent, up to packet %d", n, h.ring.Newest(), g.keys.Next())
	}
}

// TestWithoutReports has a reader never report anything, but live: it is sent all frames, until it does report, and then nothing new.
func TestWithoutReports(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = manyPackets
	g := h.enters("guest", gcm, plainForm, 1)
	h.unwatched(g)
	h.frames("K")
	g.Alive() // too early to say
	if g.ahead.end != 1+maxAhead {
		t.Errorf("it may be sent packets up to %d", g.ahead.end)
	}
	for range 8 {
		h.frames("dddddddddd")
		g.Alive()
	}
	if n := g.Frames(); n != h.ring.Newest() || g.keys.Next() < 1<<16 {
		t.Errorf("%d frames of %d were sent", n, h.ring.Newest())
	}
	g.Acknowledged(uint16(g.keys.Next() - 1))
	before := g.Frames()
	for range 5 {
		h.frames("dddddddddd")
		g.Alive()
	}
	if n := g.Frames() - before; n != h.aheadFrames(g) {
		t.Errorf("%d frames were sent since its only report, want %d", n, h.aheadFrames(g))
	}
}

// TestOutageBeforeTheFirstReport has the way to a reader and from it not work from its first frame on. When something comes from it
// again, it goes on with a key frame.
func TestOutageBeforeTheFirstReport(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = manyPackets
	g := h.enters("guest", gcm, plainForm, 1<<15-1)
	h.outage(true)
	h.frames("Kdddddddddddddddddddddddddddddddddddddddd")
	if n := g.Frames(); n != h.aheadFrames(g) {
		t.Errorf("%d frames were sent, want %d", n, h.aheadFrames(g))
	}
	h.packets = 3
	h.frames("Kd")
	h.outage(false)
	asked := h.asked
	g.Alive()
	h.frames("dKd")
	if got := g.decodes(); h.asked == asked || len(got) != 2 || got[1] != h.ring.Newest() {
		t.Errorf("it has frames %v; a key frame was asked for %d times", got, h.asked-asked)
	}
}

// TestLies has a reader report all numbers that there are, most of which were never sent: what it may be sent goes by what was sent.
func TestLies(t *testing.T) {
	h := newSimHall(t, 1)
	liar, other := h.enters("liar", gcm, plainForm, 0), h.enters("other", gcm, plainForm, 0)
	liar.Acknowledged(1<<16 - 1)
	liar.Acknowledged(7)
	for step := range 3 {
		h.frames("Kdd")
		for sequence := range 1 << 16 {
			liar.Acknowledged(uint16(sequence))
			if end := liar.ahead.end; end > liar.keys.Next()+maxAhead || end < uint64(maxAhead) {
				t.Fatalf("step %d: with a report of %d it may be sent packets up to %d", step, sequence, end)
			}
		}
	}
	liar.Leave()
	liar.Acknowledged(5)
	h.frames("K")
	other.has(numbers(1, 10)...)
	liar.has(numbers(1, 9)...)
}

// TestLostInTheEnd has a reader live, and never report anything new: it is lost before it is sent a packet that it could not open.
func TestLostInTheEnd(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = manyPackets
	g := h.enters("guest", gcm, plainForm, 1<<16-maxAhead-3)
	h.frames("K")
	g.Acknowledged(uint16(g.came.highest))
	received := g.came.highest
	h.unwatched(g)
	h.frames("dddddddddddddddddddddddddddddd")
	h.packets = 1
	for range maxProbes {
		h.publish('x')
		h.run(250 * time.Millisecond)
		g.Alive()
	}
	if ahead := g.keys.Next() - 1 - received; g.lost > 0 || ahead < maxAhead+2*maxProbes-manyPackets-10 || ahead >= 1<<15-1<<12 {
		t.Errorf("lost: %d; %d packets are sent beyond its report", g.lost, ahead)
	}
	for range 10 {
		h.publish('x')
		h.run(250 * time.Millisecond)
	}
	if ahead := g.keys.Next() - 1 - received; g.lost == 0 || ahead >= 1<<15-1<<12 {
		t.Errorf("lost: %d; %d packets are sent beyond its report", g.lost, ahead)
	}
}

// TestCatchingUpIsHeldBack has a reader be caught up, and report nothing that it is sent.
func TestCatchingUpIsHeldBack(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = manyPackets
	h.unwatched(h.enters("first", gcm, plainForm, 0))
	h.frames("Kdddd")
	g := h.enters("guest", gcm, plainForm, 0)
	packets := uint64(g.group.layout.form.Of(h.ring.Last()).Count)
	g.ahead.end = 2*packets + 1
	g.CatchUp()
	h.unwatched(g)
	h.run(time.Second)
	if g.keys.Next() != 2*packets || g.catching || !g.waits || g.ahead.end != 0 {
		t.Errorf("%d packets were sent; it is caught up: %v", g.keys.Next(), g.catching)
	}
}

// TestProbesAllocateNothing has many readers be held back, and sent probes.
func TestProbesAllocateNothing(t *testing.T) {
	h, readers := crowd(t, 20)
	for range 200 {
		h.publishBytes(h.ring.Newest()%10 == 0)
		h.sendAll(readers[0])
	}
	for _, r := range readers[1:] {
		r.ahead.end = 0
	}
	sent := func() {
		for h.fan.answers.first != nil {
			if _, err := h.loop.Turn(time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, r := range readers[1:] {
			r.ahead.probedAt -= probeInterval
		}
		h.publishBytes(h.ring.Newest()%10 == 0)
		h.sendAll(readers[0])
		sent()
	}); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
	if n := readers[1].ahead.probes; n < 100 {
		t.Errorf("%d probes were sent", n)
	}
}

// TestProbesOfManyTakeTurns has many readers be held back in step, on a kernel whose calls take time: the frames of others are not late, and
// each of those that are held back gets its probes.
func TestProbesOfManyTakeTurns(t *testing.T) {
	h := newSimHall(t, 1)
	watches, held := h.enters("watches", gcm, plainForm, 0), h.crowdOf(500)
	for _, g := range held {
		h.unwatched(g)
	}
	h.outage(false)
	h.frames("K")
	for _, g := range held {
		g.ahead.end = g.keys.Next()
	}
	h.frames("d")
	if n := h.figures.HeldBack; n != uint64(len(held)) {
		t.Fatalf("%d readers are held back", n)
	}
	h.run(time.Second)
	h.kernel.SetCosts(answerCosts)
	h.figures.LastAge = histogram.Histogram{}
	const frames = 100 // 2 s
	for range frames {
		h.publish('d')
		h.run(20 * time.Millisecond)
	}
	if h.figures.LastAge.Max > 7*time.Millisecond || h.loop.Stats().MaxTurn > 4*time.Millisecond || watches.Frames() != frames+2 {
		t.Errorf("a frame was %v old, and a turn took %v; %d frames were sent", h.figures.LastAge.Max, h.loop.Stats().MaxTurn, watches.Frames())
	}
	for _, g := range held {
		if n := g.ahead.probes; n < 6 || n > 9 {
			t.Fatalf("%s was sent %d probes in 2 s", g.name, n)
		}
	}
}

// TestOriginsOfProbes has probes be sent while the sweep is behind the newest frame: each has the timestamp of the frame that its origin
// names. However many forms the stream was laid out in before, they do not have earlier packets be forgotten.
func TestOriginsOfProbes(t *testing.T) {
	h := newSimHall(t, 1)
	h.fan.lastLayout = 1 << 12
	g, other := h.enters("guest", gcm, plainForm, 7), h.enters("other", gcm, plainForm, 7)
	h.frames("Kd")
	last := uint16(g.keys.Next() - 1)
	g.ahead.end = g.keys.Next()
	h.frames("d")
	h.run(time.Second)
	full := true
	h.kernel.Inject(func(c sim.Call) error {
		if full && c.Peer == other.at {
			return unix.ENOBUFS
		}
		return nil
	})
	for range 3 { // the first of which waits, and has no probe
		g.ahead.probedAt = g.now()
		h.publish('d')
		h.run(5 * time.Millisecond)
	}
	full = false
	g.ahead.probedAt -= probeInterval
	h.run(100 * time.Millisecond)
	if other.Frames() != h.ring.Newest() {
		t.Errorf("%d frames of %d were sent", other.Frames(), h.ring.Newest())
	}
	for behind := range uint64(probePackets) {
		_, o, ok := g.keys.Origin(uint16(g.keys.Next() - 1 - behind))
		p := g.wired.packets[g.keys.Next()-1-behind]
		frame := h.ring.Get(o.Frame)
		if !ok || p == nil || frame == nil || o.Frame == h.ring.Newest() || !isProbe(p) || binary.BigEndian.Uint32(p[4:]) != g.group.layout.form.Of(frame).Timestamp {
			t.Errorf("the origin is %+v, and the packet %x", o, p)
		}
	}
	if _, _, ok := g.keys.Origin(last); !ok {
		t.Error("the last packet of the frames is forgotten")
	}
}

// TestHeldBackIsCounted has a reader be held back, go on, be held back again and leave: it is counted and logged.
func TestHeldBackIsCounted(t *testing.T) {
	h := newSimHall(t, 1)
	var log bytes.Buffer
	h.fan.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	g := h.enters("guest", gcm, plainForm, 7)
	counted := func(want uint64, lines int) {
		t.Helper()
		if n := bytes.Count(log.Bytes(), []byte("held back")); h.figures.HeldBack != want || n != lines {
			t.Errorf("%d readers are held back, want %d; the log has %d lines, want %d: %s", h.figures.HeldBack, want, n, lines, &log)
		}
	}
	hold := func() {
		g.ahead.end = g.keys.Next()
		h.frames("Kdd")
	}
	h.frames("K")
	counted(0, 0)
	hold()
	counted(1, 1)
	g.Acknowledged(uint16(g.keys.Next() - 1))
	counted(0, 2)
	hold()
	counted(1, 3)
	g.Leave()
	counted(0, 3)
}
