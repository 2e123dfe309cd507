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
	return steadyOf(tb, readers, spread, false)
}

// steadyOf is the same with frames of H.264 or without.
func steadyOf(tb testing.TB, readers int, spread float64, h264 bool) *broadcast {
	tb.Helper()
	net, err := rig.Loopback()
	must(tb, err)
	tb.Cleanup(func() { must(tb, net.Close()) })
	b := newBroadcast(tb, net, readers)
	b.Spread, b.Transcoder = spread, noTranscoder{}
	if b.to.H264 = h264; h264 {
		b.LagTime = time.Microsecond // they come in no time, and the ring would have room for all of a second's
		b.units, err = model.NewH264Framer(model.H264Frames)
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

// TestNoAllocationsPerFrameOfH264 has a whole group of pictures sent each time.
func TestNoAllocationsPerFrameOfH264(t *testing.T) {
	m := steadyOf(t, 100, 0, true)
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
		t.Errorf("%v allocations for %d frames, want 0", n, model.H264GroupFrames)
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
