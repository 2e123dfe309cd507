package sealfan

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
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
