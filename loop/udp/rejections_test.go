package udp_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// rejecting has the hosts of an address answer for closed ports, as a real machine's do.
func rejecting(k loop.Kernel, host netip.Addr) {
	if f, ok := k.(*faulty); ok {
		k = f.Kernel
	}
	if k, ok := k.(*sim.Kernel); ok {
		k.SetRejects(netip.PrefixFrom(host, host.BitLen()), 0)
	}
}

// closedPorts are n addresses whose ports nobody listens at. They are none of those that the kernel gives to sockets without a
// port of their own (ip_local_port_range): another socket, of a program that runs the same test, say, would have one soon.
func closedPorts(t *testing.T, l *loop.Loop, host netip.Addr, n int) []netip.AddrPort {
	t.Helper()
	rejecting(l.Kernel(), host)
	const first = 61000
	var closed []netip.AddrPort
	for len(closed) < n {
		at := netip.AddrPortFrom(host, uint16(first+rand.IntN(1<<16-first)))
		s, err := udp.Open(l, at, udp.Options{}, nil)
		if errors.Is(err, unix.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() // not before all are chosen, which are different so
		closed = append(closed, at)
	}
	return closed
}

// TestClosedPortsAreTheirOwn has some peers of a fan at closed ports, in front of open ones and
// between them. What ICMP says of them fails sends to the open ones, which get every packet all the
// same; the closed ones are told of, and the loop does not spin.
func TestClosedPortsAreTheirOwn(t *testing.T) { onBoth(t, testClosedPortsAreTheirOwn) }

func testClosedPortsAreTheirOwn(t *testing.T, newKernel kernelMaker) {
	for _, host := range []netip.Addr{loopback4, loopback6} {
		for _, o := range []udp.Options{{}, {NoSegmentation: true}, {NoBatches: true}, {NoSegmentation: true, NoBatches: true}} {
			l, _ := newFaulty(t, newKernel)
			told := map[netip.AddrPort]int{}
			run := newRun(3, 400, 100)
			o.Rejected = func(r loop.Rejection) {
				told[r.Peer]++
				if r.Errno != unix.ECONNREFUSED || !r.PortClosed || len(r.Quoted) < 12 {
					t.Errorf("rejected: %+v", r)
				}
			}
			s, err := udp.Open(l, netip.AddrPortFrom(host, 0), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			fan := s.NewFan()
			var open []*receiver
			closed := closedPorts(t, l, host, 10)
			for i := range 5 {
				open = append(open, newReceiver(t, l, host))
				fan.Add(closed[2*i], netip.Addr{})
				fan.Add(closed[2*i+1], netip.Addr{})
				fan.Add(open[len(open)-1].socket.Local(), netip.Addr{})
			}
			const runs = 20
			for range runs {
				position, outcome := fan.Send(run, udp.Position{}, fan.All(), func(i int, err error) { t.Errorf("peer %d: %v", i, err) })
				if outcome != udp.Done || position.Peer != fan.Len() {
					t.Fatalf("%v at %+v", outcome, position)
				}
			}
			next, err := s.SendEach([]byte("a longer report"), fan.Len(), func(i int) (netip.AddrPort, netip.Addr) { return fan.Peer(i), netip.Addr{} })
			if next != fan.Len() || err != nil {
				t.Errorf("SendEach has come to %d: %v", next, err)
			}
			// A machine sends so much ICMP a second in all: in a flood, as of tests beside, some is missing.
			var again *loop.Timer
			again = l.NewTimer(func() {
				for _, at := range closed {
					if told[at] == 0 {
						_, _ = s.SendEach([]byte("a longer report"), 1, func(int) (netip.AddrPort, netip.Addr) { return at, netip.Addr{} })
					}
				}
				again.SetAfter(20 * time.Millisecond)
			})
			again.SetAfter(20 * time.Millisecond)
			turnUntil(t, l, func() bool {
				return !slices.ContainsFunc(open, func(r *receiver) bool { return len(r.got) < runs*3+1 }) && len(told) >= len(closed)
			})
			again.Stop()
			for _, at := range closed {
				if told[at] == 0 {
					t.Errorf("of %v nothing is told", at)
				}
			}
			idle(t, l)
			if n := s.Counters().Rejections; n < uint64(len(closed)) {
				t.Errorf("%d rejections are counted", n)
			}
			s.Close()
		}
	}
}

// idle turns until nothing more is ready, which must be soon.
func idle(t *testing.T, l *loop.Loop) {
	t.Helper()
	for range 100 {
		ran, err := l.Turn(0)
		if err != nil {
			t.Fatal(err)
		}
		if ran == 0 {
			return
		}
	}
	t.Error("the loop turns without end")
}

// TestRefusedForLong has the kernel refuse one peer as ICMP would, but each time: that is the
// peer's own error.
func TestRefusedForLong(t *testing.T) { onBoth(t, testRefusedForLong) }

func testRefusedForLong(t *testing.T, newKernel kernelMaker) {
	for _, errno := range []unix.Errno{unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EMSGSIZE} {
		l, k := newFaulty(t, newKernel)
		s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{Rejected: func(loop.Rejection) {}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		bad, good := netip.MustParseAddrPort("127.9.9.9:9"), newReceiver(t, l, loopback4)
		fan := s.NewFan()
		fan.Add(bad, netip.Addr{})
		fan.Add(good.socket.Local(), netip.Addr{})
		refusals := 0
		k.fail = func(m *loop.Message) error {
			if m.Peer() == bad {
				refusals++
				return errno
			}
			return nil
		}
		var failed []int
		if _, outcome := fan.Send(newRun(3, 400, 100), udp.Position{}, fan.All(), func(i int, _ error) { failed = append(failed, i) }); outcome != udp.Done || !slices.Equal(failed, []int{0}) {
			t.Errorf("%v: %v, failed %v", errno, outcome, failed)
		}
		want := 1 + 3 // tries
		if errno == unix.EMSGSIZE {
			want *= 2 // once more, packet by packet
		}
		if refusals != want {
			t.Errorf("%v: refused %d times, want %d", errno, refusals, want)
		}
		turnUntil(t, l, func() bool { return len(good.got) == 3 })
		s.Close()
	}
}

// TestErrorOfAnother has a send fail once by what ICMP says of another's link or way: nobody is
// sent to packet by packet by that, and nobody is skipped.
func TestErrorOfAnother(t *testing.T) { onBoth(t, testErrorOfAnother) }

func testErrorOfAnother(t *testing.T, newKernel kernelMaker) {
	for _, errno := range []unix.Errno{unix.EMSGSIZE, unix.EOPNOTSUPP, unix.EPROTO, unix.EACCES, unix.EHOSTDOWN, unix.ENONET, unix.ENOPROTOOPT, unix.ENETUNREACH} {
		l, k := newFaulty(t, newKernel)
		var reports []string
		s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{
			Rejected: func(loop.Rejection) {}, Report: func(what string) { reports = append(reports, what) },
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		good := newReceiver(t, l, loopback4)
		fan := s.NewFan()
		fan.Add(good.socket.Local(), netip.Addr{})
		pending := true
		k.fail = func(m *loop.Message) error {
			if pending {
				pending = false
				return errno
			}
			return nil
		}
		if _, outcome := fan.Send(newRun(3, 400, 100), udp.Position{}, fan.All(), func(i int, err error) { t.Errorf("failed: %v", err) }); outcome != udp.Done || len(reports) > 0 {
			t.Errorf("%v: %v, reported %q", errno, outcome, reports)
		}
		turnUntil(t, l, func() bool { return len(good.got) == 3 })
		s.Close()
	}
}

// TestFloodOfRejections has more ICMP messages wait than are read in a turn: others have their turn
// between, and reading allocates nothing.
func TestFloodOfRejections(t *testing.T) {
	k := newSim(t)
	l := loop.NewOn(k)
	read := 0
	s, err := udp.Open(l, sender, udp.Options{Rejected: func(loop.Rejection) { read++ }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const flood = 500
	fd := k.OpenFDs()[0]
	for range flood {
		if err := k.Reject(fd, loop.Rejection{Errno: unix.EHOSTUNREACH}); err != nil {
			t.Fatal(err)
		}
	}
	turns, most := 0, 0
	allocations := testing.AllocsPerRun(1, func() {
		for read < flood {
			before := read
			if _, err := l.Turn(0); err != nil {
				t.Fatal(err)
			}
			turns, most = turns+1, max(most, read-before)
		}
	})
	if most != 64 || turns < flood/64 || allocations > 0 {
		t.Errorf("%d turns, at most %d were read in one, want 64; %v allocations", turns, most, allocations)
	}
	idle(t, l)
	if n := k.Calls("SocketError"); n != 0 {
		t.Errorf("the socket's error was asked for %d times, though each is in the queue", n)
	}
}

// TestRejectionWithoutRoom has an ICMP message come that the full buffer does not take: the socket has an error, and
// nothing to read. Asked for once, the error is gone.
func TestRejectionWithoutRoom(t *testing.T) {
	k := newSim(t)
	l := loop.NewOn(k)
	s, err := udp.Open(l, sender, udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 1}, Rejected: func(r loop.Rejection) { t.Errorf("read: %+v", r) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := k.Reject(k.OpenFDs()[0], loop.Rejection{Errno: unix.ECONNREFUSED, Quoted: make([]byte, 1<<16)}); err != nil {
		t.Fatal(err)
	}
	if ran, err := l.Turn(0); ran != 1 || err != nil {
		t.Fatalf("ran %d, %v; want the socket's handler", ran, err)
	}
	if n := k.Calls("SocketError"); n != 1 {
		t.Errorf("the socket's error was asked for %d times, want once", n)
	}
	if ran, err := l.Turn(0); ran != 0 || err != nil {
		t.Errorf("ran %d, %v; want nothing more to do", ran, err)
	}
}

// TestFloodOfRejectionsKeepsToItsBudget has messages of ICMP take a while each, beside datagrams.
func TestFloodOfRejectionsKeepsToItsBudget(t *testing.T) {
	k := newSim(t)
	l := loop.NewOn(k)
	read, received := 0, 0
	o := udp.Options{Budget: l.NewBudget(time.Millisecond), Rejected: func(loop.Rejection) {
		k.Spend(50 * time.Microsecond)
		read++
	}}
	s, err := udp.Open(l, sender, o, func(udp.Datagram) { received++ })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	peer, err := k.NewUDPPeer(netip.MustParseAddrPort("198.51.100.1:9"))
	if err != nil {
		t.Fatal(err)
	}
	const flood = 300
	fd := k.OpenFDs()[0]
	for range flood {
		if err := k.Reject(fd, loop.Rejection{Errno: unix.EHOSTUNREACH}); err != nil {
			t.Fatal(err)
		}
	}
	if err := peer.Send(s.Local(), []byte("report")); err != nil {
		t.Fatal(err)
	}
	for turns := 0; read < flood || received == 0; turns++ {
		if _, err := l.Turn(0); err != nil || turns > flood {
			t.Fatalf("%v; %d were read in %d turns, and %d datagrams", err, read, turns, received)
		}
	}
	if longest := l.Stats().MaxTurn; longest > 2*time.Millisecond { // the last call's 16 begin within the budget
		t.Errorf("a turn took %v", longest)
	}
	idle(t, l)
}
