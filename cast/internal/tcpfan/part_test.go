package tcpfan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/ring"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

const (
	partTrailer = "\r\n--end\r\n"
	partBytes   = 60_000
)

// partHall is a hall of readers of parts, one for each interval.
func partHall(t *testing.T, intervals ...time.Duration) *hall {
	t.Helper()
	h := newHall(t, 0)
	h.bytes = partBytes
	h.fan = New(Config{
		Loop: h.loop, Ring: h.ring, Form: h.ring.NewForm(single{}), Figures: &h.figures, Backlog: h.backlog, RequestKey: func() {},
		Parts: &Parts{HeadBytes: 128, Trailer: []byte(partTrailer), Filler: bytes.Repeat([]byte{0xee}, 1000)},
	})
	at := netip.MustParseAddrPort("192.0.2.1:8080")
	var next *visitor
	var interval time.Duration
	l, err := tcp.Listen(h.loop, at, func(c *tcp.Conn) tcp.Handler {
		next.Reader = h.fan.JoinPart(c, interval, true, next)
		return next
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	h.enter = func(d time.Duration) {
		next, interval = &visitor{}, d
		if next.peer, err = h.kernel.DialTCP(netip.MustParseAddrPort("198.51.100.1:0"), at); err != nil {
			t.Fatal(err)
		}
		next.peer.OnData(next.part)
		h.run(time.Millisecond)
		h.readers = append(h.readers, next)
	}
	for _, d := range intervals {
		h.enter(d)
	}
	return h
}

// part takes what comes.
func (v *visitor) part(p []byte) { v.in = append(v.in, p...) }

// publish publishes a frame of the hall's size, which ends as a part does.
func (h *hall) publish() {
	h.t.Helper()
	p := bytes.Repeat([]byte{0x11}, h.bytes)
	binary.BigEndian.PutUint32(p, uint32(h.ring.Newest()+1))
	copy(p[len(p)-len(partTrailer):], partTrailer)
	f := media.Frame{Params: &media.Params{Format: media.JPEG}, Bytes: p, Key: true, Captured: h.loop.Now()}
	if _, err := h.ring.Publish(f); err != nil {
		h.t.Fatal(err)
	}
	h.fan.FrameReady()
}

// parts are the numbers of the parts that a reader has had, which must all be whole, and how many were
// filled up.
func (v *visitor) parts(t *testing.T, size int) (numbers []uint32, filled int) {
	t.Helper()
	in := v.in
	for ; len(in) >= size; in = in[size:] {
		if !bytes.HasSuffix(in[:size], []byte(partTrailer)) {
			t.Fatalf("part %d does not end as it must", len(numbers))
		}
		numbers = append(numbers, binary.BigEndian.Uint32(in))
		if in[size-len(partTrailer)-1] == 0xee {
			filled++
		}
	}
	return numbers, filled
}

// TestParts has readers get all frames, and those of an interval.
func TestParts(t *testing.T) {
	h := partHall(t, 0, 200*time.Millisecond)
	for range 40 {
		h.publish()
		h.run(50 * time.Millisecond)
	}
	all, _ := h.readers[0].parts(t, h.bytes)
	some, _ := h.readers[1].parts(t, h.bytes)
	if len(all) != 40 || len(some) != 10 || some[1] != 5 {
		t.Errorf("%d frames of 40, and %d of 10: %v", len(all), len(some), some)
	}
	if h.figures.Delivered != 50 || h.figures.Lags != 0 || h.figures.Bytes != 50*partBytes {
		t.Errorf("figures %+v", h.figures)
	}
}

// TestPartFromNewest has a reader that comes late begin with the newest frame at once.
func TestPartFromNewest(t *testing.T) {
	h := partHall(t, 0)
	h.publish()
	h.enter(0)
	h.run(time.Millisecond)
	if numbers, _ := h.readers[1].parts(t, h.bytes); len(numbers) != 1 || numbers[0] != 1 {
		t.Errorf("it has %v", numbers)
	}
}

// TestPartIsFilledUp has ten readers stand still in ten frames: the first of these are given up, and their
// parts are filled up, so that what follows is a part again.
func TestPartIsFilledUp(t *testing.T) {
	h := partHall(t, make([]time.Duration, 14)...)
	h.bytes = 600_000 // more than the kernel holds
	for _, v := range h.readers {
		v.deafen()
		h.publish()
		h.run(10 * time.Millisecond)
	}
	if h.figures.CutShort != 0 {
		t.Fatalf("figures %+v before anybody reads", h.figures)
	}
	for range 10 {
		h.publish()
		h.run(10 * time.Millisecond)
	}
	for _, v := range h.readers {
		v.peer.SetReceiveBuffer(1 << 20)
		v.peer.OnData(v.part)
	}
	h.run(time.Second)
	h.publish()
	h.run(time.Second)
	filled := 0
	for i, v := range h.readers {
		numbers, n := v.parts(t, h.bytes)
		filled += n
		if v.lost != nil || len(v.in)%h.bytes != 0 || numbers[len(numbers)-1] != uint32(h.ring.Newest()) {
			t.Errorf("reader %d: %v; it has %v and %d bytes", i, v.lost, numbers, len(v.in)%h.bytes)
		}
	}
	if filled == 0 || uint64(filled) != h.figures.CutShort {
		t.Errorf("%d parts were filled up, figures %+v", filled, h.figures)
	}
}

// TestPartHeadIsNotFilledUp has a frame be given up in its header.
func TestPartHeadIsNotFilledUp(t *testing.T) {
	h := partHall(t, 0)
	h.publish()
	v := h.readers[0]
	v.Reader.part.sent = 100
	if v.cutShort() || !errors.Is(v.lost, errCutShort) {
		t.Errorf("lost: %v", v.lost)
	}
}

// nobody owns a reader that stays.
type nobody struct{ t *testing.T }

func (nobody) Took()            {}
func (n nobody) Lost(err error) { n.t.Error(err) }
func (nobody) Data([]byte)      {}
func (nobody) Writable()        {}
func (nobody) Closed(error)     {}

// TestPartsAllocateNothing sends parts to ten readers, over sockets of this machine's kernel.
func TestPartsAllocateNothing(t *testing.T) {
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var figures Figures
	r := ring.New(ring.Limits{Frames: 5})
	fan := New(Config{
		Loop: l, Ring: r, Form: r.NewForm(single{}), Figures: &figures, Backlog: NewBacklog(l, 1<<20), RequestKey: func() {},
		Parts: &Parts{HeadBytes: 128, Trailer: []byte(partTrailer), Filler: []byte{0xee}},
	})
	var others []int
	for range 10 {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(pair[1])
		c, err := tcp.Adopt(l, pair[0], netip.AddrPort{}, netip.AddrPort{}, nil, nobody{t})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fan.JoinPart(c, 0, false, nobody{t})
		others = append(others, pair[1])
	}
	f := media.Frame{Params: &media.Params{Format: media.JPEG}, Bytes: make([]byte, 5000), Key: true}
	room := make([]byte, 10_000)
	frame := func() {
		_, _ = r.Publish(f)
		fan.FrameReady()
		for fan.served < len(fan.round) { // a busy machine has taken the slice
			fan.serve()
		}
		for _, fd := range others {
			if n, err := unix.Read(fd, room); n != len(f.Bytes) || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
	}
	for range 20 {
		frame()
	}
	if n := testing.AllocsPerRun(100, frame); n > 0 {
		t.Errorf("%v allocations a frame", n)
	}
	if figures.Delivered < 1000 {
		t.Errorf("figures %+v", figures)
	}
}
