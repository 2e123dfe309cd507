package udp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
)

// flooded is a socket with a budget of a millisecond, whose handler takes 20 us.
type flooded struct {
	*testing.T
	k            *sim.Kernel
	l            *loop.Loop
	budget       *loop.Budget
	socket       *udp.Socket
	peer         *sim.UDPPeer
	late, onTime int
	last         udp.Datagram
}

func newFlooded(t *testing.T) *flooded {
	f := &flooded{T: t, k: sim.New(1)}
	f.l = loop.NewOn(f.k)
	f.budget = f.l.NewBudget(time.Millisecond)
	options := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 1 << 20}, Budget: f.budget}
	var err error
	f.socket, err = udp.Open(f.l, netip.MustParseAddrPort("192.0.2.1:5005"), options, func(d udp.Datagram) {
		f.k.Spend(20 * time.Microsecond)
		if f.last = d; d.Late {
			f.late++
		} else {
			f.onTime++
		}
	})
	f.check(err)
	f.peer, err = f.k.NewUDPPeer(netip.MustParseAddrPort("198.51.100.1:9"))
	f.check(err)
	return f
}

func (f *flooded) check(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *flooded) send(n int) {
	f.Helper()
	for range n {
		f.check(f.peer.Send(f.socket.Local(), []byte("report")))
	}
}

// TestLate floods a socket that has a budget, and has one more datagram come when the flood is
// over.
func TestLate(t *testing.T) {
	f := newFlooded(t)
	if _, ever := f.socket.Behind(); ever {
		t.Error("a socket is behind before anything came")
	}
	f.send(1)
	f.check(sim.RunFor(f.l, time.Millisecond))
	if f.onTime != 1 {
		t.Fatalf("%d of 1 received on time", f.onTime)
	}
	for range 100 { // ten times what there is time for
		f.send(5000)
		f.check(sim.RunFor(f.l, 10*time.Millisecond))
	}
	if got := f.late + f.onTime; got < 40_000 || f.late < got*9/10 {
		t.Errorf("of a flood %d are received in a second, but only %d late", got, f.late)
	}
	if at, ever := f.socket.Behind(); !ever || f.k.Monotonic()-at > 10*time.Millisecond {
		t.Errorf("it was behind at %v (%v), and now is %v", at, ever, f.k.Monotonic())
	}
	f.check(sim.RunFor(f.l, 5*time.Second)) // to read what is held
	before := f.onTime
	f.send(1)
	f.check(sim.RunFor(f.l, time.Millisecond))
	if f.onTime != before+1 || f.last.Late {
		t.Errorf("long after the flood a datagram is still late: %+v", f.last)
	}
	f.check(f.socket.Close())
	f.check(sim.RunFor(f.l, time.Second))
}

// TestCaughtUpWithABatch has the budget be spent when all has been read, to the last of a batch: what comes next is on time.
func TestCaughtUpWithABatch(t *testing.T) {
	f := newFlooded(t)
	f.send(2 * 32) // more than a millisecond
	f.check(sim.RunFor(f.l, 10*time.Millisecond))
	if _, ever := f.socket.Behind(); !ever || f.late+f.onTime != 2*32 {
		t.Fatalf("behind: %v; %d received", ever, f.late+f.onTime)
	}
	f.send(1)
	f.check(sim.RunFor(f.l, 10*time.Millisecond))
	if f.late+f.onTime != 2*32+1 || f.last.Late {
		t.Errorf("%d received, the last one %+v", f.late+f.onTime, f.last)
	}
	f.check(f.socket.Close())
}

// TestFloodKeepsToItsBudget has a timer beside a flood, which is to be on time.
func TestFloodKeepsToItsBudget(t *testing.T) {
	f := newFlooded(t)
	var ticks int
	var latest, due time.Duration
	var timer *loop.Timer
	timer = f.l.NewTimer(func() {
		ticks++
		latest = max(latest, f.k.Monotonic()-due)
		due = f.l.Now() + time.Millisecond
		timer.Set(due)
		f.send(500)
	})
	due = f.l.Now()
	timer.Set(due)
	f.check(sim.RunFor(f.l, time.Second))
	const batch = 32 * 20 * time.Microsecond // which is received at once
	if latest > time.Millisecond+batch || ticks < 400 {
		t.Errorf("a timer beside a flood was up to %v late, and fired %d times", latest, ticks)
	}
	if s := f.l.Stats(); s.TurnCPU.Max > time.Millisecond+batch || s.PutOff == 0 || s.PutOff != f.budget.PutOff() {
		t.Errorf("turns of up to %v; put off %d times, the budget says %d", s.TurnCPU.Max, s.PutOff, f.budget.PutOff())
	}
}

// TestClosedWhilePutOff closes a socket that waits for its budget.
func TestClosedWhilePutOff(t *testing.T) {
	f := newFlooded(t)
	f.send(500)
	if _, err := f.l.Turn(0); err != nil {
		t.Fatal(err)
	}
	got := f.late + f.onTime
	f.check(f.socket.Close())
	f.check(sim.RunFor(f.l, time.Second))
	if got == 0 || got == 500 || f.late+f.onTime != got {
		t.Errorf("%d received before it was closed, %d after", got, f.late+f.onTime-got)
	}
}
