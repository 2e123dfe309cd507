package tcp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
)

// TestWaitingForAShare has more to accept and to read than a share of the time is enough for, from
// peers that stay and from peers that reset their connections. The loop is to sleep meanwhile, and to
// read what has come.
func TestWaitingForAShare(t *testing.T) {
	for name, reset := range map[string]bool{"they stay": false, "they reset": true} {
		t.Run(name, func(t *testing.T) { testWaitingForAShare(t, reset) })
	}
}

func testWaitingForAShare(t *testing.T, reset bool) {
	k := newSim(t)
	l, b, listener, accepted := limited(t, k)
	b.LimitShare(0.1)
	const peers, messageBytes = 20, 6 << 10 // is read in two turns, each of which takes a millisecond
	for range peers {
		p, err := k.DialTCP(netip.MustParseAddrPort("127.0.0.1:0"), listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(make([]byte, messageBytes)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		if reset {
			k.After(20*time.Millisecond, p.Reset)
		}
	}
	over := func() (n int) {
		for _, e := range *accepted {
			if e.closed || !reset && len(e.got) == messageBytes {
				n++
			}
		}
		return n
	}
	began, before := k.Monotonic(), l.Stats()
	if err := sim.RunUntil(l, func() bool { return over() == peers }, time.Second); err != nil {
		t.Fatalf("%v: %d of %d are over", err, over(), peers)
	}
	took, s := k.Monotonic()-began, l.Stats()
	turns, busy := s.Turns-before.Turns, s.TurnCPU.Sum-before.TurnCPU.Sum
	if busy > took/5 || turns > 4*peers {
		t.Errorf("in %v the loop was busy for %v and turned %d times", took, busy, turns)
	}
	for _, e := range *accepted {
		if len(e.got) != messageBytes {
			t.Errorf("%d bytes were read, want %d", len(e.got), messageBytes)
		}
	}
	quiet(t, l)
}

// TestAcceptingWaitsForAShare has twenty connections come at once, each of which takes a millisecond
// to accept: the loop is to sleep between.
func TestAcceptingWaitsForAShare(t *testing.T) {
	k := newSim(t)
	l := newLoop(t, k)
	accepting, reading := l.NewBudget(2*time.Millisecond), l.NewBudget(2*time.Millisecond)
	accepting.LimitShare(0.1)
	var accepted []*end
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
		k.Spend(time.Millisecond)
		accepted = append(accepted, &end{conn: c})
		return accepted[len(accepted)-1]
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		listener.Close()
		for _, e := range accepted {
			e.conn.Close()
		}
	})
	listener.Limit(accepting, reading)
	const peers = 20
	for range peers {
		p, err := k.DialTCP(netip.MustParseAddrPort("127.0.0.1:0"), listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
	}
	began, answered := k.Monotonic(), func() bool { return len(accepted) == peers && len(accepted[peers-1].got) > 0 }
	if err := sim.RunUntil(l, answered, time.Second); err != nil {
		t.Fatalf("%v: %d are accepted", err, len(accepted))
	}
	if s := l.Stats(); s.Turns > 4*peers || accepting.PutOff() == 0 {
		t.Errorf("in %v the loop turned %d times; accepting was put off %d times", k.Monotonic()-began, s.Turns, accepting.PutOff())
	}
	if len(accepted[0].got) == 0 || reading.PutOff() > 0 {
		t.Errorf("%q was read; reading was put off %d times", accepted[0].got, reading.PutOff())
	}
	quiet(t, l)
}
