package tcp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
	"golang.org/x/sys/unix"
)

// What a loopback interface never does: links that are slow or go down, and a kernel
// that does half of what it was asked.

var (
	service = netip.MustParseAddrPort("192.0.2.1:554")
	player  = netip.MustParseAddrPort("10.0.0.7:40000")
	far     = netip.MustParsePrefix("10.0.0.0/8")
)

// serve has a listener on a simulated machine take one player.
func serve(t *testing.T, k *sim.Kernel, l *loop.Loop) (p *sim.TCPPeer, server *end) {
	t.Helper()
	server = &end{}
	listener, err := tcp.Listen(l, service, func(c *tcp.Conn) tcp.Handler { server.conn = c; return server }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = k.DialTCP(player, service); err != nil {
		t.Fatal(err)
	}
	runUntil(t, l, func() bool { return server.conn != nil && p.Connected() })
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.conn.Close() })
	return p, server
}

func runUntil(t *testing.T, l *loop.Loop, done func() bool) {
	t.Helper()
	if err := sim.RunUntil(l, done, time.Hour); err != nil {
		t.Fatal(err)
	}
}

// pattern are bytes of which no two stretches are the same.
func pattern(k *sim.Kernel, n int) []byte {
	b := make([]byte, n)
	k.Random(b)
	return b
}

// A stream of frames with replies in between, to a player who asks all the time,
// comes out as it went in, whatever the kernel does by halves.
func TestStreamsSurviveAHalfHeartedKernel(t *testing.T) {
	links := map[string]sim.Link{
		"perfect": {},
		"slow":    {Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, BytesPerSecond: 3_000_000},
	}
	for name, link := range links {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20) {
				streamFrames(t, seed, link)
			}
		})
	}
}

func streamFrames(t *testing.T, seed uint64, link sim.Link) {
	k := sim.New(seed)
	k.SetFaults(sim.Faults{ShuffleEvents: true, SpuriousWakeups: 0.2, SpuriousEvents: 0.2,
		PartialWrites: 0.5, ShortReads: 0.5})
	k.SetLink(far, link)
	l := newLoop(t, k)
	p, server := serve(t, k, l)
	p.SetReceiveBuffer(5000)
	var got []byte
	p.OnData(func(b []byte) { got = append(got, b...) })

	frames, question, reply := pattern(k, 400_000), pattern(k, 30_000), []byte("RTSP/1.0 200 OK")
	var want []byte // in the order it was handed over
	at, failed := 0, error(nil)
	server.onWritable = func() {
		for at < len(frames) && failed == nil {
			n, err := server.conn.Send(vectors(frames[at:min(at+100, len(frames))], frames[min(at+100, len(frames)):]))
			want, failed = append(want, frames[at:at+n]...), err
			if at += n; n == 0 {
				return
			}
		}
	}
	replies := 0
	server.onData = func() {
		if replies++; failed == nil && replies <= 1000 {
			want, failed = append(want, reply...), server.conn.Write(reply)
			server.onWritable() // what comes now must not overtake what of the reply is queued
		}
	}
	for i := range len(question) / 1000 {
		k.After(time.Duration(i)*5*time.Millisecond, func() {
			if _, err := p.Write(question[i*1000 : (i+1)*1000]); err != nil {
				t.Error(err)
			}
		})
	}
	server.onWritable()
	err := sim.RunUntil(l, func() bool {
		return failed != nil || at == len(frames) && len(got) == len(want) && len(server.got) == len(question)
	}, time.Hour)
	if err != nil || failed != nil {
		t.Fatalf("seed %d: %v, %v; %d of %d bytes there", seed, err, failed, len(got), len(want))
	}
	if !bytes.Equal(got, want) || !bytes.Equal(server.got, question) {
		t.Errorf("seed %d: a stream came out other than it went in", seed)
	}
	if replies < 20 || server.writable == 0 {
		t.Errorf("seed %d: %d replies, %d times writable again: the test shows nothing", seed, replies, server.writable)
	}
}

// A player whose network goes away for a while: nothing is lost, and the server is not
// kept busy meanwhile.
func TestOutage(t *testing.T) {
	k := newSim(t)
	l := newLoop(t, k)
	p, server := serve(t, k, l)
	p.CountOnly()
	frame := make([]byte, 1<<20)
	k.SetLink(far, sim.Link{Down: true})
	sent, err := server.conn.Send(vectors(frame))
	if err != nil || sent == 0 || sent == len(frame) {
		t.Fatalf("sent %d, %v; want what the socket holds", sent, err)
	}
	turns := l.Stats().Turns
	if err := sim.RunFor(l, time.Hour); err != nil {
		t.Fatal(err)
	}
	if n := l.Stats().Turns - turns; p.Received() != 0 || server.writable != 0 || n > 5 {
		t.Errorf("in an outage: %d bytes received, writable %d times, %d turns", p.Received(), server.writable, n)
	}
	k.SetLink(far, sim.Link{Delay: time.Millisecond})
	runUntil(t, l, func() bool { return server.writable == 1 && p.Received() == uint64(sent) })
}

func TestResetsAreTold(t *testing.T) {
	tests := map[string]struct {
		end  func(p *sim.TCPPeer, server *end)
		want error
	}{
		"reset":           {func(p *sim.TCPPeer, _ *end) { p.Reset() }, unix.ECONNRESET},
		"close in order":  {func(p *sim.TCPPeer, _ *end) { p.Close() }, nil},
		"writing side":    {func(p *sim.TCPPeer, _ *end) { p.CloseWrite() }, nil},
		"closed unread":   {func(p *sim.TCPPeer, s *end) { _ = s.conn.Write([]byte("x")); p.Close() }, unix.ECONNRESET},
		"error of the fd": {func(*sim.TCPPeer, *end) {}, unix.ETIMEDOUT},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := newSim(t)
			l := newLoop(t, k)
			p, server := serve(t, k, l)
			test.end(p, server)
			if name == "error of the fd" { // as of a keep-alive that nobody answers
				for _, fd := range k.OpenFDs() {
					if err := k.SetSocketError(fd, unix.ETIMEDOUT); err != nil {
						t.Fatal(err)
					}
				}
			}
			runUntil(t, l, func() bool { return server.closed })
			if !errors.Is(server.err, test.want) {
				t.Errorf("closed with %v, want %v", server.err, test.want)
			}
			if !server.conn.Closed() {
				t.Error("told to be closed, and it is not")
			}
		})
	}
}

// A listener that is out of file descriptors says so once, tries ten times a second, and
// takes who has waited when there are some again.
func TestListenerOutOfFDs(t *testing.T) {
	k := sim.New(1, sim.WithFDLimit(2)) // the listener and one connection
	l := newLoop(t, k)
	var ends []*end
	failures := 0
	listener, err := tcp.Listen(l, service, func(c *tcp.Conn) tcp.Handler {
		ends = append(ends, &end{conn: c})
		return ends[len(ends)-1]
	}, func(err error) {
		failures++
		if !errors.Is(err, unix.EMFILE) {
			t.Errorf("failed with %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var peers []*sim.TCPPeer
	for range 2 {
		p, err := k.DialTCP(netip.AddrPortFrom(player.Addr(), 0), service)
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	if err := sim.RunFor(l, 950*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	// One accept for the first, and a try every 100 ms for the second.
	if calls := k.Calls("Accept"); len(ends) != 1 || failures != 1 || calls != 11 {
		t.Errorf("%d connections, %d failures told, %d accepts in 950 ms; want 1, 1 and 11", len(ends), failures, calls)
	}
	peers[0].Close()
	runUntil(t, l, func() bool { return len(ends) == 2 })
	if failures != 1 || !ends[0].closed {
		t.Errorf("%d failures told, the first one closed: %v", failures, ends[0].closed)
	}
	ends[1].conn.Close()
	if err := listener.Close(); err != nil {
		t.Error(err)
	}
	if left := k.OpenFDs(); len(left) > 0 {
		t.Errorf("left open: %v", left)
	}
}

// A crowd is taken in helpings, so that others on the loop have their turns.
func TestCrowd(t *testing.T) {
	k := newSim(t)
	l := newLoop(t, k)
	taken := 0
	listener, err := tcp.Listen(l, service, func(*tcp.Conn) tcp.Handler { taken++; return nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const crowd = 1000
	for range crowd {
		if _, err := k.DialTCP(netip.AddrPortFrom(player.Addr(), 0), service); err != nil {
			t.Fatal(err)
		}
	}
	turns := 0
	for taken < crowd {
		before := taken
		if _, err := l.Turn(0); err != nil {
			t.Fatal(err)
		}
		if turns++; taken-before > 100 || taken == before {
			t.Fatalf("%d taken in one turn", taken-before)
		}
	}
	if turns < 10 {
		t.Errorf("a crowd of %d taken in %d turns", crowd, turns)
	}
}
