package rtsp

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/capture"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/proto/rtp"
	"github.com/camcast/camcast/receive"
)

// quietHost counts frames, and checks their times.
type quietHost struct {
	capture.Host
	t      testing.TB
	l      *loop.Loop
	source *Source
	frames int
	last   time.Duration
	over   error
}

func (h *quietHost) Now() time.Duration              { return h.l.Now() }
func (h *quietHost) Wall() time.Time                 { return h.l.Kernel().Wall() }
func (h *quietHost) NewTimer(f func()) capture.Timer { return h.l.NewTimer(f) }
func (h *quietHost) Live()                           {}
func (h *quietHost) Lost(err error)                  { h.over = err; _ = h.source.Close() }
func (h *quietHost) Failed(err error)                { h.Lost(err) }
func (h *quietHost) Frame(f media.Frame) {
	when := f.Captured
	if f.Decode > 0 {
		when = f.Decode
	}
	if f.Params == nil || when < h.last || when > f.Captured {
		h.t.Fatalf("captured %v, decoded %v, after %v", f.Captured, f.Decode, h.last)
	}
	h.last = when
	h.frames++
}

// newQuiet is a source whose connection never comes about: packets are given to its opening.
func newQuiet(t testing.TB) (h *quietHost, o *opening, k *sim.Kernel) {
	k = sim.New(1)
	h = &quietHost{t: t, l: loop.NewOn(k)}
	if _, err := k.ListenTCPPeer(netip.MustParseAddrPort("10.0.0.9:554")); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.source, err = New(Options{Loop: h.l, URL: "rtsp://10.0.0.9/x", Random: k.Random}); err != nil {
		t.Fatal(err)
	}
	h.source.Open(h)
	if err := sim.RunFor(h.l, time.Second); err != nil || h.source.opening.session == nil {
		t.Fatalf("%v, %v", err, h.over)
	}
	return h, h.source.opening, k
}

// TestNothingIsAllocated for a frame of H.264, once the largest ones have come.
func TestNothingIsAllocated(t *testing.T) {
	h, o, k := newQuiet(t)
	sets := [][]byte{
		{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x62, 0xe4, 0x80},
		{0x68, 0xcb, 0x83, 0xcb, 0x20},
	}
	packetizer, err := rtp.NewNALPacketizer(rtp.NALConfig{Format: media.H264, PayloadType: 96, SSRC: 9, PacketSize: 1200, RunPackets: 8})
	if err != nil {
		t.Fatal(err)
	}
	idr := make([]byte, 5000)
	copy(idr, []byte{0x65, 0x88, 0x84, 0x21, 0xa0})
	params := &media.Params{Format: media.H264, Width: 320, Height: 240, ParameterSets: sets}
	o.Started(receive.Start{UDP: true, Format: media.H264, ParameterSets: sets, FramesPerSecond: 25})
	var packets [][]byte
	frame := media.Frame{Params: params, Bytes: nal.Append(nil, idr), Key: true}
	laid, err := packetizer.Packetize(nil, &frame, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range laid.Count {
		packets = append(packets, laid.Packet(i))
	}
	sequence, timestamp := uint16(0), uint32(0)
	send := func() {
		for _, p := range packets {
			binary.BigEndian.PutUint16(p[2:], sequence)
			binary.BigEndian.PutUint32(p[4:], timestamp)
			sequence++
			o.RTP(p)
		}
		timestamp += 3600
		k.Advance(40 * time.Millisecond)
	}
	for range 200 {
		send()
		if _, err := h.l.Turn(0); err != nil {
			t.Fatal(err)
		}
	}
	if h.frames < 200 || h.over != nil {
		t.Fatalf("%d frames, %v, fault %v", h.frames, h.over, o.reception.Buffer().Fault())
	}
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

// FuzzPackets has a camera send any packets of a format, at any times.
func FuzzPackets(f *testing.F) {
	f.Add(uint8(1), []byte("\x80\x9a\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\xff\x08\x08abc"), []byte("\x81\xc8"))
	f.Add(uint8(2), []byte("\x80\xe0\x00\x01\x00\x00\x00\x00\x00\x00\x00\x09\x65\x88\x84\x21"), []byte("\x80\xc9\x00\x01abcd"))
	f.Fuzz(func(t *testing.T, format uint8, said, report []byte) {
		h, o, k := newQuiet(t)
		o.Started(receive.Start{Format: media.Format(1 + format%3)})
		const packet = 40 // bytes: the first one says how long the packet is
		for n := 0; len(said) > 0 && n < 500 && h.over == nil; n++ {
			length := min(1+int(said[0])%packet, len(said))
			k.Advance(time.Duration(said[0]) * time.Millisecond)
			o.RTP(said[:length])
			if n%8 == 7 && h.over == nil {
				o.RTCP(report)
			}
			if _, err := h.l.Turn(0); err != nil {
				t.Fatal(err)
			}
			said = said[length:]
		}
		if err := sim.RunFor(h.l, time.Minute); err != nil || h.over == nil {
			t.Fatalf("%v, %v", h.over, err)
		}
		checkError(t, h.over)
	})
}
