package sealfan

import (
	"fmt"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/histogram"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// answerCosts has an answer take 12 us.
var answerCosts = sim.Costs{Call: 2 * time.Microsecond, Message: 10 * time.Microsecond}

// again is how many packets were sent to some guests again.
func again(guests ...*guest) (n int) {
	for _, g := range guests {
		n += g.wired.again
	}
	return n
}

// crowdOf has so many guests enter.
func (h *simHall) crowdOf(n int) (all []*guest) {
	for i := range n {
		all = append(all, h.enters(fmt.Sprint("guest ", i), gcm, plainForm, 0))
	}
	return all
}

// asks has a guest ask for its newest packets, and returns how many are to be sent.
func (g *guest) asks(packets int) (n int) {
	for i := range packets {
		if g.Resend(uint16(g.keys.Next()-1) - uint16(i)) {
			n++
		}
	}
	return n
}

// TestAnswersOfMany has many readers ask at once for as many packets as a reader may, on a kernel whose calls take time: frames go out
// in time all the while, and each reader gets answers. As soon as some are sent there is room for more.
func TestAnswersOfMany(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 80
	watches, ask := h.enters("watches", gcm, plainForm, 0), h.crowdOf(waitingMost/waitingPerReader+10)
	h.frames("K")
	h.run(50 * time.Millisecond)
	h.kernel.SetCosts(answerCosts)
	h.packets = 1
	late, asked := time.Duration(0), 0
	if err := h.loop.Post(func() {
		for i, g := range ask {
			n := g.asks(resentMost)
			if asked += n; n != waitingPerReader && i < waitingMost/waitingPerReader || n == 0 {
				t.Fatalf("%d of %d answers to %s are to be sent", n, resentMost, g.name)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	for step := range 20 {
		began, frames := h.loop.Kernel().Monotonic(), watches.Frames()
		for h.publish('d'); watches.Frames() == frames; {
			if _, err := h.loop.Turn(time.Millisecond); err != nil {
				t.Fatal(err)
			}
		}
		late = max(late, h.loop.Kernel().Monotonic()-began)
		h.run(20 * time.Millisecond)
		if last := ask[len(ask)-1]; step == 0 {
			if n := last.asks(2); n != 2 {
				t.Errorf("%d of two answers are to be sent, when there is room again", n)
			}
			asked += 2
		}
	}
	if late > 6*time.Millisecond || h.loop.Stats().MaxTurn > 6*time.Millisecond {
		t.Errorf("a frame took %v, and a turn %v", late, h.loop.Stats().MaxTurn)
	}
	h.run(time.Second)
	if n := again(ask...); n != asked || h.fan.answers.first != nil || h.fan.answers.waiting != 0 {
		t.Errorf("%d of %d packets were sent again", n, asked)
	}
}

// TestAnswersInTurn has one reader ask for all that it may, before others do for one packet each: they do not wait for it.
func TestAnswersInTurn(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 100
	greedy, others := h.enters("greedy", gcm, plainForm, 0), h.crowdOf(20)
	h.frames("Kd")
	h.kernel.SetCosts(sim.Costs{Message: time.Millisecond}) // one answer in a turn
	greedy.asks(resentMost)
	for _, g := range others {
		g.asks(1)
	}
	for again(others...) < len(others) {
		if _, err := h.loop.Turn(time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if greedy.wired.again > 2 {
		t.Errorf("%d answers are sent to one, before all others have theirs", greedy.wired.again)
	}
	if h.run(time.Second); greedy.wired.again != waitingPerReader {
		t.Errorf("%d answers are sent to it in the end", greedy.wired.again)
	}
}

// TestAnswersTakeNoShareOfSweeps has all readers ask for packets all the time, while frames take some milliseconds to be sent: these go out
// as soon as without that.
func TestAnswersTakeNoShareOfSweeps(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 50
	guests := h.crowdOf(300)
	for _, g := range guests {
		h.unwatched(g)
	}
	h.frames("K")
	h.run(time.Second)
	h.packets = 1
	h.kernel.SetCosts(answerCosts)
	age := func(asked int) time.Duration {
		h.figures.LastAge = histogram.Histogram{}
		for range 10 {
			for _, g := range guests {
				g.asks(asked)
			}
			h.publish('d')
			h.run(30 * time.Millisecond)
		}
		return h.figures.LastAge.Max
	}
	alone, beside := age(0), age(10)
	if alone < 2*time.Millisecond || beside > alone+1200*time.Microsecond || h.fan.answers.first == nil {
		t.Errorf("the last reader has a frame after %v while answers wait, and after %v without", beside, alone)
	}
}

// TestAnswersAndAFullSocket has a socket be full when readers ask for packets: those behind another one get all that they have asked for at
// once, and nothing waits for those behind it. When they ask again, and the socket is not full, they get it.
func TestAnswersAndAFullSocket(t *testing.T) {
	for _, how := range []string{"full", "full, with a frame in hand", "full behind it"} {
		h := newSimHall(t, 1)
		h.packets = 20
		stuck, beside := h.enters("stuck", gcm, plainForm, 0), h.enters("beside", gcm, plainForm, 0)
		h.listen(beside)
		beside.Move(Address{Socket: h.other, Peer: beside.at})
		h.frames("Kd")
		h.run(time.Second)
		full := true
		switch how {
		case "full behind it":
			h.kernel.Inject(func(c sim.Call) error {
				if full && c.Name == "Sendmmsg" && c.Peer == stuck.at {
					return unix.ENOBUFS
				}
				return nil
			})
		case "full, with a frame in hand":
			h.fill()
			h.publish('d')
			h.run(5 * time.Millisecond)
			if !stuck.group.sweep.Waiting {
				t.Fatal("the sweep does not wait")
			}
		default:
			h.fill()
		}
		before := again(stuck)
		stuck.asks(20)
		if n := beside.asks(20); n != 20 {
			t.Fatalf("%s: %d answers", how, n)
		}
		h.run(20 * time.Millisecond)
		if again(stuck) != before || again(beside) != 20 || h.fan.answers.first != nil {
			t.Errorf("%s: %d packets were sent again, and %d beside", how, again(stuck)-before, again(beside))
		}
		full = false
		h.run(time.Second)
		stuck.asks(20)
		if h.run(time.Second); again(stuck)-before != 20 {
			t.Errorf("%s: %d packets were sent again in the end", how, again(stuck)-before)
		}
	}
}

// TestAnswersToNobody has readers leave and rest before their answers are sent, and all of it end.
func TestAnswersToNobody(t *testing.T) {
	h := newSimHall(t, 1)
	h.packets = 20
	stays, leaves, rests := h.enters("stays", gcm, plainForm, 0), h.enters("leaves", gcm, plainForm, 0), h.enters("rests", gcm, plainForm, 0)
	h.frames("Kd")
	for _, g := range []*guest{leaves, rests, stays} {
		g.asks(20)
	}
	leaves.Leave()
	rests.Rest(true)
	h.run(time.Second)
	if again(stays) != 20 || again(leaves, rests) > 0 || h.fan.answers.waiting != 0 {
		t.Errorf("%d, %d and %d packets were sent again", again(stays), again(leaves), again(rests))
	}
	stays.asks(20)
	h.fan.Stop()
	if h.run(time.Second); again(stays) != 20 || h.fan.answers.first != nil || h.fan.answers.waiting != 0 || stays.Reader.asks != nil {
		t.Error("packets wait, or are sent, though all is over")
	}
}

// TestForgottenPacketsDoNotCount has a reader ask for many packets that are long forgotten, or were never sent: it gets those that are known.
func TestForgottenPacketsDoNotCount(t *testing.T) {
	h := newSimHall(t, 1)
	g := h.enters("guest", gcm, plainForm, 7)
	h.frames("K")
	for sequence := range 1 << 16 {
		if n := uint64(sequence); n < 7 || n >= g.keys.Next() {
			if g.Resend(uint16(sequence)) {
				t.Fatalf("%d is sent again", sequence)
			}
		}
	}
	sent := int(g.keys.Next() - 7)
	if n := g.asks(sent); n != sent {
		t.Errorf("%d packets are sent again, want %d", n, sent)
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
		for h.fan.answers.first != nil {
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
	t.Logf("an answer takes %v at most", spent/time.Duration(answered))
}
