package cast_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// silence has the machines of some readers answer no more, or again.
func (w *world) silence(silent bool, readers ...*viewer) {
	for _, v := range readers {
		w.k.SetSilent(v.conn.Addr().Addr(), silent)
	}
}

// TestSilentMachines has the machines of some readers vanish without a word. What waits for
// them in the kernel is more than the shared socket's buffer, and all the same nobody else
// misses a frame or has one late.
func TestSilentMachines(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		w.camera.scan = 60000
		var gone, there []*viewer
		for i := range 40 {
			gone = append(gone, w.watch(netip.AddrFrom4([4]byte{10, 0, 5, byte(i + 1)}).String(), false))
		}
		for i := range 5 {
			there = append(there, w.watch(netip.AddrFrom4([4]byte{10, 0, 6, byte(i + 1)}).String(), false))
		}
		w.run(time.Second)
		w.silence(true, gone...)
		w.run(10 * time.Second)
		if f := w.s.Figures(); f.Resting != uint64(len(gone)) {
			t.Errorf("%d readers rest, want %d", f.Resting, len(gone))
		}
		w.run(15 * time.Second)
		for _, v := range there {
			v.row(25 * framesPerSecond)
			if v.gaps != 0 || v.depacketizer.Dropped != 0 {
				t.Errorf("%v has %d gaps", v.conn.Addr(), v.gaps)
			}
		}
		f := w.s.Figures()
		if most := f.LastAge.Max; most > time.Second/framesPerSecond {
			t.Errorf("seed %d: a frame was %v old when the last reader had it", seed, most)
		}
	}
}

// TestSilentMachineComesBack has a reader rest while its machine does not answer; it goes on
// with the newest frame, whole, and what it has missed are lags.
func TestSilentMachineComesBack(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		away, there := w.watch("10.0.5.1", false), w.watch("10.0.6.1", false)
		w.run(time.Second)
		w.silence(true, away)
		w.run(4 * time.Second)
		had := len(away.numbers)
		w.silence(false, away)
		w.run(time.Second)
		if got := len(away.numbers) - had; got < framesPerSecond-2 || away.depacketizer.Dropped > 1 {
			t.Errorf("seed %d: %d frames in the second after it was back, %d spoilt", seed, got, away.depacketizer.Dropped)
		}
		there.row(6*framesPerSecond - 2)
		if lags := w.s.Figures().Lags; lags < 4*framesPerSecond-2 || lags > 4*framesPerSecond+2 {
			t.Errorf("seed %d: %d lags, want those of four seconds", seed, lags)
		}
	}
}

// TestSignOfLife has a reader go on that the kernel thinks is gone, as soon as it reports.
func TestSignOfLife(t *testing.T) {
	w := newWorld(t, 1, nil)
	j := w.joins("10.0.5.1:7000", "cam")
	w.run(time.Second)
	w.k.SetSilent(j.peer.Addr().Addr(), true)
	w.run(100 * time.Millisecond)
	if f := w.s.Figures(); f.Resting != 1 {
		t.Fatalf("%d readers rest", f.Resting)
	}
	j.report()
	w.run(time.Millisecond)
	if f := w.s.Figures(); f.Resting != 0 || !strings.Contains(w.log.String(), "reader goes on") {
		t.Errorf("%d readers rest after a sign of life", f.Resting)
	}
}

// TestNoMoreNews has the news not be read any more: that is told once, and nobody rests.
func TestNoMoreNews(t *testing.T) {
	w := newWorld(t, 1, nil)
	gone, there := w.watch("10.0.5.1", false), w.watch("10.0.6.1", false)
	w.run(time.Second)
	w.silence(true, gone)
	w.run(5 * time.Second)
	if f := w.s.Figures(); f.Resting != 1 {
		t.Fatalf("%d readers rest", f.Resting)
	}
	w.k.Inject(func(c sim.Call) error {
		if c.Name == "ReadNeighbours" {
			return unix.EIO
		}
		return nil
	})
	w.silence(true, there) // which is news
	w.run(5 * time.Second)
	if f, n := w.s.Figures(), strings.Count(w.log.String(), "no longer tells"); f.Resting != 0 || n != 1 {
		t.Errorf("%d readers rest, told %d times", f.Resting, n)
	}
}

// TestTooMuchNews has more machines fall silent than there is room for news of: the reported
// ones rest at last, and no other reader stays at rest.
func TestTooMuchNews(t *testing.T) {
	w := newWorld(t, 1, nil)
	v := w.watch("10.0.5.1", false)
	w.run(time.Second)
	w.silence(true, v)
	w.run(time.Second)
	w.silence(false, v)
	for i := range 1000 {
		w.k.SetSilent(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), true)
	}
	w.run(time.Second)
	if f := w.s.Figures(); f.Resting != 0 {
		t.Errorf("%d readers rest", f.Resting)
	}
}
