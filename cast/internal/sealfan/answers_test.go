package sealfan

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
)

// TestAnswersOfMany has many readers ask at once for as many packets as a reader may, on a kernel whose calls take time: frames go out
// in time all the while, and those that were asked for first are sent.
func TestAnswersOfMany(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 100
	watches := h.enters("watches", gcm, plainForm, 0)
	var ask []*guest
	for i := range 50 {
		ask = append(ask, h.enters(fmt.Sprint("guest ", i), gcm, plainForm, 0))
	}
	h.frames("Kd")
	h.kernel.SetCosts(sim.Costs{Call: 2 * time.Microsecond, Message: 10 * time.Microsecond})
	h.packets = 1
	asked, late := 0, time.Duration(0)
	if err := h.loop.Post(func() {
		for _, g := range ask {
			for i := range resentMost {
				if g.Resend(uint16(g.wired.highest) - uint16(i)) {
					asked++
				}
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		began, frames := h.loop.Kernel().Monotonic(), watches.Frames()
		for h.publish('d'); watches.Frames() == frames; {
			if _, err := h.loop.Turn(time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		late = max(late, h.loop.Kernel().Monotonic()-began)
		h.run(10 * time.Millisecond)
	}
	if asked != answersMost || late > 8*time.Millisecond || h.loop.Stats().MaxTurn > 6*time.Millisecond {
		t.Errorf("%d answers, want %d; a frame took %v, and a turn %v", asked, answersMost, late, h.loop.Stats().MaxTurn)
	}
	if last := ask[len(ask)-1]; !last.Resend(uint16(last.wired.highest)) {
		t.Error("a reader that was refused is refused again")
	} else {
		asked++
	}
	h.run(time.Second)
	again := 0
	for _, g := range ask {
		again += g.came.again
	}
	if again != asked || len(h.fan.answers.list) > 0 {
		t.Errorf("%d of %d packets were sent again", again, asked)
	}
}

// TestAnswersAndAFullSocket has the socket be full when readers ask for packets, of whom one leaves and one rests: the others get all
// that they have asked for.
func TestAnswersAndAFullSocket(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	stays, leaves, rests := h.enters("stays", gcm, plainForm, 0), h.enters("leaves", gcm, plainForm, 0), h.enters("rests", gcm, plainForm, 0)
	h.frames("Kd")
	packets := uint16(stays.keys.Next())
	h.fill()
	for _, g := range []*guest{leaves, rests, stays} {
		for sequence := range packets {
			if !g.Resend(sequence) {
				t.Fatalf("%s: %d is not sent again", g.name, sequence)
			}
		}
	}
	if h.run(10 * time.Millisecond); leaves.came.again > 0 {
		t.Error("the socket is not full")
	}
	leaves.Leave()
	rests.Rest(true)
	h.run(time.Second)
	if stays.came.again != int(packets) || leaves.came.again+rests.came.again > 0 {
		t.Errorf("%d, %d and %d packets came again", stays.came.again, leaves.came.again, rests.came.again)
	}
	h.fill()
	stays.Resend(1)
	h.fan.Stop()
	if h.run(time.Second); len(h.fan.answers.list) > 0 {
		t.Error("packets wait though all is over")
	}
}

// TestAnswersAllocateNothing has readers on the real kernel ask for packets.
func TestAnswersAllocateNothing(t *testing.T) {
	h, readers := crowd(t, 20)
	for range 200 {
		h.publishBytes(h.ring.Newest()%10 == 0)
		h.sendAll(readers[0])
	}
	answered, spent := 0, time.Duration(0)
	clock := h.loop.Kernel()
	if n := testing.AllocsPerRun(50, func() {
		for _, r := range readers {
			if r.Resend(uint16(r.keys.Next() - 1)) {
				answered++
			}
		}
		began := clock.Monotonic()
		for len(h.fan.answers.list) > 0 {
			if _, err := h.loop.Turn(time.Second); err != nil {
				t.Fatal(err)
			}
		}
		spent += clock.Monotonic() - began
	}); n != 0 {
		t.Errorf("%v allocations for %d answers, want 0", n, len(readers))
	}
	if answered != 51*len(readers) {
		t.Fatalf("%d answers", answered)
	}
	t.Logf("an answer takes %v", spent/time.Duration(answered))
}
