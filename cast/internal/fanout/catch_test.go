package fanout

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast/internal/sending"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/loop/udp"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// comesLate has somebody come and be caught up.
func (h *simHall) comesLate(name string) *visitor {
	h.t.Helper()
	v := h.enters(name)
	if _, ok := v.CatchUp(); !ok {
		h.t.Errorf("%s is not caught up", name)
	}
	return v
}

// TestCatchUp has somebody come in the middle of a group: it gets all of it at once, and then every
// frame with the others.
func TestCatchUp(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	other := h.enters("other")
	h.frames("KdxdKdxxdxddddd")
	late := h.comesLate("late")
	h.run(20 * time.Millisecond)
	if len(late.whole) != 11 || late.whole[0] != 5 || late.group.level != 0 {
		t.Errorf("at once it gets %v, and is at level %d", late.whole, late.group.level)
	}
	h.frames("dxKdd")
	late.counts(16, 0)
	other.counts(20, 0)
	if n := len(h.fanout.catching.List); n > 0 {
		t.Errorf("%d are still caught up", n)
	}
}

// TestWhoIsNotCaughtUp has readers ask for it who need not wait, or cannot be.
func TestWhoIsNotCaughtUp(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	first := h.enters("first")
	if _, ok := first.CatchUp(); ok {
		t.Error("one is caught up before the first frame")
	}
	h.frames("Kd")
	if _, ok := first.CatchUp(); ok {
		t.Error("one that has all is caught up")
	}
	late := h.enters("late")
	late.Rest(true)
	if _, ok := late.CatchUp(); ok {
		t.Error("one that rests is caught up")
	}
	late.Rest(false)
	late.Leave()
	if _, ok := late.CatchUp(); ok {
		t.Error("one that has left is caught up")
	}
	pictures := newSimHall(t, 1, media.JPEG)
	if _, ok := pictures.enters("viewer").CatchUp(); ok {
		t.Error("a viewer of JPEG is caught up")
	}
}

// TestCatchUpIsPaced looks how many packets a reader is sent in 5 ms while it is caught up.
func TestCatchUpIsPaced(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	h.enters("other")
	h.frames("Kdddddddddddddddddddddddddddddddddddddddd")
	late := h.comesLate("late")
	before := len(late.whole)
	h.run(5 * time.Millisecond)
	if n := 2 * (len(late.whole) - before); n < 30 || n > 5*sending.CatchRate/1000+4 {
		t.Errorf("%d packets in 5 ms", n)
	}
}

// TestCatchUpOfMany has fifty come within a second, while the others are served: these get each
// frame at its time.
func TestCatchUpOfMany(t *testing.T) {
	h := newSimHallOn(t, sim.New(1, sim.WithCosts(sim.Costs{Message: 20 * time.Microsecond})), media.H264, udp.Options{})
	h.fanout.SetPace(10*time.Millisecond, 5*time.Millisecond)
	other := h.enters("other")
	h.frames("K")
	for range 150 {
		h.frames("d")
	}
	var late []*visitor
	for i := range 50 {
		late = append(late, h.comesLate(fmt.Sprint("late ", i)))
		h.frames("dd")
		if behind := h.ring.Newest() - other.whole[len(other.whole)-1]; behind > 0 {
			t.Fatalf("the other is %d frames behind", behind)
		}
	}
	h.run(100 * time.Millisecond)
	h.frames("dddK")
	for _, v := range append(late, other) {
		v.counts(h.ring.Newest(), 0)
	}
	if f := h.fanout.config.Figures; f.Late > 0 {
		t.Errorf("%d frames are late", f.Late)
	}
}

// TestCatchUpEndsWithRefusals has the kernel refuse to send to one that is caught up: it waits for
// a key frame, which is asked for.
func TestCatchUpEndsWithRefusals(t *testing.T) {
	h := newSimHall(t, 1, media.H264)
	h.enters("other")
	h.frames("Kddddddd")
	refuse := true
	late := h.comesLate("late")
	at := late.RTPAddress()
	h.kernel.Inject(func(c sim.Call) error {
		if refuse && c.Peer == at && (c.Name == "Sendmmsg" || c.Name == "Sendmsg") {
			return unix.EHOSTUNREACH
		}
		return nil
	})
	h.run(5 * time.Millisecond)
	refuse = false
	h.frames("dd")
	if len(late.whole) > 0 || h.asked == 0 {
		t.Errorf("it gets %v; a key frame was asked for %d times", late.whole, h.asked)
	}
	h.frames("Kdd")
	late.counts(3, 0)
}

// TestRefusedFrameInAGroup has the kernel refuse one frame of one reader: it is sent nothing that
// needs that frame.
func TestRefusedFrameInAGroup(t *testing.T) {
	for _, c := range []struct {
		refused string // a frame before '!'
		want    uint64
	}{{"Kd!ddKdd", 4}, {"Kdx!ddKd", 6}, {"K!dKdd", 3}} {
		h := newSimHall(t, 1, media.H264)
		v, other := h.enters("reader"), h.enters("other")
		refuse, at := false, v.RTPAddress()
		h.kernel.Inject(func(call sim.Call) error {
			if refuse && call.Peer == at {
				return unix.EHOSTUNREACH
			}
			return nil
		})
		all := uint64(0)
		for i, kind := range c.refused {
			if kind == '!' {
				continue
			}
			refuse = i+1 < len(c.refused) && c.refused[i+1] == '!'
			h.frames(string(kind))
			all++
		}
		v.counts(uint64(len(v.whole)), v.Lags())
		if uint64(len(v.whole)) != c.want {
			t.Errorf("%s: it gets %v, want %d frames", c.refused, v.whole, c.want)
		}
		other.counts(all, 0)
	}
}

// TestCatchUpAtRandom has readers come at any time and be caught up, move, rest and leave, while the
// socket is full now and then: nobody gets a frame without the one that it needs, nor one twice.
func TestCatchUpAtRandom(t *testing.T) {
	for seed := range uint64(200) {
		h := newSimHall(t, seed, media.H264, sim.WithCosts(sim.Costs{Message: 200 * time.Microsecond}))
		random := rand.New(rand.NewPCG(seed, 5))
		h.fanout.SetPace(10*time.Millisecond, 7*time.Millisecond)
		refused := netip.AddrPort{}
		h.kernel.Inject(func(c sim.Call) error {
			if refused.IsValid() && c.Peer == refused {
				return unix.EHOSTUNREACH
			}
			return nil
		})
		var here []*visitor
		for step := range 600 {
			h.run(time.Duration(random.IntN(4)) * time.Millisecond)
			if random.IntN(3) == 0 {
				h.disposable = random.IntN(3) == 0
				h.frame(random.IntN(20) == 0)
			}
			switch n := random.IntN(60); {
			case n < 6 && len(here) < 30:
				v := h.enters(fmt.Sprint("seed ", seed, " reader ", step))
				if random.IntN(4) > 0 {
					v.CatchUp()
				}
				here = append(here, v)
			case len(here) == 0:
			case n < 10:
				i := random.IntN(len(here))
				here[i].Leave()
				here = append(here[:i], here[i+1:]...)
			case n < 14:
				here[random.IntN(len(here))].moveTo(uint8(random.IntN(keysLevel + 1)))
			case n < 16:
				here[random.IntN(len(here))].CatchUp()
			case n < 18:
				here[random.IntN(len(here))].Rest(random.IntN(2) == 0)
			case n == 18 && random.IntN(3) == 0:
				h.fill()
			case n == 19:
				refused = here[random.IntN(len(here))].RTPAddress()
			case n == 20:
				refused = netip.AddrPort{}
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
		refused = netip.AddrPort{}
		h.run(time.Second)
		h.frames("KdK")
		for _, v := range here {
			if v.resting == 0 && (len(v.whole) == 0 || v.whole[len(v.whole)-1] != h.ring.Newest()) {
				t.Errorf("%s does not go on: %v, level %d, wish %d", v.name, v.whole, v.group.level, v.wish)
			}
			if v.half > 0 || v.Frames() != uint64(len(v.whole)) {
				t.Errorf("%s: %d frames are counted, %d came, and half of %d", v.name, v.Frames(), len(v.whole), v.half)
			}
		}
	}
}
