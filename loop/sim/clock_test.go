package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

func TestTimePassesOnlyInWaits(t *testing.T) {
	w := newWorld(t)
	w.socket(server, loop.UDPOptions{})
	if w.since() != 0 {
		t.Errorf("%v have passed", w.since())
	}
	wall := w.Wall()
	w.check(sim.RunFor(w.loop, 24*time.Hour))
	if w.since() != 24*time.Hour || w.Wall().Sub(wall) != 24*time.Hour {
		t.Errorf("%v and %v have passed, want a day", w.since(), w.Wall().Sub(wall))
	}
}

func TestAfter(t *testing.T) {
	w := newWorld(t)
	var order []string
	w.After(2*time.Second, func() { order = append(order, "late") })
	w.After(time.Second, func() {
		order = append(order, "early")
		w.After(0, func() { order = append(order, "at once") })
		w.After(-time.Hour, func() { order = append(order, "not in the past") })
	})
	w.After(time.Second, func() { order = append(order, "second") })
	w.check(sim.RunFor(w.loop, time.Second))
	w.Advance(time.Second)
	if want := []string{"early", "second", "at once", "not in the past", "late"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
}

func TestDeadlock(t *testing.T) {
	w := newWorld(t)
	fd := w.socket(server, loop.UDPOptions{})
	_, err := w.loop.Register(fd, loop.Readable, func(loop.Interest) {})
	w.check(err)
	_, err = w.loop.Turn(loop.Forever)
	w.wantErr(err, sim.ErrDeadlock)
	if !strings.Contains(err.Error(), "1 fds are open") {
		t.Errorf("the error does not say what there is: %v", err)
	}
	w.check(w.loop.Post(func() {}))
	if ran, err := w.loop.Turn(loop.Forever); ran != 1 || err != nil {
		t.Errorf("with something posted: ran %d, %v", ran, err)
	}
}

func TestLivelock(t *testing.T) {
	t.Run("fd", func(t *testing.T) {
		w := newWorld(t, sim.WithIdleLimit(100))
		fd, err := w.NewDevice()
		w.check(err)
		w.check(w.SetConditions(fd, loop.Readable))
		_, err = w.loop.Register(fd, loop.Readable, func(loop.Interest) {})
		w.check(err)
		err = sim.RunFor(w.loop, time.Second)
		w.wantErr(err, sim.ErrLivelock)
		if !strings.Contains(err.Error(), fmt.Sprint("fd ", fd)) {
			t.Errorf("the error does not name the fd: %v", err)
		}
	})
	t.Run("timer", func(t *testing.T) {
		w := newWorld(t)
		var timer *loop.Timer
		timer = w.loop.NewTimer(func() { timer.Set(w.loop.Now()) })
		timer.Set(0)
		err := sim.RunFor(w.loop, time.Second)
		w.wantErr(err, sim.ErrLivelock)
		if !strings.Contains(err.Error(), "timer") {
			t.Errorf("the error does not speak of timers: %v", err)
		}
	})
}

func TestRunUntil(t *testing.T) {
	w := newWorld(t)
	fired := false
	w.loop.NewTimer(func() { fired = true }).SetAfter(time.Second)
	w.check(sim.RunUntil(w.loop, func() bool { return fired }, time.Minute))
	if w.since() != time.Second {
		t.Errorf("it took %v, want 1s", w.since())
	}
	w.wantErr(sim.RunUntil(w.loop, func() bool { return false }, time.Minute), sim.ErrTimeout)
	if w.since() != time.Minute+time.Second {
		t.Errorf("the timeout came after %v, want 1m1s", w.since())
	}
}

func TestClosedKernel(t *testing.T) {
	w := newWorld(t)
	w.check(w.Close())
	_, err := w.Wait(make([]loop.Ready, 1), 0)
	w.wantErr(err, unix.EBADF)
}

func TestCosts(t *testing.T) {
	w := newWorld(t, sim.WithCosts(sim.Costs{Call: 10 * time.Microsecond, Message: time.Microsecond, Datagram: 100 * time.Nanosecond}))
	fd := w.socket(server, loop.UDPOptions{})
	before := w.Monotonic()
	w.check(w.send(fd, viewer, make([]byte, 1000), 100))
	if took := w.Monotonic() - before; took != 12*time.Microsecond {
		t.Errorf("a message of ten datagrams took %v, want 12µs", took)
	}
	// What falls due while a handler is busy has happened when it looks.
	p := w.peer(viewer)
	arrived := false
	w.After(15*time.Microsecond, func() { w.check(p.Send(server, []byte("x"))); arrived = true })
	for range 2 {
		_, err := w.LocalAddr(fd)
		w.check(err)
	}
	if !arrived {
		t.Error("20µs of system calls, and what was due after 15µs has not happened")
	}
}

func TestSpuriousAndLateWakeups(t *testing.T) {
	w := newWorld(t)
	w.SetFaults(sim.Faults{SpuriousWakeups: 0.5})
	early := 0
	for range 100 {
		before := w.Monotonic()
		_, err := w.Wait(make([]loop.Ready, 1), time.Second)
		w.check(err)
		if w.Monotonic() == before {
			early++
		}
	}
	if early < 30 || early > 70 {
		t.Errorf("%d of 100 waits ended early, want about 50", early)
	}
	w.SetFaults(sim.Faults{LateWakeups: time.Millisecond})
	late := time.Duration(0)
	for range 100 {
		before := w.Monotonic()
		_, err := w.Wait(make([]loop.Ready, 1), time.Second)
		w.check(err)
		over := w.Monotonic() - before - time.Second
		if over < 0 || over >= time.Millisecond {
			t.Fatalf("a wait of 1s was %v too long", over)
		}
		late += over
	}
	if late < 20*time.Millisecond {
		t.Errorf("100 waits were %v late together, want about 50ms", late)
	}
}

func TestSpuriousEvents(t *testing.T) {
	w := newWorld(t)
	w.SetFaults(sim.Faults{SpuriousEvents: 0.5})
	fd := w.socket(server, loop.UDPOptions{})
	calls := 0
	_, err := w.loop.Register(fd, loop.Readable, func(loop.Interest) {
		calls++
		var list [1]loop.Message
		_, err := w.Recvmmsg(fd, list[:])
		w.wantErr(err, unix.EAGAIN)
	})
	w.check(err)
	for range 300 {
		_, err := w.loop.Turn(time.Millisecond)
		w.check(err)
	}
	if calls < 10 {
		t.Errorf("%d spurious events in 300 turns", calls)
	}
}

func TestShuffledEvents(t *testing.T) {
	order := func(seed uint64) (order []int) {
		w := seeded(t, seed)
		w.SetFaults(sim.Faults{ShuffleEvents: true})
		for i := range 20 {
			fd, err := w.NewDevice()
			w.check(err)
			w.check(w.SetConditions(fd, loop.Readable))
			_, err = w.loop.Register(fd, loop.Readable, func(loop.Interest) { order = append(order, i) })
			w.check(err)
		}
		_, err := w.loop.Turn(0)
		w.check(err)
		return order
	}
	one, same, other := order(1), order(1), order(2)
	if !slices.Equal(one, same) {
		t.Errorf("one seed, two orders: %v and %v", one, same)
	}
	if slices.Equal(one, other) || slices.IsSorted(one) {
		t.Errorf("two seeds gave %v and %v", one, other)
	}
	slices.Sort(one)
	for i, n := range one {
		if i != n {
			t.Fatalf("not everybody had one turn: %v", one)
		}
	}
}

func TestRandomDependsOnTheSeedAlone(t *testing.T) {
	draw := func(seed uint64) string {
		w := seeded(t, seed)
		w.SetLink(remote, sim.Link{Loss: 0.5})
		fd := w.socket(server, loop.UDPOptions{})
		w.peer(viewer)
		if seed < 10 {
			w.sendNumbered(fd, viewer, int(seed), 10) // other chances in between
		}
		p := make([]byte, 16)
		w.Random(p)
		return string(p)
	}
	if one, same, other := draw(1), draw(1), draw(2); one != same || one == other {
		t.Error("Random is not a function of the seed")
	}
}
