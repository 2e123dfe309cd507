package fanout

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
	"golang.org/x/sys/unix"
)

// TestFiguresOfDelivery has some readers get frames, one of them thinned, after the clock has run
// for a while.
func TestFiguresOfDelivery(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	h.run(time.Minute)
	for i := range 300 { // more than one chunk
		h.enters(fmt.Sprint("reader ", i))
	}
	thinned := h.enters("thinned")
	thinned.moveTo(1)
	h.frames("KKKK")
	f := h.fanout.config.Figures
	const frames = 4*300 + 2
	bytes := uint64(len(framePicture(1, 1)))
	if f.Delivered != frames || f.Packets != 2*frames || f.Bytes != bytes*frames {
		t.Errorf("%d frames, %d packets, %d bytes; want %d, %d, %d", f.Delivered, f.Packets, f.Bytes, frames, 2*frames, bytes*frames)
	}
	if f.Swept != 4 || f.FirstAge.Count != 4 || f.LastAge.Count != 4 {
		t.Errorf("%d were swept, %d first ages, %d last ones; want 4", f.Swept, f.FirstAge.Count, f.LastAge.Count)
	}
	if first, last := f.FirstAge.Max, f.LastAge.Max; first > 5*time.Millisecond || last > 5*time.Millisecond {
		t.Errorf("frames that were sent at once are up to %v and %v old", first, last)
	}
}

// TestFiguresOfTwoSockets has readers behind a second socket: a frame is swept once, by the first
// sweep that has sent it, and each sweep tells how old its last one was. When the second socket
// is forgotten, the first one's readers go on.
func TestFiguresOfTwoSockets(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	second, err := udp.Open(h.loop, netip.MustParseAddrPort("192.0.2.1:6004"), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	v := h.enters("first")
	var r Reader
	at := netip.MustParseAddrPort("192.0.2.1:30000")
	if _, err := h.kernel.NewUDPPeer(at); err != nil {
		t.Fatal(err)
	}
	h.fanout.Join(&r, second, second, Address{RTP: at, RTCP: at}, nil)
	h.frames("KKK")
	f := h.fanout.config.Figures
	if f.Delivered != 6 || f.Swept != 3 || f.FirstAge.Count != 3 || f.LastAge.Count != 6 {
		t.Errorf("%d delivered, %d swept, %d first ages, %d last ones; want 6, 3, 3, 6", f.Delivered, f.Swept, f.FirstAge.Count, f.LastAge.Count)
	}
	r.Leave()
	h.fanout.Forget(second)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	h.frames("KK")
	v.counts(5, 0)
	if h.fanout.Readers() != 1 {
		t.Errorf("%d readers", h.fanout.Readers())
	}
}

// TestFiguresOfResting has readers rest, go on and leave: each frame that one misses is a lag.
func TestFiguresOfResting(t *testing.T) {
	h := newSimHall(t, 1, media.JPEG)
	a, b, c := h.enters("a"), h.enters("b"), h.enters("c")
	f := h.fanout.config.Figures
	resting := func(want uint64) {
		t.Helper()
		if f.Resting != want {
			t.Errorf("%d rest, want %d", f.Resting, want)
		}
	}
	h.frames("K")
	if !a.Rest(true) || a.Rest(true) || !b.Rest(true) || c.Rest(false) {
		t.Error("Rest does not tell what is a change")
	}
	resting(2)
	h.frames("KKK")
	if f.Lags != 6 {
		t.Errorf("%d lags, want 6", f.Lags)
	}
	if !a.Rest(false) {
		t.Error("Rest does not tell of the change back")
	}
	resting(1)
	b.Leave()
	resting(0)
	h.frames("KK")
	a.counts(3, 3)
	c.counts(6, 0)
	if f.Delivered != 3+3+4 {
		t.Errorf("%d delivered, want 10", f.Delivered)
	}
}

// TestUnreachableForFiveSeconds has the kernel refuse to send to one reader: its observer is told
// when that has lasted five seconds, and if a frame came through meanwhile, five seconds after that.
func TestUnreachableForFiveSeconds(t *testing.T) {
	for _, through := range []int{0, 30} { // the frame that comes through
		h := newSimHall(t, 1, media.JPEG)
		h.run(time.Hour)
		v, other := h.enters("refused"), h.enters("other")
		at := v.RTPAddress()
		frame := 0
		h.kernel.Inject(func(c sim.Call) error {
			if c.Name == "Sendmmsg" && c.Peer == at && (frame != through || through == 0) {
				return unix.EHOSTUNREACH
			}
			return nil
		})
		told := 0
		v.lost = func() {
			told = frame
			v.Leave()
		}
		for frame = 1; frame <= 100; frame++ {
			h.frame(true)
			h.run(100 * time.Millisecond)
		}
		if want := through + 1 + 50; told != want {
			t.Errorf("frame %d came through: told with frame %d, want %d", through, told, want)
		}
		if other.counts(100, 0); h.fanout.Readers() != 1 {
			t.Errorf("%d readers", h.fanout.Readers())
		}
	}
}

// TestUnreachableInGroups has readers not be reached where frames depend on each other, so that they are tried with key frames
// alone: one is lost, and one that is reached now and then is not.
func TestUnreachableInGroups(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	away, comes := h.enters("away"), h.enters("comes and goes")
	awayAt, comesAt, group, lost := away.RTPAddress(), comes.RTPAddress(), 0, -1
	away.lost = func() {
		lost = group
		away.Leave()
	}
	comes.lost = func() { t.Error("one that is reached now and then is lost") }
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Sendmmsg" && (c.Peer == awayAt || c.Peer == comesAt && group%4 > 0) {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	for ; group < 200; group++ {
		h.frames("Kddddddddd")
	}
	if lost < 49 || lost > 52 || len(away.whole) > 0 {
		t.Errorf("it is lost in group %d, and has frames %v", lost, away.whole)
	}
	if n := len(comes.whole); n < 50*10 {
		t.Errorf("the other one has %d frames", n)
	}
}

// TestJoiningInTheMiddleOfAGroup has a reader come after a frame that others depend on: it begins
// with the next key frame, and gets all from then on.
func TestJoiningInTheMiddleOfAGroup(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	h.enters("first")
	h.frames("Kdd")
	v := h.enters("second")
	h.frames("dKddd")
	if want := []uint64{5, 6, 7, 8}; !slices.Equal(v.whole, want) {
		t.Errorf("it got %v, want %v", v.whole, want)
	}
}

// pieces lays every frame out as eight packets of a byte, in four bursts.
type pieces struct{}

func (pieces) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	// The last packet of a burst is one shorter, as everywhere.
	return rtp.Packets{Layout: rtp.Layout{PacketSize: 3, RunPackets: 2}, Bytes: append(dst, make([]byte, 4*5)...), Count: 8}, nil
}

// TestBurstsAreSpread has the bursts of a frame go out evenly over the spread, and the rest of
// them at once when the next frame is there.
func TestBurstsAreSpread(t *testing.T) {
	k := sim.New(1)
	l := loop.NewOn(k)
	socket, err := udp.Open(l, netip.MustParseAddrPort("192.0.2.1:5004"), udp.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := ring.New(ring.Limits{Frames: 5})
	f := New(Config{Loop: l, Ring: r, Form: r.NewForm(pieces{}), Log: slog.New(slog.DiscardHandler), Figures: &sending.Figures{}, Budget: l.NewBudget(time.Second), RequestKey: func() {}, NextSequence: func() uint16 { return 0 }})
	f.SetPace(40*time.Millisecond, 20*time.Millisecond)
	var came [2][]time.Duration // since the frame
	var readers [2]Reader
	began := time.Duration(0)
	for i := range readers {
		at := netip.AddrPortFrom(socket.Local().Addr(), uint16(20000+i))
		peer, err := k.NewUDPPeer(at)
		if err != nil {
			t.Fatal(err)
		}
		peer.OnReceive(func(sim.Datagram) { came[i] = append(came[i], (l.Now() - began).Round(time.Millisecond)) })
		f.Join(&readers[i], socket, socket, Address{RTP: at, RTCP: at}, nil)
	}
	publish := func() {
		if _, err := r.Publish(media.Frame{Params: &media.Params{}, Bytes: []byte{1}, Key: true, Captured: l.Now()}); err != nil {
			t.Fatal(err)
		}
		f.FrameReady()
	}
	run := func(d time.Duration) {
		if err := sim.RunFor(l, d); err != nil {
			t.Fatal(err)
		}
	}
	frame := func(what string, milliseconds ...time.Duration) {
		t.Helper()
		for i := range came {
			var want []time.Duration
			for _, ms := range milliseconds {
				want = append(want, ms*time.Millisecond, ms*time.Millisecond) // two packets
			}
			if !slices.Equal(came[i], want) {
				t.Errorf("%s: reader %d got packets after %v, want %v", what, i, came[i], want)
			}
			came[i] = nil
		}
	}
	run(time.Second)
	began = l.Now()
	publish()
	run(40 * time.Millisecond)
	frame("alone", 0, 5, 10, 15)
	began = l.Now()
	publish()
	run(7 * time.Millisecond)
	publish()
	run(40 * time.Millisecond)
	frame("overtaken", 0, 5, 7, 7, 7, 12, 17, 22)
	for i := range readers {
		if readers[i].Frames() != 3 {
			t.Errorf("reader %d: %d frames", i, readers[i].Frames())
		}
	}
}
