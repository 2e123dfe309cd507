package sealfan

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

// TestCatchingUpWhileOthersLeave has the socket be full for readers who are being caught up. The others in their group
// leave, so that their index is another one, and one of them moves to another socket: what is sealed for them still
// goes to them.
func TestCatchingUpWhileOthersLeave(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	first, second := h.enters("first", gcm, plainForm, 7), h.enters("second", gcm, plainForm, 7)
	h.frames("Kddd")
	stays, moves := h.enters("stays", gcm, plainForm, 0), h.enters("moves", gcm, plainForm, 0)
	h.fill()
	stays.CatchUp()
	moves.CatchUp()
	h.run(5 * time.Millisecond)
	if len(stays.came.packets)+len(moves.came.packets) > 0 || len(h.fan.catching.List) != 2 {
		t.Fatal("the socket is not full")
	}
	first.Leave()
	second.Leave()
	h.listen(moves)
	moves.Move(Address{Socket: h.other, Peer: moves.at})
	h.run(time.Second)
	h.frames("ddK")
	for _, g := range []*guest{stays, moves} {
		if g.has(numbers(1, 7)...); len(g.missing()) > 0 {
			t.Errorf("%s: %d packets are missing", g.name, len(g.missing()))
		}
	}
}

// TestCatchingUpGivesUpAFrame has the ring give up the frame that a reader is in the middle of, just before its sweep comes to the
// one after that: the reader waits for a key frame.
func TestCatchingUpGivesUpAFrame(t *testing.T) {
	h := newSimHall(t, 1)
	h.enters("first", gcm, plainForm, 7)
	h.frames("Kddd")
	g := h.enters("guest", gcm, plainForm, 0)
	g.CatchUp()
	c := h.fan.catching.List[0]
	given := &ring.Frame{Number: 4}
	c.Pin.Set(given)
	c.Cursor.Follow(h.ring)
	given.Number = 0
	h.frames("ddKd")
	g.has(7, 8)
}

// TestUnreachableInGroups has readers not be reached, who are tried with key frames alone: one is lost, and one
// that is reached now and then is not.
func TestUnreachableInGroups(t *testing.T) {
	h := newSimHall(t, 1)
	away, comes := h.enters("away", gcm, plainForm, 0), h.enters("comes and goes", gcm, plainForm, 1<<16-2)
	group := 0
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && (c.Peer == away.at || c.Peer == comes.at && group%4 > 0) {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	for ; group < 60; group++ {
		h.frames("Kddddddddd")
		if group == 40 && away.lost > 0 {
			t.Error("it is lost too soon")
		}
	}
	if away.lost == 0 || comes.lost > 0 || away.Frames() > 0 || comes.Frames() < 15*10 {
		t.Errorf("lost: %d, %d; frames: %d, %d", away.lost, comes.lost, away.Frames(), comes.Frames())
	}
	if n := h.figures.Unreachable; n != 60+45 {
		t.Errorf("%d frames could not be sent to a reader, want %d", n, 60+45)
	}
}

// TestReportOfWhatWasNotSent has a reader report packets that were never sent, and then loss: it is thinned.
func TestReportOfWhatWasNotSent(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	report := func(highest uint64, lost int32) {
		g.Reported(rtcp.ReceptionReport{FractionLost: 100, CumulativeLost: lost, HighestSequence: uint32(highest)})
	}
	report(9, 0)
	h.frames("Kd")
	report(g.came.highest+7, 0)
	for i := range int32(3) {
		for range 10 {
			h.frames("Kxdxdxdxdx")
		}
		report(g.came.highest, i*100)
	}
	if !g.Thinned() {
		t.Error("it is not thinned")
	}
}

// TestRestReasons has a reader rest for two reasons: that its machine answers does not open its port.
func TestRestReasons(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	h.frames("K")
	g.PortClosed()
	g.Rest(true)
	g.Rest(false)
	h.frames("K")
	if g.Frames() != 1 || h.figures.Resting != 1 {
		t.Errorf("%d frames, %d rest", g.Frames(), h.figures.Resting)
	}
	g.Alive()
	h.frames("K")
	if g.Frames() != 2 || h.figures.Resting != 0 {
		t.Errorf("%d frames, %d rest", g.Frames(), h.figures.Resting)
	}
}

// TestJoiningLaysNothingOut has readers come in the middle of a long group of pictures, in forms of their own: others do not wait
// while all of that is laid out. One who is caught up has it laid out frame by frame.
func TestJoiningLaysNothingOut(t *testing.T) {
	h := newSimHall(t, 1)
	h.enters("first", gcm, plainForm, 7)
	h.frames("Kdddddddddddddddddddd")
	waits, caught := h.enters("waits", gcm, atOnce, 0), h.enters("is caught up", gcm, later, 0)
	caught.CatchUp()
	if n := waits.group.layout.form.Packets() + caught.group.layout.form.Packets(); n > 2*uint64(h.packets) {
		t.Errorf("%d packets were laid out before somebody was sent any", n)
	}
	h.frames("dddddddddddddddddddd")
	caught.has(numbers(1, 41)...)
	h.frames("K")
	waits.has(42)
}

// TestClosedPortsFillNoLog has a host say again and again that its port is closed, and send something each time: the log has nothing of
// that. What is logged is that a machine does not answer, and then does.
func TestClosedPortsFillNoLog(t *testing.T) {
	h := newSimHall(t, 1)
	var log bytes.Buffer
	h.fan.sweeps.Log = slog.New(slog.NewTextHandler(&log, nil))
	g := h.enters("one", gcm, plainForm, 0)
	for range 100 {
		g.PortClosed()
		g.Alive()
	}
	if log.Len() > 0 {
		t.Errorf("%d lines are logged", bytes.Count(log.Bytes(), []byte("\n")))
	}
	g.Rest(true)
	g.PortClosed()
	g.Alive()
	if n := bytes.Count(log.Bytes(), []byte("\n")); n != 2 || h.figures.Resting != 0 {
		t.Errorf("%d lines, %d rest: %s", n, h.figures.Resting, &log)
	}
}

// TestWhoIsNotServed has readers be caught up, or ask for packets again, who must not be.
func TestWhoIsNotServed(t *testing.T) {
	h := newSimHall(t, 1)
	had := h.enters("had frames", gcm, plainForm, 7)
	h.frames("Kdd")
	had.cut()
	gone, rests, back := h.enters("gone", gcm, plainForm, 0), h.enters("rests", gcm, plainForm, 0), h.enters("is back", gcm, plainForm, 0)
	rests.Rest(true)
	gone.Leave()
	h.fill()
	h.publish('K')
	back.Rest(true)
	back.Alive() // in the middle of its first frame
	for _, g := range []*guest{had, gone, rests, back} {
		if _, ok := g.CatchUp(); ok {
			t.Errorf("%s is caught up", g.name)
		}
	}
	h.run(time.Second)
	h.frames("K")
	sequence := uint16(had.came.highest)
	if !had.Resend(sequence) {
		t.Error("nothing is sent again")
	}
	had.Rest(true)
	if had.Resend(sequence) {
		t.Error("a packet is sent again to one that rests")
	}
	had.Alive()
	had.Leave()
	if had.Resend(sequence) {
		t.Error("a packet is sent again to one that has left")
	}
	if had.Move(Address{Socket: h.other, Peer: had.at}); len(h.fan.groups) != 1 {
		t.Error("one that has left has moved")
	}
}

// TestCatchingUpEntersItsOwnSweep has the sweep of other readers come to the next frame of one that is caught up, who waits for
// its own; a key frame that it enters with is no frame that others lead to.
func TestCatchingUpEntersItsOwnSweep(t *testing.T) {
	h := newSimHall(t, 1)
	other := h.enters("other", gcm, atOnce, 0)
	h.frames("Kd")
	g := h.enters("caught up", gcm, plainForm, 0)
	g.CatchUp()
	h.run(time.Millisecond)
	key := *h.ring.NewestKey()
	h.fan.catching.enter(other.group, &key)
	if !g.catching {
		t.Fatal("it has entered another sweep")
	}
	if h.fan.catching.enter(g.group, &key); g.catching || !g.waits {
		t.Error("it has not entered its own, or takes frames that lead to the key frame")
	}
}

// TestCatchingUpUnreachable has a reader not be reached whose numbers wrap, so that a run is two: that is one frame.
func TestCatchingUpUnreachable(t *testing.T) {
	h := newSimHall(t, 1)
	h.frames("Kd")
	h.enters("first", gcm, plainForm, 0)
	h.frames("Kd")
	g := h.enters("guest", gcm, plainForm, 1<<16-1)
	h.kernel.Inject(sim.FailTo(netip.PrefixFrom(g.at.Addr(), 32), unix.EHOSTUNREACH))
	g.CatchUp()
	h.run(time.Millisecond)
	if n := h.figures.Unreachable; g.keys.Next() != 1<<16+1 || n != 1 || g.catching || !g.waits {
		t.Errorf("%d frames could not be sent; it is caught up: %v", n, g.catching)
	}
}

// TestLeading has a reader begin with a key frame: it is not sent frames that lead to that one, and those that lead to the next.
func TestLeading(t *testing.T) {
	h := newSimHall(t, 1)
	first := h.enters("first", gcm, plainForm, 7)
	h.frames("Kd")
	waits := h.enters("waits", gcm, plainForm, 7)
	h.frames("KldKld")
	first.has(1, 2, 3, 4, 5, 6, 7, 8)
	waits.has(3, 5, 6, 7, 8)
}

// TestRefusedThatNoneNeeds has the kernel refuse a frame that no other needs: the reader goes on with the next frame.
func TestRefusedThatNoneNeeds(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && h.ring.Newest() == 2 {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	h.frames("Kxd")
	g.has(1, 3)
}

// TestMovingEndsARow has a reader move that the kernel refuses: what counts is its new address.
func TestMovingEndsARow(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 0)
	at := g.at
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && (c.Peer == at || h.loop.Now() > 7*time.Second) {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	h.frames("K")
	h.run(6 * time.Second)
	if h.frames("K"); g.lost > 0 {
		t.Error("it is lost for two frames")
	}
	h.listen(g)
	g.Move(Address{Socket: h.socket, Peer: g.at})
	h.run(3 * time.Second)
	for range 4 { // if the frames before counted, the first of these would be one too many
		if h.frames("K"); g.lost > 0 {
			t.Error("it is lost at once where it has moved to")
		}
	}
}
