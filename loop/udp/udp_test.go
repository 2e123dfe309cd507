package udp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"golang.org/x/sys/unix"
)

// faulty is a kernel like the one it holds, except that it fails sends as a test wants.
type faulty struct {
	loop.Kernel
	// fail returns the errno for the first message of a send, nil to let it pass; a
	// message further on that would fail ends the batch before it.
	fail      func(m *loop.Message) error
	noSegment bool
	noBatch   bool
	batches   []int // how many messages each Sendmmsg has taken
	singles   int   // how often Sendmsg was called
}

func (k *faulty) CanSegment(fd int) bool { return !k.noSegment && k.Kernel.CanSegment(fd) }

func (k *faulty) Sendmsg(fd int, message *loop.Message) error {
	k.singles++
	if k.fail != nil {
		if err := k.fail(message); err != nil {
			return err
		}
	}
	return k.Kernel.Sendmsg(fd, message)
}

func (k *faulty) Sendmmsg(fd int, messages []loop.Message) (int, error) {
	if k.noBatch {
		k.batches = append(k.batches, 0)
		return 0, unix.ENOSYS
	}
	for i := range messages {
		if k.fail == nil {
			break
		}
		if err := k.fail(&messages[i]); err != nil {
			if i == 0 {
				return 0, err
			}
			messages = messages[:i]
			break
		}
	}
	n, err := k.Kernel.Sendmmsg(fd, messages)
	k.batches = append(k.batches, n)
	return n, err
}

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// kernelMaker makes a kernel to test on.
type kernelMaker func(t *testing.T) loop.Kernel

// onBoth runs a test on Linux and on the simulated kernel: what only the first does is
// a surprise of the network, what only the second does is a mistake of package sim.
func onBoth(t *testing.T, test func(t *testing.T, newKernel kernelMaker)) {
	t.Run("linux", func(t *testing.T) {
		test(t, func(t *testing.T) loop.Kernel {
			kernel, err := loop.NewKernel()
			if err != nil {
				t.Fatal(err)
			}
			return kernel
		})
	})
	t.Run("sim", func(t *testing.T) { test(t, func(t *testing.T) loop.Kernel { return newSim(t) }) })
}

// newSim makes a simulated kernel, which no fd may be left open on.
func newSim(t *testing.T, settings ...sim.Option) *sim.Kernel {
	k := sim.New(1, settings...)
	t.Cleanup(func() {
		if left := k.OpenFDs(); len(left) > 0 {
			t.Errorf("left open: %v", left)
		}
	})
	return k
}

func newFaulty(t *testing.T, newKernel kernelMaker) (*loop.Loop, *faulty) {
	t.Helper()
	k := &faulty{Kernel: newKernel(t)}
	l := loop.NewOn(k)
	t.Cleanup(func() { l.Close() })
	return l, k
}

// receiver is a peer that keeps what it gets.
type receiver struct {
	socket *udp.Socket
	got    [][]byte
	from   []netip.AddrPort
}

func newReceiver(t *testing.T, l *loop.Loop, ip netip.Addr) *receiver {
	t.Helper()
	r := &receiver{}
	var err error
	o := udp.Options{UDPOptions: loop.UDPOptions{ReceiveBufferBytes: 4 << 20, PacketInfo: true}}
	r.socket, err = udp.Open(l, netip.AddrPortFrom(ip, 0), o, func(d udp.Datagram) {
		if d.To != ip {
			t.Errorf("datagram to %v arrived at %v", d.To, ip)
		}
		r.got = append(r.got, bytes.Clone(d.Payload))
		r.from = append(r.from, d.From)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.socket.Close() })
	return r
}

func turnUntil(t *testing.T, l *loop.Loop, done func() bool) {
	t.Helper()
	for turns := 0; !done(); turns++ {
		ran, err := l.Turn(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if ran == 0 || turns == 1_000_000 {
			t.Fatalf("nothing happened for 5 s, or the loop turns without end: %d turns", turns)
		}
	}
}

// newRun makes a run of packets that differ in every byte.
func newRun(packets, size, lastSize int) udp.Run {
	b := make([]byte, (packets-1)*size+lastSize)
	for i := range b {
		b[i] = byte(i/size)*31 + byte(i)
	}
	return udp.Run{Bytes: b, SegmentBytes: size}
}

func (r *receiver) check(t *testing.T, run udp.Run) {
	t.Helper()
	if joined := bytes.Join(r.got, nil); !bytes.Equal(joined, run.Bytes) {
		t.Errorf("got %d bytes in %d packets, want %d bytes, the same", len(joined), len(r.got), len(run.Bytes))
	}
	for i, p := range r.got {
		if want := min(run.SegmentBytes, len(run.Bytes)-i*run.SegmentBytes); len(p) != want {
			t.Errorf("packet %d has %d bytes, want %d", i, len(p), want)
		}
	}
}

func TestFanDelivers(t *testing.T) { onBoth(t, testFanDelivers) }

func testFanDelivers(t *testing.T, newKernel kernelMaker) {
	runs := map[string]udp.Run{
		"one packet":               newRun(1, 1000, 700),
		"one full packet":          newRun(1, 1000, 1000),
		"sixteen":                  newRun(16, 1400, 1399),
		"most segments":            newRun(64, 1000, 999),
		"most bytes":               newRun(46, 1452, 65507-45*1452),
		"packets of the least MTU": newRun(52, 1232, 5),
	}
	ways := map[string]func(*faulty, *udp.Options){
		"segmented":           func(*faulty, *udp.Options) {},
		"switched off":        func(_ *faulty, o *udp.Options) { o.NoSegmentation = true },
		"unknown to kernel":   func(k *faulty, _ *udp.Options) { k.noSegment = true },
		"one by one":          func(_ *faulty, o *udp.Options) { o.NoSegmentation, o.NoBatches = true, true },
		"no batches":          func(_ *faulty, o *udp.Options) { o.NoBatches = true },
		"batches unknown":     func(k *faulty, _ *udp.Options) { k.noBatch = true },
		"all unknown":         func(k *faulty, _ *udp.Options) { k.noBatch, k.noSegment = true, true },
		"link says EIO":       func(k *faulty, _ *udp.Options) { k.fail = refuseSegments(unix.EIO) },
		"link says EINVAL":    func(k *faulty, _ *udp.Options) { k.fail = refuseSegments(unix.EINVAL) },
		"link says EMSGSIZE":  func(k *faulty, _ *udp.Options) { k.fail = refuseSegments(unix.EMSGSIZE) },
		"ENOBUFS every third": func(k *faulty, _ *udp.Options) { k.fail = everyThird(unix.ENOBUFS) },
		"EAGAIN every third":  func(k *faulty, _ *udp.Options) { k.fail = everyThird(unix.EAGAIN) },
		"EINTR every third":   func(k *faulty, _ *udp.Options) { k.fail = everyThird(unix.EINTR) },
	}
	for _, ip := range []netip.Addr{loopback4, loopback6} {
		for way, prepare := range ways {
			for name, run := range runs {
				if ip == loopback6 && len(run.Bytes) > 65507-20 {
					continue // IPv6 counts its header
				}
				t.Run(fmt.Sprintf("%v/%s/%s", ip, way, name), func(t *testing.T) {
					testDelivery(t, newKernel, ip, run, prepare)
				})
			}
		}
	}
}

// refuseSegments fails segmented messages, as a link does that cannot cut them.
func refuseSegments(errno unix.Errno) func(*loop.Message) error {
	return func(m *loop.Message) error {
		if m.SegmentBytes() > 0 && len(m.Payload()) > m.SegmentBytes() {
			return errno
		}
		return nil
	}
}

func everyThird(errno unix.Errno) func(*loop.Message) error {
	n := 0
	return func(*loop.Message) error {
		if n++; n%3 == 0 {
			return errno
		}
		return nil
	}
}

func testDelivery(t *testing.T, newKernel kernelMaker, ip netip.Addr, run udp.Run, prepare func(*faulty, *udp.Options)) {
	l, k := newFaulty(t, newKernel)
	o := udp.Options{}
	var reports []string
	o.Report = func(what string) { reports = append(reports, what) }
	prepare(k, &o)
	s, err := udp.Open(l, netip.AddrPortFrom(ip, 0), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fan := s.NewFan()
	var receivers []*receiver
	for range 3 {
		r := newReceiver(t, l, ip)
		receivers = append(receivers, r)
		fan.Add(r.socket.Local(), ip)
	}
	position := udp.Position{}
	for tries := 0; ; tries++ {
		var outcome udp.Outcome
		position, outcome = fan.Send(run, position, fan.All(), func(i int, err error) { t.Errorf("peer %d: %v", i, err) })
		if outcome == udp.Done {
			break
		}
		if outcome == udp.Broken || tries > 1000 {
			t.Fatalf("outcome %v at %+v after %d tries", outcome, position, tries)
		}
	}
	for _, r := range receivers {
		total := func() (n int) {
			for _, p := range r.got {
				n += len(p)
			}
			return n
		}
		turnUntil(t, l, func() bool { return total() >= len(run.Bytes) })
		r.check(t, run)
		if r.from[0] != s.Local() {
			t.Errorf("sent from %v, want %v", r.from[0], s.Local())
		}
	}
	if slices.Sort(reports); len(slices.Compact(slices.Clone(reports))) < len(reports) {
		t.Errorf("reported more than once: %q", reports)
	}
}

func TestOnePeersErrorIsThatPeers(t *testing.T) { onBoth(t, testOnePeersErrorIsThatPeers) }

func testOnePeersErrorIsThatPeers(t *testing.T, newKernel kernelMaker) {
	for _, errno := range []unix.Errno{unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EPERM, unix.ECONNREFUSED, unix.EACCES} {
		t.Run(unix.ErrnoName(errno), func(t *testing.T) {
			l, k := newFaulty(t, newKernel)
			s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			bad := netip.MustParseAddrPort("127.9.9.9:9")
			k.fail = func(m *loop.Message) error {
				if m.Peer() == bad {
					return errno
				}
				return nil
			}
			first, last := newReceiver(t, l, loopback4), newReceiver(t, l, loopback4)
			fan := s.NewFan()
			fan.Add(first.socket.Local(), netip.Addr{})
			wantFailed := fan.Add(bad, netip.Addr{})
			fan.Add(last.socket.Local(), netip.Addr{})
			var failed []int
			run := newRun(5, 500, 100)
			_, outcome := fan.Send(run, udp.Position{}, fan.All(), func(i int, err error) {
				failed = append(failed, i)
				if !errors.Is(err, errno) {
					t.Errorf("error %v, want %v", err, errno)
				}
			})
			if outcome != udp.Done || len(failed) != 1 || failed[0] != wantFailed {
				t.Errorf("outcome %v, failed %v; want Done, [%d]", outcome, failed, wantFailed)
			}
			turnUntil(t, l, func() bool { return len(first.got) == 5 && len(last.got) == 5 })
			first.check(t, run)
			last.check(t, run)
		})
	}
}

// TestOnlyTheLinkThatCannotIsSentPackets has one of three links refuse segments: the
// others keep them.
func TestOnlyTheLinkThatCannotIsSentPackets(t *testing.T) {
	onBoth(t, testOnlyTheLinkThatCannotIsSentPackets)
}

func testOnlyTheLinkThatCannotIsSentPackets(t *testing.T, newKernel kernelMaker) {
	l, k := newFaulty(t, newKernel)
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var receivers []*receiver
	fan := s.NewFan()
	for range 3 {
		r := newReceiver(t, l, loopback4)
		receivers = append(receivers, r)
		fan.Add(r.socket.Local(), netip.Addr{})
	}
	refuse := refuseSegments(unix.EIO)
	k.fail = func(m *loop.Message) error {
		if m.Peer() == receivers[1].socket.Local() {
			return refuse(m)
		}
		return nil
	}
	run := newRun(10, 500, 100)
	for frame := 1; frame <= 2; frame++ {
		before := s.Counters()
		if _, outcome := fan.Send(run, udp.Position{}, fan.All(), nil); outcome != udp.Done {
			t.Fatal(outcome)
		}
		if sent := s.Counters().Messages - before.Messages; sent != 1+10+1 {
			t.Errorf("frame %d: %d messages, want one, ten single packets, one", frame, sent)
		}
		if n := fan.PlainCount(); n != 1 {
			t.Errorf("frame %d: %d links are taken for such ones", frame, n)
		}
	}
	for _, r := range receivers {
		turnUntil(t, l, func() bool { return len(r.got) == 20 })
		r.got = r.got[10:]
		r.check(t, run)
	}
	if got := fan.Remove(1); got != 2 {
		t.Errorf("Remove moved %d, want 2", got)
	}
	before := s.Counters().Messages
	fan.Send(run, udp.Position{}, fan.All(), nil)
	if sent := s.Counters().Messages - before; sent != 2 || fan.PlainCount() != 0 {
		t.Errorf("%d messages after the odd link left, want 2; %d such links", sent, fan.PlainCount())
	}
}

func TestFanRemoveKeepsTheOthers(t *testing.T) { onBoth(t, testFanRemoveKeepsTheOthers) }

func testFanRemoveKeepsTheOthers(t *testing.T, newKernel kernelMaker) {
	l, _ := newFaulty(t, newKernel)
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fan := s.NewFan()
	var want []netip.AddrPort
	for i := range 300 {
		peer := netip.AddrPortFrom(loopback4, uint16(20000+i))
		if index := fan.Add(peer, loopback4); index != i {
			t.Fatalf("index %d, want %d", index, i)
		}
		want = append(want, peer)
	}
	for _, index := range []int{0, 298, 150, 296, 7} {
		last := len(want) - 1
		if moved := fan.Remove(index); moved != last {
			t.Fatalf("Remove(%d) moved %d, want %d", index, moved, last)
		}
		want[index], want = want[last], want[:last]
	}
	for i, peer := range want {
		if fan.Peer(i) != peer {
			t.Errorf("index %d is %v, want %v", i, fan.Peer(i), peer)
		}
	}
}

// TestRing has the fan begin with any of its peers, and wants each to be sent to once,
// in order, in no more calls than needed.
func TestRing(t *testing.T) { onBoth(t, testRing) }

func testRing(t *testing.T, newKernel kernelMaker) {
	for _, count := range []int{1, 2, 5, 64, 65, 150} {
		for _, first := range []int{0, 1, count / 2, count - 1} {
			l, k := newFaulty(t, newKernel)
			s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			sink := newReceiver(t, l, loopback4)
			fan := s.NewFan()
			var order []netip.AddrPort
			for i := range count {
				// Addresses that differ, and that nobody listens at.
				fan.Add(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), sink.socket.Local().Port()), netip.Addr{})
			}
			k.fail = func(m *loop.Message) error { order = append(order, m.Peer()); return nil }
			_, outcome := fan.Send(newRun(2, 100, 50), udp.Position{Peer: first}, udp.Peers{End: first + count, Ring: count}, nil)
			if outcome != udp.Done || len(order) != count {
				t.Fatalf("%d from %d: outcome %v, sent to %d", count, first, outcome, len(order))
			}
			for i, peer := range order {
				if want := fan.Peer((first + i) % count); peer != want {
					t.Errorf("%d from %d: peer %d is %v, want %v", count, first, i, peer, want)
				}
			}
			if most := (count + 63) / 64; len(k.batches) > most+1 || count <= 64 && len(k.batches) != 1 {
				t.Errorf("%d from %d: %d calls", count, first, len(k.batches))
			}
			if n := s.Counters().Calls; n != uint64(len(k.batches)) {
				t.Errorf("%d from %d: %d calls are counted, want %d", count, first, n, len(k.batches))
			}
			s.Close()
		}
	}
}

func TestSendAllocatesNothing(t *testing.T) { onBoth(t, testSendAllocatesNothing) }

func testSendAllocatesNothing(t *testing.T, newKernel kernelMaker) {
	l, _ := newFaulty(t, newKernel)
	for _, o := range []udp.Options{{}, {NoSegmentation: true}} {
		s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		sink := newReceiver(t, l, loopback4)
		fan := s.NewFan()
		for range 100 {
			fan.Add(sink.socket.Local(), loopback4)
		}
		run := newRun(16, 1400, 1000)
		for range 5 { // until the sink's buffer is full, the simulated kernel needs room
			fan.Send(run, udp.Position{}, fan.All(), nil)
		}
		if n := testing.AllocsPerRun(10, func() { fan.Send(run, udp.Position{}, fan.All(), nil) }); n != 0 {
			t.Errorf("NoSegmentation %v: %v allocations per send, want 0", o.NoSegmentation, n)
		}
		s.Close()
	}
}

func TestSendEachPassesOverWhomItCannotReach(t *testing.T) {
	onBoth(t, testSendEachPassesOverWhomItCannotReach)
}

func testSendEachPassesOverWhomItCannotReach(t *testing.T, newKernel kernelMaker) {
	l, k := newFaulty(t, newKernel)
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good, bad := newReceiver(t, l, loopback4), netip.MustParseAddrPort("127.9.9.9:9")
	k.fail = func(m *loop.Message) error {
		if m.Peer() == bad {
			return unix.EHOSTUNREACH
		}
		return nil
	}
	var peers [200]netip.AddrPort
	for i := range peers {
		switch i % 3 {
		case 0:
			peers[i] = good.socket.Local()
		case 1:
			peers[i] = bad
		} // else invalid: nobody
	}
	next, err := s.SendEach([]byte("report"), len(peers), func(i int) (netip.AddrPort, netip.Addr) { return peers[i], netip.Addr{} })
	if next != len(peers) || !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("it has come to %d of %d, %v; want EHOSTUNREACH", next, len(peers), err)
	}
	if c := s.Counters(); c.Messages != 67 || c.Bytes != 67*uint64(len("report")) {
		t.Errorf("%d messages of %d bytes in all, want 67 of 6 each", c.Messages, c.Bytes)
	}
	turnUntil(t, l, func() bool { return len(good.got) == 67 })
}

// TestSendEachEndsAtAFullSocket has the socket be full at one of the peers, between some without an address: it
// is the one to go on with.
func TestSendEachEndsAtAFullSocket(t *testing.T) { onBoth(t, testSendEachEndsAtAFullSocket) }

func testSendEachEndsAtAFullSocket(t *testing.T, newKernel kernelMaker) {
	l, k := newFaulty(t, newKernel)
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	good := newReceiver(t, l, loopback4)
	const count = 200
	for _, stop := range []int{0, 10, 100, count - 2} { // even, as the others have no address
		taken := 0
		k.fail = func(*loop.Message) error {
			if taken == stop/2 {
				return unix.EAGAIN
			}
			taken++
			return nil
		}
		next, err := s.SendEach([]byte("report"), count, func(i int) (netip.AddrPort, netip.Addr) {
			if i%2 > 0 {
				return netip.AddrPort{}, netip.Addr{}
			}
			return good.socket.Local(), netip.Addr{}
		})
		if next != stop || err != unix.EAGAIN || !udp.IsFull(err) {
			t.Errorf("full at peer %d: it has come to %d, %v", stop, next, err)
		}
		turnUntil(t, l, func() bool { return len(good.got) == stop/2 })
		good.got = nil
	}
}

func TestSwitches(t *testing.T) { onBoth(t, testSwitches) }

// testSwitches turns off each feature and both: everybody gets the same packets all the same.
func testSwitches(t *testing.T, newKernel kernelMaker) {
	for _, c := range []struct {
		noSegmentation, noBatches bool
		calls                     [2]int // of Sendmmsg and Sendmsg, for 3 readers of 4 packets
	}{
		{false, false, [2]int{1, 0}}, {true, false, [2]int{1, 0}}, {false, true, [2]int{0, 3}}, {true, true, [2]int{0, 12}},
	} {
		t.Run(fmt.Sprintf("NoSegmentation=%v NoBatches=%v", c.noSegmentation, c.noBatches), func(t *testing.T) {
			l, k := newFaulty(t, newKernel)
			o := udp.Options{NoSegmentation: c.noSegmentation, NoBatches: c.noBatches}
			s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), o, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var receivers []*receiver
			fan := s.NewFan()
			for range 3 {
				r := newReceiver(t, l, loopback4)
				receivers = append(receivers, r)
				fan.Add(r.socket.Local(), netip.Addr{})
			}
			run := newRun(4, 100, 50)
			fan.Send(run, udp.Position{}, fan.All(), nil)
			if calls := [2]int{len(k.batches), k.singles}; s.Segments() == c.noSegmentation || calls != c.calls {
				t.Errorf("segments: %v, %v calls of Sendmmsg and Sendmsg, want %v", s.Segments(), calls, c.calls)
			}
			for _, r := range receivers {
				turnUntil(t, l, func() bool { return len(r.got) == 4 })
				r.check(t, run)
			}
		})
	}
}

// TestBatchesUnknown has the kernel not know sendmmsg: it is asked once, and that is told.
func TestBatchesUnknown(t *testing.T) { onBoth(t, testBatchesUnknown) }

func testBatchesUnknown(t *testing.T, newKernel kernelMaker) {
	l, k := newFaulty(t, newKernel)
	k.noBatch = true
	var reports []string
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{Report: func(what string) { reports = append(reports, what) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := newReceiver(t, l, loopback4)
	fan := s.NewFan()
	fan.Add(r.socket.Local(), netip.Addr{})
	for range 3 {
		fan.Send(newRun(4, 100, 50), udp.Position{}, fan.All(), nil)
	}
	turnUntil(t, l, func() bool { return len(r.got) == 12 })
	if len(k.batches) != 1 || k.singles != 3 || len(reports) != 1 || !strings.Contains(reports[0], "ENOSYS") {
		t.Errorf("%d calls of Sendmmsg, %d of Sendmsg; reported %q", len(k.batches), k.singles, reports)
	}
}

// TestSourceGone has the address that is sent from vanish and come back: that is the peer's
// failure meanwhile, says nothing of its link, and it is sent segments again.
func TestSourceGone(t *testing.T) { onBoth(t, testSourceGone) }

func testSourceGone(t *testing.T, newKernel kernelMaker) {
	l, k := newFaulty(t, newKernel)
	var reports []string
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{Report: func(what string) { reports = append(reports, what) }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := newReceiver(t, l, loopback4)
	fan := s.NewFan()
	fan.Add(r.socket.Local(), netip.Addr{})
	run, failures := newRun(4, 100, 50), 0
	send := func() uint64 {
		before := s.Counters().Messages
		if _, outcome := fan.Send(run, udp.Position{}, fan.All(), func(int, error) { failures++ }); outcome != udp.Done {
			t.Fatal(outcome)
		}
		return s.Counters().Messages - before
	}
	k.fail = func(*loop.Message) error { return unix.EINVAL }
	if n := send() + send(); n != 0 || failures != 2 || fan.PlainCount() != 0 {
		t.Errorf("%d messages were sent, %d failures; %d links are taken for ones that do not segment", n, failures, fan.PlainCount())
	}
	k.fail = nil
	if n := send(); n != 1 || len(reports) != 0 {
		t.Errorf("%d messages, want 1; reported %q", n, reports)
	}
	turnUntil(t, l, func() bool { return len(r.got) == 4 })
	r.check(t, run)
}

func TestWhenWritable(t *testing.T) { onBoth(t, testWhenWritable) }

func testWhenWritable(t *testing.T, newKernel kernelMaker) {
	l, _ := newFaulty(t, newKernel)
	s, err := udp.Open(l, netip.AddrPortFrom(loopback4, 0), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	calls := 0
	if err := s.WhenWritable(func() { calls++ }); err != nil {
		t.Fatal(err)
	}
	turnUntil(t, l, func() bool { return calls > 0 })
	if ran, _ := l.Turn(0); ran != 0 || calls != 1 {
		t.Errorf("called %d times and the socket is still waited for (%d)", calls, ran)
	}
}
