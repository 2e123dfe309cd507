package cast_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// TestNothingBeginsAfterTheGoodbye has a reader, who is set up, ask for pictures while the
// broadcaster is leaving.
func TestNothingBeginsAfterTheGoodbye(t *testing.T) {
	w := newWorld(t, 1, nil)
	late := w.connect("10.0.1.1")
	if status := late.setupUDP(); status != 200 {
		t.Fatalf("SETUP: %d", status)
	}
	w.run(100 * time.Millisecond)
	w.b.Leave(func() {})
	if status, _ := late.ask("PLAY", streamURL, ""); status != 503 {
		t.Errorf("PLAY after the goodbye: %d, want 503", status)
	}
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.9.9:6000"), RTCP: netip.MustParseAddrPort("10.0.9.9:6001")}
	if _, err := w.s.Join(at, nil); err == nil {
		t.Error("Join after the goodbye is taken")
	}
	if _, err := w.s.SendTo(cast.Destination{Peer: at.RTP}); err == nil {
		t.Error("SendTo after the goodbye is taken")
	}
	frames := w.s.Figures().Frames
	w.run(500 * time.Millisecond)
	if err := w.b.Close(); err != nil {
		t.Error(err)
	}
	fired := w.l.Stats().Timers
	w.run(20 * time.Second)
	if n := w.l.Stats().Timers - fired; n > 2 || w.s.Figures().Frames != frames || w.camera.opened != 1 {
		t.Errorf("after Close %d timers fired, %d frames were made, %d restarts", n, w.s.Figures().Frames-frames, w.camera.opened)
	}
}

// TestGoneIsCalledOnce has connections come and go while the broadcaster leaves.
func TestGoneIsCalledOnce(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.run(100 * time.Millisecond)
	first, second := w.connect("10.0.1.1"), w.connect("10.0.1.2")
	w.until(func() bool { return cast.Counts(w.b).Connections == 2 })
	calls := 0
	w.b.Leave(func() { calls++ })
	first.conn.Close()
	w.run(500 * time.Millisecond)
	if calls != 0 {
		t.Errorf("called %d times while there is a connection", calls)
	}
	w.run(500 * time.Millisecond)
	if calls != 1 {
		t.Errorf("called %d times when the moment is over, want 1", calls)
	}
	second.conn.Close()
	w.run(time.Second)
	w.connect("10.0.1.3").conn.Close()
	w.run(time.Second)
	if calls != 1 {
		t.Errorf("called %d times when the last connection is closed, want 1", calls)
	}
}

// TestOneReadersFullQueueIsThatReaders has the way to one reader be congested for good.
func TestOneReadersFullQueueIsThatReaders(t *testing.T) {
	w := newWorld(t, 1, nil)
	before, bad, after := w.watch("10.0.1.1", false), w.watch("10.0.1.2", false), w.watch("10.0.1.3", false)
	w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.2/32"), unix.ENOBUFS))
	w.run(20 * time.Second)
	if w.s.Readers() != 2 {
		t.Errorf("%d readers, want 2: the congested one is dropped", w.s.Readers())
	}
	for _, v := range []*viewer{before, after} {
		if v.row(20*framesPerSecond - 2); v.depacketizer.Dropped > 0 {
			t.Errorf("%v: %d frames broken off", v.conn.Addr(), v.depacketizer.Dropped)
		}
	}
	_ = bad
}

// TestReaderAtTheSameAddress has a player vanish and start again with the same ports.
func TestReaderAtTheSameAddress(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.SessionTimeout = 12 * time.Second })
	first := w.watch("10.0.1.1", false)
	first.conn.Close()
	w.run(10 * time.Second) // until then it might still be there
	again := w.connect("10.0.1.1")
	if status := again.setup("RTP/AVP;unicast;client_port=20000-20001"); status != 200 {
		t.Fatalf("SETUP: %d", status)
	}
	again.play()
	w.run(100 * time.Millisecond)
	if w.s.Readers() != 1 || w.b.Readers() != 1 {
		t.Errorf("%d readers, %d sent to; want 1: the one before is replaced", w.b.Readers(), w.s.Readers())
	}
	for range 20 { // its reports keep it alive
		w.run(time.Second)
		if err := first.rtcp.Send(netip.AddrPortFrom(serverAddr, 5005), []byte{0x80, 201, 0, 1, 0, 0, 0, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if w.b.Readers() != 1 {
		t.Errorf("%d readers, want 1", w.b.Readers())
	}
}

// TestReplacedReaderWithoutObserver has a program add a reader at an address where it has added
// one before, and nobody is told of that one.
func TestReplacedReaderWithoutObserver(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.run(100 * time.Millisecond)
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:7000"), RTCP: netip.MustParseAddrPort("10.0.1.1:7001")}
	var readers [2]*cast.UDPReader
	for i := range readers {
		var err error
		if readers[i], err = w.s.Join(at, nil); err != nil {
			t.Fatal(err)
		}
		w.run(100 * time.Millisecond)
	}
	if n := w.s.Readers(); n != 1 {
		t.Errorf("%d readers at one address, want 1", n)
	}
	readers[0].Leave()
	if n := w.s.Readers(); n != 1 {
		t.Errorf("%d readers when the one that was replaced has left again, want 1", n)
	}
	readers[1].Leave()
	if n := w.s.Readers(); n != 0 {
		t.Errorf("%d readers when both have left", n)
	}
}

// TestRefusedSendsAreNotDelivered counts nothing that the kernel did not take.
func TestRefusedSendsAreNotDelivered(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.watch("10.0.1.1", false)
	w.watch("10.0.1.2", false)
	w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.0/24"), unix.EHOSTUNREACH))
	before := w.s.Figures().Delivered
	w.run(2 * time.Second)
	f := w.s.Figures()
	if f.Delivered > before+2 || f.Unreachable == 0 || f.FirstAge.Count > f.Frames {
		t.Errorf("%d delivered, %d refused, %d ages of %d frames", f.Delivered-before, f.Unreachable, f.FirstAge.Count, f.Frames)
	}
}

// TestFailedNewLeavesNothing has the second address family be taken.
func TestFailedNewLeavesNothing(t *testing.T) {
	k := sim.New(1)
	l := loop.NewOn(k)
	taken, err := k.ListenTCP(netip.MustParseAddrPort("[::]:8554"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := cast.New(l, cast.Config{RTP: netip.MustParseAddrPort("[::]:5004")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rtsp.Listen(b, netip.MustParseAddrPort("[::]:8554"), rtsp.Options{}); err == nil {
		t.Fatal("a taken port is taken again")
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if open := k.OpenFDs(); len(open) != 1 || open[0] != taken {
		t.Errorf("fds %v are open, want %d alone", open, taken)
	}
	if _, set := l.NextTimer(); set {
		t.Error("a timer is set")
	}
}

// TestFrontsComeAndGo opens and closes fronts again and again, which leaves nothing behind.
func TestFrontsComeAndGo(t *testing.T) {
	w := newWorld(t, 1, nil)
	fronts, fds := cast.Fronts(w.b), len(w.k.OpenFDs())
	for range 10 {
		front, err := rtsp.Listen(w.b, netip.MustParseAddrPort("0.0.0.0:8555"), rtsp.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(front.Close(), join.Serve(w.b).Close()); err != nil {
			t.Fatal(err)
		}
	}
	if n, open := cast.Fronts(w.b), len(w.k.OpenFDs()); n != fronts || open != fds {
		t.Errorf("%d fronts and %d fds, want %d and %d", n, open, fronts, fds)
	}
}
