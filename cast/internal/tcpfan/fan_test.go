package tcpfan

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtp"
)

// single lays every frame out as one packet.
type single struct{}

func (single) Lay(dst []byte, f *ring.Frame) (rtp.Packets, error) {
	return rtp.Single(append(dst, f.Bytes...)), nil
}

// hall is a Fan on a simulated kernel.
type hall struct {
	t       *testing.T
	kernel  *sim.Kernel
	loop    *loop.Loop
	ring    *ring.Ring
	fan     *Fan
	figures Figures
	backlog *Backlog
	readers []*visitor
	bytes   int                          // of a frame
	enter   func(interval time.Duration) // one more reader of parts
}

// visitor is a reader: its connection's handler, its owner and its other end.
type visitor struct {
	*Reader
	peer    *sim.TCPPeer
	in      []byte
	numbers []uint32
	taken   int
	lost    error
}

func (v *visitor) Data([]byte) {}
func (v *visitor) Writable() {
	if v.Reader != nil {
		v.Reader.Writable()
	}
}
func (v *visitor) Closed(error) { v.Leave() }
func (v *visitor) Took()        { v.taken++ }
func (v *visitor) Lost(err error) {
	v.lost = err
	v.Leave()
}

// newHall makes one of so many readers.
func newHall(t *testing.T, readers int) *hall {
	t.Helper()
	h := &hall{t: t, kernel: sim.New(1), ring: ring.New(ring.Limits{Frames: 5}), bytes: 1000}
	h.loop = loop.NewOn(h.kernel)
	h.backlog = NewBacklog(h.loop, 1<<20)
	h.fan = New(Config{Loop: h.loop, Ring: h.ring, Form: h.ring.NewForm(single{}), Figures: &h.figures, Backlog: h.backlog, RequestKey: func() {}})
	at := netip.MustParseAddrPort("192.0.2.1:8554")
	var next *visitor
	l, err := tcp.Listen(h.loop, at, func(c *tcp.Conn) tcp.Handler {
		next.Reader = h.fan.Join(c, 0, next)
		return next
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	for range readers {
		next = &visitor{}
		if next.peer, err = h.kernel.DialTCP(netip.MustParseAddrPort("198.51.100.1:0"), at); err != nil {
			t.Fatal(err)
		}
		next.peer.OnData(next.data)
		h.run(time.Millisecond)
		h.readers = append(h.readers, next)
	}
	return h
}

// data takes frames, which must be whole.
func (v *visitor) data(p []byte) {
	v.in = append(v.in, p...)
	for len(v.in) >= 8 {
		n := 4 + int(binary.BigEndian.Uint16(v.in[2:]))
		if len(v.in) < n {
			return
		}
		v.numbers = append(v.numbers, binary.BigEndian.Uint32(v.in[4:]))
		v.in = v.in[n:]
	}
}

func (h *hall) run(d time.Duration) {
	h.t.Helper()
	if err := sim.RunFor(h.loop, d); err != nil {
		h.t.Fatal(err)
	}
}

// frame publishes a frame.
func (h *hall) frame() {
	h.t.Helper()
	p := make([]byte, h.bytes)
	binary.BigEndian.PutUint32(p, uint32(h.ring.Newest()+1))
	if _, err := h.ring.Publish(media.Frame{Params: &media.Params{Format: media.JPEG}, Bytes: p, Key: true}); err != nil {
		h.t.Fatal(err)
	}
	h.fan.FrameReady()
}

// slowWrites has each Writev take a while, and calls f with how many there were so far.
func (h *hall) slowWrites(d time.Duration, f func(writes int)) {
	writes := 0
	h.kernel.Inject(func(c sim.Call) error {
		if c.Name == "Writev" {
			writes++
			h.kernel.Advance(d)
			f(writes)
		}
		return nil
	})
}

// TestSlices has writing take long: others have a turn between slices, a frame that comes
// meanwhile goes out too, and a reader that leaves meanwhile gets nothing more.
func TestSlices(t *testing.T) {
	h := newHall(t, 6)
	var others []int // how many writes there had been when others had a turn
	writes := 0
	h.slowWrites(3*time.Millisecond, func(n int) {
		if writes = n; n == 3 {
			h.readers[0].Leave() // it is the next of the round
		}
	})
	var tick *loop.Timer
	tick = h.loop.NewTimer(func() {
		others = append(others, writes)
		if len(others) == 2 {
			h.frame()
		}
		if len(others) < 12 {
			tick.SetAfter(0)
		}
	})
	tick.SetAfter(0)
	h.frame()
	if writes != 2 {
		t.Fatalf("%d writes in the first slice, want 2, which take %v", writes, sendSlice)
	}
	h.run(100 * time.Millisecond)
	if !slices.IsSorted(others) || !slices.Contains(others, 2) || others[len(others)-1] < 10 {
		t.Errorf("others had their turns after %v writes", others)
	}
	for i, v := range h.readers[1:] {
		if !slices.Equal(v.numbers, []uint32{1, 2}) {
			t.Errorf("reader %d has frames %v", i+1, v.numbers)
		}
	}
	if v := h.readers[0]; len(v.numbers) > 0 || h.fan.Readers() != 5 {
		t.Errorf("the one that has left has frames %v; %d readers", v.numbers, h.fan.Readers())
	}
	for _, r := range h.fan.round[:cap(h.fan.round)] {
		if r != nil {
			t.Error("the round keeps a reader")
		}
	}
}

// TestNobodyStarves has frames come faster than they can be written to all: everybody gets its
// share.
func TestNobodyStarves(t *testing.T) {
	h := newHall(t, 20)
	h.slowWrites(3*time.Millisecond, func(int) {})
	frames := 200
	for range frames {
		h.frame()
		h.run(20 * time.Millisecond) // in which seven can be written to
	}
	least, most := frames, 0
	for _, v := range h.readers {
		least, most = min(least, len(v.numbers)), max(most, len(v.numbers))
	}
	if least < frames*6/20*3/4 || most > 2*least {
		t.Errorf("of %d frames the readers have from %d to %d", frames, least, most)
	}
}

// TestNothingTaken has the socket take nothing at all of a frame: the reader goes on when it is
// writable, with what is recent then, and all is counted.
func TestNothingTaken(t *testing.T) {
	h := newHall(t, 2)
	h.bytes = 60_000
	stuck, other := h.readers[0], h.readers[1]
	stuck.peer.SetReceiveBuffer(1)
	stuck.peer.OnData(nil)
	for !stuck.blocked || stuck.packet > 0 {
		h.frame()
		h.run(time.Millisecond)
	}
	taken := stuck.taken
	for range 4 {
		h.frame()
		h.run(time.Millisecond)
	}
	if stuck.taken != taken || !stuck.blocked {
		t.Fatal("the socket is not full")
	}
	stuck.peer.SetReceiveBuffer(1 << 20)
	stuck.peer.OnData(stuck.data)
	h.run(time.Second)
	h.frame()
	h.run(time.Second)
	newest := uint32(h.ring.Newest())
	if n := stuck.numbers; len(n) == 0 || n[len(n)-1] != newest || uint64(len(n)) != stuck.Frames() || stuck.Frames()+stuck.Lags() != uint64(newest) {
		t.Errorf("it has frames %v of %d, %d and %d lags are counted", n, newest, stuck.Frames(), stuck.Lags())
	}
	if len(other.numbers) != int(newest) || h.figures.Delivered != stuck.Frames()+other.Frames() {
		t.Errorf("the other has %d frames of %d; %d delivered", len(other.numbers), newest, h.figures.Delivered)
	}
}

// TestStop has a reader's socket become writable when all is over: it gets nothing more.
func TestStop(t *testing.T) {
	h := newHall(t, 1)
	h.bytes = 60_000
	v := h.readers[0]
	v.peer.SetReceiveBuffer(1)
	v.peer.OnData(nil)
	for range 8 {
		h.frame()
		h.run(time.Millisecond)
	}
	h.fan.Stop()
	frames := v.Frames()
	v.peer.SetReceiveBuffer(1 << 20)
	v.peer.OnData(v.data)
	h.run(time.Second)
	if v.Frames() != frames || len(v.numbers) > int(frames)+1 { // half a packet is sent to its end
		t.Errorf("%d frames were sent before, %d afterwards; it has %v", frames, v.Frames(), v.numbers)
	}
	h.frame()
	h.run(time.Millisecond)
	if v.Frames() != frames {
		t.Error("a new frame is sent")
	}
	v.Leave()
	made := h.fan.config.Form.Packets()
	h.frame()
	if h.fan.config.Form.Packets() != made {
		t.Error("frames are laid out for nobody")
	}
}

// TestTooFarBehind has a reader be lost that has missed more packets than it may, and the others go on.
func TestTooFarBehind(t *testing.T) {
	h := newHall(t, 3)
	h.fan.config.MaxGap = 20
	h.bytes = 50_000
	for _, v := range h.readers[:2] {
		v.peer.SetReceiveBuffer(1000)
		v.peer.OnData(nil)
	}
	for i := range 60 {
		h.frame()
		h.run(10 * time.Millisecond)
		if i == 14 { // it has not missed so many
			h.readers[1].peer.SetReceiveBuffer(1 << 20)
			h.readers[1].peer.OnData(h.readers[1].data)
		}
	}
	stuck, slow, quick := h.readers[0], h.readers[1], h.readers[2]
	stuck.peer.SetReceiveBuffer(1 << 20)
	stuck.peer.OnData(stuck.data)
	h.run(time.Second)
	h.frame()
	h.run(time.Second)
	if stuck.lost != ErrTooFarBehind || slow.lost != nil || quick.lost != nil || len(quick.numbers) != 61 {
		t.Errorf("lost: %v, %v, %v; the quick one has %d frames", stuck.lost, slow.lost, quick.lost, len(quick.numbers))
	}
}
