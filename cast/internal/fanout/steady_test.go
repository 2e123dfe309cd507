package fanout

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"
	"unsafe"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// halves lays every frame out as two packets.
type halves struct{ sequence uint16 }

func (h *halves) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	h.sequence += 2
	size := len(f.Bytes)/2 + 1
	return rtp.Packets{Layout: rtp.Layout{PacketSize: size, RunPackets: 2}, Bytes: append(dst, f.Bytes...), Count: 2}, nil
}

// hall is a Fanout with a socket of its own.
type hall struct {
	loop   *loop.Loop
	ring   *ring.Ring
	fanout *Fanout
	socket *udp.Socket
	params *media.Params
	asked  int // for a key frame
}

func newHall(t *testing.T, l *loop.Loop, local netip.AddrPort, format media.Format, o udp.Options) *hall {
	t.Helper()
	h := &hall{loop: l, ring: ring.New(ringLimits), params: &media.Params{Format: format}}
	layout := &halves{}
	var err error
	if h.socket, err = udp.Open(l, local, o, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.socket.Close() })
	h.fanout = New(Config{
		Loop: l, Budget: l.NewBudget(time.Second), Ring: h.ring, Form: h.ring.NewForm(layout), Log: slog.New(slog.DiscardHandler), Figures: &sending.Figures{},
		Thin: true, NextSequence: func() uint16 { return layout.sequence }, RequestKey: func() { h.asked++ },
	})
	return h
}

func (h *hall) join(t *testing.T, port int, observer Observer) *Reader {
	t.Helper()
	at := netip.AddrPortFrom(h.socket.Local().Addr(), uint16(port))
	r := new(Reader)
	h.fanout.Join(r, h.socket, h.socket, Address{RTP: at, RTCP: at}, observer)
	return r
}

var ringLimits = ring.Limits{Frames: 5, Lag: 50 * time.Millisecond, GroupBytes: 1 << 20, GroupTime: 10 * time.Second}

func (h *hall) publish(t *testing.T, bytes []byte, key bool) {
	t.Helper()
	h.publishFrame(t, media.Frame{Bytes: bytes, Key: key})
}

func (h *hall) publishFrame(t *testing.T, f media.Frame) {
	t.Helper()
	f.Params, f.Captured = h.params, h.loop.Now()
	if _, err := h.ring.Publish(f); err != nil {
		t.Fatal(err)
	}
	h.fanout.FrameReady()
}

// TestNoAllocationsForThinnedReaders has readers at every level, and one that moves between
// two, on the real kernel.
func TestNoAllocationsForThinnedReaders(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	h := newHall(t, l, netip.MustParseAddrPort("127.0.0.1:0"), media.JPEG, udp.Options{})
	var readers []*Reader
	for i := range thinLevels + 1 {
		r := h.join(t, 20000+2*i, nil)
		r.thinning = &thinning{}
		r.moveTo(uint8(i) % thinLevels)
		readers = append(readers, r)
	}
	picture := make([]byte, 2001)
	send := func() {
		h.publish(t, picture, true)
		readers[0].moveTo(uint8(h.ring.Newest() / 3 % 2))
		if err := sim.RunFor(l, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	for range 100 { // until every slot of the ring has its buffer
		send()
	}
	if n := testing.AllocsPerRun(200, send); n != 0 {
		t.Errorf("%v allocations per frame, want 0", n)
	}
	for _, g := range h.fanout.groups {
		if want := uint64(300 >> g.level); g.sweep.frames < want-want/10 {
			t.Errorf("level %d was sent %d frames, want %d", g.level, g.sweep.frames, want)
		}
	}
}

// TestReaderIsSmall: there may be ten thousand of them, and Go's next size of memory is 96.
func TestReaderIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Reader{}); size > 80 {
		t.Errorf("a reader has %d bytes, want at most 80", size)
	}
}
