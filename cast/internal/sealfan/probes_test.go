package sealfan

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

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
