package cast_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
)

// TestStuckTCPReader has one of several TCP readers stop reading. The others notice
// nothing, and when it reads again it goes on with the newest whole frame.
func TestStuckTCPReader(t *testing.T) {
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		stuck, other, overUDP := w.watch("10.0.1.1", true), w.watch("10.0.1.2", true), w.watch("10.0.1.3", false)
		w.run(time.Second)
		stuck.conn.SetReceiveBuffer(64 << 10)
		stuck.conn.OnData(nil)
		w.run(5 * time.Second)
		before := len(stuck.numbers)
		newest := other.numbers[len(other.numbers)-1]
		stuck.conn.SetReceiveBuffer(1 << 20)
		waiting := stuck.conn.Take()
		stuck.read()
		stuck.data(waiting)
		w.run(time.Second)
		other.row(200)
		overUDP.row(200)
		after := stuck.numbers[before:]
		jump := -1
		for i := 1; i < len(after); i++ {
			if after[i] != after[i-1]+1 {
				if jump >= 0 {
					t.Errorf("seed %d: more than one jump: %v", seed, after)
				}
				jump = i
			}
		}
		switch {
		case jump < 0:
			t.Errorf("seed %d: no jump: %v", seed, after)
		case after[jump] < newest:
			t.Errorf("seed %d: it goes on with frame %d, the newest was %d", seed, after[jump], newest)
		}
		if stuck.gaps > 1 || stuck.depacketizer.Dropped != 0 {
			t.Errorf("seed %d: %d gaps, %d frames broken off", seed, stuck.gaps, stuck.depacketizer.Dropped)
		}
		if w.s.Figures().Lags == 0 {
			t.Error("no lags counted")
		}
	}
}

// TestTurnsOverTCP has several readers over TCP: each is the first to be sent a frame in its
// turn, and all have everything.
func TestTurnsOverTCP(t *testing.T) {
	w := newWorld(t, 1, nil)
	var viewers []*viewer
	for i := range 3 {
		viewers = append(viewers, w.watch(netip.AddrFrom4([4]byte{10, 0, 1, byte(i + 1)}).String(), true))
	}
	w.run(100 * time.Millisecond)
	firsts := map[int]int{} // by fd
	number := 0
	w.k.Inject(func(c sim.Call) error {
		if c.Name == "Writev" && int(w.camera.number) > number {
			number = int(w.camera.number)
			firsts[c.FD]++
		}
		return nil
	})
	w.run(3 * time.Second)
	for _, v := range viewers {
		v.row(90)
	}
	if len(firsts) != len(viewers) {
		t.Errorf("the first to be sent a frame were %v", firsts)
	}
}
