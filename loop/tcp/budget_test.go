package tcp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
)

// limited is a listener whose connections take a millisecond to read from, within a budget of
// two.
func limited(t *testing.T, k *sim.Kernel) (l *loop.Loop, b *loop.Budget, listener *tcp.Listener, accepted *[]*end) {
	l = newLoop(t, k)
	b = l.NewBudget(2 * time.Millisecond)
	accepted = new([]*end)
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
		e := &end{conn: c}
		e.onData = func() { k.Spend(time.Millisecond) }
		*accepted = append(*accepted, e)
		return e
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener.Limit(b, b)
	t.Cleanup(func() {
		listener.Close()
		for _, e := range *accepted {
			e.conn.Close()
		}
	})
	return l, b, listener, accepted
}

// TestReadingWithinABudget has ten connections send at once: two are read from in a turn, each
// has its turn, and the loop is not told of the others meanwhile.
func TestReadingWithinABudget(t *testing.T) {
	k := newSim(t)
	l, b, listener, accepted := limited(t, k)
	const peers = 10
	var fds []int
	for range peers {
		fd, err := k.ConnectTCP(listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		t.Cleanup(func() { k.CloseFD(fd) }) // where the test has not
	}
	turnUntil(t, l, func() bool { return len(*accepted) == peers })
	message := strings.Repeat("x", 6<<10) // is read in two turns
	for _, fd := range fds {
		write(t, l, fd, []byte(message))
	}
	events := l.Stats().Events
	read := func() (n, whole int) {
		for _, e := range *accepted {
			n += len(e.got)
			if len(e.got) == len(message) {
				whole++
			}
		}
		return n, whole
	}
	for turn := 0; ; turn++ {
		if _, whole := read(); whole == peers {
			break
		}
		was, _ := read()
		before := k.Monotonic()
		if ran, err := l.Turn(0); ran == 0 || err != nil || turn > 2*peers {
			t.Fatalf("turn %d ran %d, %v", turn, ran, err)
		}
		if n, _ := read(); n == was || k.Monotonic()-before > 3*time.Millisecond {
			t.Errorf("turn %d read %d bytes and took %v", turn, n-was, k.Monotonic()-before)
		}
	}
	if n := l.Stats().Events - events; n > 4*peers {
		t.Errorf("%d events for %d connections: those that wait are reported again and again", n, peers)
	}
	if b.PutOff() == 0 {
		t.Error("nothing was put off: the test shows nothing")
	}
	quiet(t, l)
}

// TestClosedWhilePutOff closes connections that wait to be read from, by both sides, and the
// listener.
func TestClosedWhilePutOff(t *testing.T) {
	k := newSim(t)
	l, _, listener, accepted := limited(t, k)
	var fds []int
	for range 8 {
		fd, err := k.ConnectTCP(listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		t.Cleanup(func() { k.CloseFD(fd) }) // where the test has not
	}
	turnUntil(t, l, func() bool { return len(*accepted) == len(fds) })
	for _, fd := range fds {
		write(t, l, fd, []byte("request"))
	}
	if _, err := l.Turn(0); err != nil {
		t.Fatal(err)
	}
	waiting := 0
	for i, e := range *accepted {
		switch {
		case len(e.got) > 0:
		case waiting%2 == 0:
			e.conn.Close()
			waiting++
		default:
			closeFD(t, l, fds[i])
			waiting++
		}
	}
	if waiting < 4 {
		t.Fatalf("%d connections wait: the test shows nothing", waiting)
	}
	if err := sim.RunFor(l, time.Second); err != nil {
		t.Fatal(err)
	}
	for _, e := range *accepted {
		if got := string(e.got); got != "" && got != "request" || e.conn.Closed() && !e.closed && got != "" {
			t.Errorf("%q was read, closed: %v", got, e.closed)
		}
	}
}

// TestAcceptingWithinABudget has ten connections come at once, each of which takes a millisecond
// to accept, beside one that is read from.
func TestAcceptingWithinABudget(t *testing.T) {
	k := newSim(t)
	l := newLoop(t, k)
	b := l.NewBudget(2 * time.Millisecond)
	var accepted []*end
	listener, err := tcp.Listen(l, anyPort, func(c *tcp.Conn) tcp.Handler {
		k.Spend(time.Millisecond)
		accepted = append(accepted, &end{conn: c})
		return accepted[len(accepted)-1]
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	listener.Limit(b, b)
	connect := func() (fd int) {
		fd, err := k.ConnectTCP(listener.Local())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { k.CloseFD(fd) })
		return fd
	}
	first := connect()
	turnUntil(t, l, func() bool { return len(accepted) == 1 })
	const crowd = 10
	for range crowd {
		connect()
	}
	write(t, l, first, []byte("request"))
	for turns := 1; len(accepted) <= crowd; turns++ {
		before := k.Monotonic()
		if ran, err := l.Turn(0); ran == 0 || err != nil {
			t.Fatalf("ran %d, %v, after %d connections", ran, err, len(accepted))
		}
		if took := k.Monotonic() - before; took > 3*time.Millisecond {
			t.Errorf("turn %d took %v", turns, took)
		}
		if turns == 2 && string(accepted[0].got) != "request" {
			t.Errorf("%q was read in two turns", accepted[0].got)
		}
	}
	if b.PutOff() == 0 {
		t.Error("nothing was put off: the test shows nothing")
	}
	for _, e := range accepted {
		e.conn.Close()
	}
	listener.Close()
}
