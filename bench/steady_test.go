package bench

import (
	"net/netip"
	"runtime"
	"testing"

	"github.com/camcast/camcast/cast"
)

// steady is a broadcast on the real kernel's loopback to readers that nobody is.
func steady(tb testing.TB, readers int, spread float64) (*castModel, *Broadcast) {
	tb.Helper()
	m := &castModel{paced: spread > 0}
	b, err := NewBroadcast(&Rig{name: "lo"}, readers)
	must(tb, err)
	must(tb, m.Start(b))
	tb.Cleanup(func() { must(tb, m.Close()) })
	return m, b
}

func TestNoAllocationsPerFrame(t *testing.T) {
	for _, spread := range []float64{0, cast.DefaultSpread} {
		m, _ := steady(t, 100, spread)
		for range 20 { // until every slot of the ring has its buffer
			must(t, m.Send())
		}
		if n := testing.AllocsPerRun(50, func() {
			if err := m.Send(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("spread %v: %v allocations per frame, want 0", spread, n)
		}
	}
}

// mostBytesPerReader is what a UDP reader may cost beyond its RTSP session.
const mostBytesPerReader = 256

func TestBytesPerReader(t *testing.T) {
	const readers = 10000
	m, b := steady(t, 1, 0)
	must(t, m.Send())
	extra, err := NewBroadcast(&Rig{name: "lo"}, readers+1)
	must(t, err)
	before := heapBytes()
	for _, reader := range extra.Readers[1:] {
		at := cast.Place{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1)}
		if _, err := m.stream.Join(at, nil); err != nil {
			t.Fatal(err)
		}
	}
	must(t, m.Send())
	each := float64(heapBytes()-before) / readers
	t.Logf("%.0f bytes per reader", each)
	if each > mostBytesPerReader {
		t.Errorf("%.0f bytes per reader, want at most %d", each, mostBytesPerReader)
	}
	runtime.KeepAlive(extra)
	runtime.KeepAlive(b)
}

// TestNoGrowthByComingAndGoing has readers come and go as often as they would in ten
// minutes of a busy hall, and looks for what they leave behind.
func TestNoGrowthByComingAndGoing(t *testing.T) {
	m, b := steady(t, 100, 0)
	come := func(times int) {
		for i := range times {
			reader := netip.AddrPortFrom(b.Readers[i%100].Addr(), uint16(10000+i%50000))
			r, err := m.stream.Join(cast.Place{RTP: reader, RTCP: netip.AddrPortFrom(reader.Addr(), reader.Port()+1)}, nil)
			must(t, err)
			if i%1000 == 0 {
				must(t, m.Send())
			}
			r.Leave()
		}
		must(t, m.Send())
	}
	come(20000)
	before := heapBytes()
	come(100000)
	if after := heapBytes(); after > before+64<<10 {
		t.Errorf("the heap has grown from %d to %d bytes", before, after)
	}
	if got := m.stream.Readers(); got != 100 {
		t.Errorf("%d readers, want 100", got)
	}
}
