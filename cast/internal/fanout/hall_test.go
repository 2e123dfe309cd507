package fanout

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// simHall is a hall on a simulated kernel, whose readers tell what they get.
type simHall struct {
	*hall
	t      *testing.T
	kernel *sim.Kernel
	port   int
	// needed is the newest frame that others need, and led the one that those need which lead to the
	// last key frame. disposable: none needs the next one. open, leading: it is such a key frame, or
	// leads to the last one.
	needed, led               uint64
	disposable, open, leading bool
}

func newSimHall(t *testing.T, seed uint64, format media.Format, settings ...sim.Option) *simHall {
	t.Helper()
	return newSimHallOn(t, sim.New(seed, settings...), format, udp.Options{})
}

// newSimHallOn makes one on a kernel, whose socket has these options.
func newSimHallOn(t *testing.T, k *sim.Kernel, format media.Format, o udp.Options) *simHall {
	t.Helper()
	return &simHall{hall: newHall(t, loop.NewOn(k), netip.MustParseAddrPort("192.0.2.1:5004"), format, o), t: t, kernel: k, port: 20000}
}

// visitor is a reader of a simHall, and what has come to it.
type visitor struct {
	Reader
	name  string
	t     *testing.T
	half  uint64 // of this frame the first packet has come
	whole []uint64
	has   map[uint64]bool
	lost  func()
}

// enters has somebody come.
func (h *simHall) enters(name string) *visitor {
	h.t.Helper()
	v := &visitor{name: name, t: h.t, has: map[uint64]bool{}}
	h.port += 2
	at := netip.AddrPortFrom(h.socket.Local().Addr(), uint16(h.port))
	peer, err := h.kernel.NewUDPPeer(at)
	if err != nil {
		h.t.Fatal(err)
	}
	peer.OnReceive(func(d sim.Datagram) { v.packet(d.Payload) })
	h.fanout.Join(&v.Reader, h.socket, h.socket, Address{RTP: at, RTCP: at}, v)
	return v
}

func (v *visitor) RTCP([]byte) {}

func (v *visitor) Lost(error) {
	if v.lost != nil {
		v.lost()
	}
}

// framePicture is a frame whose both packets have its number and that of the frame that it needs.
func framePicture(number, needs uint64) []byte {
	var p [33]byte
	binary.BigEndian.PutUint64(p[0:], number)
	binary.BigEndian.PutUint64(p[8:], needs)
	copy(p[17:], p[:16])
	return p[:]
}

// packet takes a packet. Frames must come whole, in order, and none without the one that it needs.
func (v *visitor) packet(p []byte) {
	number, needs := binary.BigEndian.Uint64(p), binary.BigEndian.Uint64(p[8:])
	last := uint64(0)
	if len(v.whole) > 0 {
		last = v.whole[len(v.whole)-1]
	}
	switch first := len(p) == 17; {
	case first && v.half > 0:
		v.t.Errorf("%s gets frame %d in the middle of frame %d", v.name, number, v.half)
	case first && number <= last:
		v.t.Errorf("%s gets frame %d after frame %d", v.name, number, last)
	case first && number != needs && !v.has[needs]:
		v.t.Errorf("%s gets frame %d, which needs frame %d, after frame %d", v.name, number, needs, last)
	case first:
		v.half = number
	case number != v.half:
		v.t.Errorf("%s gets the second half of frame %d, and had the first of %d", v.name, number, v.half)
	default:
		v.half = 0
		v.whole = append(v.whole, number)
		v.has[number] = true
	}
}

// frame publishes a frame.
func (h *simHall) frame(key bool) {
	h.t.Helper()
	number, needs := h.ring.Newest()+1, h.needed
	if key {
		needs = number
	}
	disposable, leading := h.disposable && !key, h.leading && !key && h.led > 0
	switch {
	case leading:
		needs = h.led
		if !disposable {
			h.led = number
		}
	case key && h.open:
		h.led, h.needed = h.needed, number
	case !disposable:
		h.led, h.needed = 0, number
	default:
		h.led = 0
	}
	h.publishFrame(h.t, media.Frame{
		Bytes: framePicture(number, needs), Key: key, Disposable: disposable, Open: key && h.open, Leading: leading,
	})
}

// frames publishes frames some time apart: 'K' is a key frame, 'd' one that depends on those
// before, and 'x' one that no other needs. 'O' is an open key frame, and 'l' one that leads to it.
func (h *simHall) frames(kinds string) {
	h.t.Helper()
	for _, kind := range kinds {
		h.disposable, h.open, h.leading = kind == 'x', kind == 'O', kind == 'l'
		h.frame(kind == 'K' || kind == 'O')
		h.run(10 * time.Millisecond)
	}
}

func (h *simHall) run(d time.Duration) {
	h.t.Helper()
	if err := sim.RunFor(h.loop, d); err != nil {
		h.t.Fatal(err)
	}
}

// fill fills the socket, for about a quarter of a second.
func (h *simHall) fill() {
	h.t.Helper()
	h.port += 2
	sink := netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(h.port))
	h.kernel.SetLink(netip.PrefixFrom(sink.Addr(), 32), sim.Link{BytesPerSecond: 1_000_000})
	peer, err := h.kernel.NewUDPPeer(sink)
	if err != nil {
		h.t.Fatal(err)
	}
	peer.CountOnly()
	for {
		err := h.socket.SendTo(make([]byte, 60_000), sink, netip.Addr{})
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// counts fails unless the reader's counts are these, and what came.
func (v *visitor) counts(frames, lags uint64) {
	v.t.Helper()
	if v.Frames() != frames || v.Lags() != lags || uint64(len(v.whole)) != frames {
		v.t.Errorf("%s: %d frames and %d lags are counted, %d frames came: %v; want %d and %d", v.name, v.Frames(), v.Lags(), len(v.whole), v.whole, frames, lags)
	}
}
