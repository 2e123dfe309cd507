package bench

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
	"github.com/camcast/camcast/cast"
)

// noTranscoder is one that no picture needs.
type noTranscoder struct{}

func (noTranscoder) Transcode(dst, _ []byte) ([]byte, error) {
	return dst, errors.New("RTP carries all pictures of the benchmark as they are")
}

// steady is a broadcast on the real kernel's loopback to readers who read nothing.
func steady(tb testing.TB, readers int, spread float64) *broadcast {
	tb.Helper()
	return steadyOf(tb, readers, spread, model.H264Size{}, false)
}

// steadyOf is the same with frames of H.264, if a size is said, and by WebRTC or not.
func steadyOf(tb testing.TB, readers int, spread float64, size model.H264Size, webRTC bool) *broadcast {
	tb.Helper()
	net, err := rig.Loopback()
	must(tb, err)
	tb.Cleanup(func() { must(tb, net.Close()) })
	b := newBroadcast(tb, net, readers)
	b.Spread, b.Transcoder, b.WebRTC = spread, noTranscoder{}, webRTC
	if b.to.H264Size, b.to.H264 = size, size.PacketBytes > 0; b.to.H264 {
		b.LagTime = time.Microsecond // they come in no time, and the ring would have room for all of a second's
		b.units, err = model.NewH264Framer(size)
		must(tb, err)
	}
	must(tb, b.start())
	tb.Cleanup(func() { must(tb, b.Close()) })
	return b
}

func TestNoAllocationsPerFrame(t *testing.T) {
	for _, spread := range []float64{0, cast.DefaultSpread} {
		m := steady(t, 100, spread)
		for range 20 { // until every slot of the ring has its buffer
			must(t, m.send())
		}
		if n := testing.AllocsPerRun(50, func() {
			if err := m.send(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("spread %v: %v allocations per frame, want 0", spread, n)
		}
		mustBeServed(t, m)
	}
}

// mustBeServed fails if a reader rests: then less was measured than it seems.
func mustBeServed(t *testing.T, m *broadcast) {
	t.Helper()
	if n := m.Stream.Figures().Resting; n > 0 {
		t.Errorf("%d readers rest", n)
	}
}

// mostBytesPerReader is what a UDP reader may cost beyond its RTSP session.
const mostBytesPerReader = 256

// TestNoAllocationsPerFrameOfH264 has a whole group of pictures sent each time, plain and sealed for each reader.
func TestNoAllocationsPerFrameOfH264(t *testing.T) {
	mustAllocateNothing(t, steadyOf(t, 100, 0, model.H264Frames, false))
	for _, spread := range []float64{0, cast.DefaultSpread} {
		mustAllocateNothing(t, steadyOf(t, 20, spread, model.WebRTCFrames, true))
	}
}

func mustAllocateNothing(t *testing.T, m *broadcast) {
	t.Helper()
	group := func() {
		for range model.H264GroupFrames {
			if err := m.send(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 4 { // until every slot of the ring has its buffer
		group()
	}
	if n := testing.AllocsPerRun(4, group); n != 0 {
		t.Errorf("spread %v, WebRTC %v: %v allocations for %d frames, want 0", m.Spread, m.WebRTC, n, model.H264GroupFrames)
	}
	if s, readers := m.Stream.Figures(), uint64(len(m.to.Readers)); s.Lags > 0 || s.Delivered != s.Frames*readers {
		t.Errorf("spread %v, WebRTC %v: %d frames were delivered of %d to %d readers, %d lags", m.Spread, m.WebRTC, s.Delivered, s.Frames, readers, s.Lags)
	}
	mustBeServed(t, m)
}

func TestBytesPerReader(t *testing.T) {
	const readers = 10000
	m := steady(t, 1, 0)
	must(t, m.send())
	before := heapBytes()
	for i := range readers {
		if _, err := m.Join(m.net.Reader(i + 1)); err != nil {
			t.Fatal(err)
		}
	}
	must(t, m.send())
	each := float64(heapBytes()-before) / readers
	t.Logf("%.0f bytes per reader", each)
	if each > mostBytesPerReader {
		t.Errorf("%.0f bytes per reader, want at most %d", each, mostBytesPerReader)
	}
	mustBeServed(t, m)
	runtime.KeepAlive(m)
}

// mostBytesPerWebRTCReader is what a reader may cost that has keys of its own, with its session.
const mostBytesPerWebRTCReader = 8 << 10

// TestBytesPerWebRTCReader has readers be sent a whole group of pictures, so that they have all that they need.
func TestBytesPerWebRTCReader(t *testing.T) {
	const readers = 500
	m := steadyOf(t, 1, 0, model.WebRTCFrames, true)
	group := func() {
		for range model.H264GroupFrames {
			must(t, m.send())
		}
	}
	group()
	before := heapBytes()
	for i := range readers {
		must(t, m.JoinPrivate(i+1, m.net.Reader(i+1)))
	}
	delivered := m.Stream.Figures().Delivered
	group()
	if delivered = m.Stream.Figures().Delivered - delivered; delivered < (readers+1)*model.H264GroupFrames {
		t.Errorf("%d frames were delivered to %d readers", delivered, readers+1)
	}
	each := float64(heapBytes()-before) / readers
	t.Logf("%.0f bytes per reader", each)
	if each > mostBytesPerWebRTCReader {
		t.Errorf("%.0f bytes per reader, want at most %d", each, mostBytesPerWebRTCReader)
	}
	mustBeServed(t, m)
	runtime.KeepAlive(m)
}

// TestNoGrowthByComingAndGoing has readers come and go as often as they would in ten
// minutes of a busy hall, and looks for what they leave behind.
func TestNoGrowthByComingAndGoing(t *testing.T) {
	m := steady(t, 100, 0)
	come := func(times int) {
		for i := range times {
			r, err := m.Join(m.net.Reader(100 + i%50000))
			must(t, err)
			if i%1000 == 0 {
				must(t, m.send())
			}
			r.Leave()
		}
		must(t, m.send())
	}
	come(20000)
	before := heapBytes()
	come(100000)
	if after := heapBytes(); after > before+64<<10 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
	if got := m.Stream.Readers(); got != 100 {
		t.Errorf("%d readers, want 100", got)
	}
	mustBeServed(t, m)
}
