package cast_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// late has a viewer note the greatest age of its frames: they are made at whole ticks.
func (v *viewer) late() *time.Duration {
	worst := new(time.Duration)
	seen := len(v.numbers)
	v.rtp.OnReceive(func(d sim.Datagram) {
		if v.packet(d.Payload); len(v.numbers) > seen {
			seen = len(v.numbers)
			made := v.w.camera.began + time.Duration(v.numbers[seen-1])*time.Second/framesPerSecond
			*worst = max(*worst, v.w.k.Monotonic()-made)
		}
	})
	return worst
}

// TestNewestAfterFullSocket has the socket take nothing for some frames: the first one after
// that is the newest, not the one that was in hand, of which nobody had anything. But of a
// frame that somebody has some of everybody gets the rest.
func TestNewestAfterFullSocket(t *testing.T) {
	for _, begun := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		w.camera.silent = true
		first, second := w.watch("10.0.1.1", false), w.watch("10.0.1.2", false)
		w.run(time.Second)
		full, some := false, 1
		w.k.Inject(func(c sim.Call) error {
			if c.Name != "Sendmmsg" || c.Peer.Port() < 20000 || !full {
				return nil
			}
			if some--; begun && some >= 0 {
				return nil
			}
			return unix.EAGAIN
		})
		publish := func(number uint32) {
			t.Helper()
			if err := w.s.Publish(w.camera.frame(number)); err != nil {
				t.Fatal(err)
			}
		}
		publish(1)
		w.run(100 * time.Millisecond)
		full = true
		for number := range uint32(20) {
			publish(2 + number)
		}
		full = false
		w.run(100 * time.Millisecond)
		want := "[1 21]"
		if begun {
			want = "[1 2 21]"
		}
		for _, v := range []*viewer{first, second} {
			if got := fmt.Sprint(v.numbers); got != want || v.depacketizer.Dropped > 0 {
				t.Errorf("begun: %v: %v has frames %s and %d broken off, want %s", begun, v.conn.Addr(), got, v.depacketizer.Dropped, want)
			}
		}
	}
}

// slowLine is a third of the stream's rate; what waits for it fills the socket.
var slowLine = sim.Link{BytesPerSecond: 200_000}

// TestFullSocket has the network take no more for a while: the sweep waits, and goes on
// within the lag or with the newest frame, whole frames only.
func TestFullSocket(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		w := newWorld(t, seed, nil)
		v := w.watch("10.0.1.1", false)
		w.run(time.Second)
		line := netip.MustParsePrefix("10.0.0.0/16")
		w.k.SetLink(line, sim.Link{BytesPerSecond: 200_000, Shared: true}) // a third of the stream's rate
		w.run(60 * time.Second)
		if v.gaps == 0 || v.depacketizer.Dropped > 0 {
			t.Errorf("seed %d: %d gaps, %d frames broken off; want some, and none", seed, v.gaps, v.depacketizer.Dropped)
		}
		if f := w.s.Figures(); f.Lags == 0 || w.b.RTPSockets().Blocked == 0 {
			t.Errorf("seed %d: %d lags, blocked %d times", seed, f.Lags, w.b.RTPSockets().Blocked)
		}
	}
}

// TestSlowDestination has a fixed destination behind a line that is too slow, before the
// machine's own network card: its socket is full for good. Readers behind another socket
// get every frame, and as early as without.
func TestSlowDestination(t *testing.T) {
	t.Parallel()
	for _, seed := range seeds {
		ages := map[bool]time.Duration{}
		for _, slow := range []bool{false, true} {
			w := newWorld(t, seed, nil)
			v := w.watch("10.0.1.1", false)
			if _, err := w.k.NewUDPPeer(netip.MustParseAddrPort("10.9.0.1:6000")); err != nil {
				t.Fatal(err)
			}
			if _, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.9.0.1:6000")}); err != nil {
				t.Fatal(err)
			}
			worst := v.late()
			if slow {
				w.k.SetLink(netip.MustParsePrefix("10.9.0.0/16"), slowLine)
			}
			w.run(20 * time.Second)
			v.row(20*framesPerSecond - 2)
			if v.gaps > 0 || v.depacketizer.Dropped > 0 {
				t.Errorf("seed %d: %d gaps, %d broken off", seed, v.gaps, v.depacketizer.Dropped)
			}
			if f := w.s.Figures(); slow && (f.Lags == 0 || w.b.RTPSockets().Blocked == 0) {
				t.Errorf("seed %d: %d lags, blocked %d times; the destination's line is not slow", seed, f.Lags, w.b.RTPSockets().Blocked)
			}
			ages[slow] = *worst
		}
		if ages[true] > ages[false]+time.Millisecond {
			t.Errorf("seed %d: the oldest frame came after %v beside a full socket, %v without", seed, ages[true], ages[false])
		}
	}
}

// TestSlowIPv6 has the readers of one address family behind a line that is too slow; those
// of the other have every frame, and when the line is fast again all have the newest ones,
// whole.
func TestSlowIPv6(t *testing.T) {
	w := newWorldOfBothFamilies(t)
	v4 := w.watch("10.0.1.1", false)
	v6 := w.watchAt("2001:db8::99", server6Addr)
	w.run(time.Second)
	worst := v4.late()
	line := netip.MustParsePrefix("2001:db8::/32")
	w.k.SetLink(line, slowLine)
	w.run(20 * time.Second)
	if v6.gaps == 0 || v6.depacketizer.Dropped > 0 || *worst > time.Second/framesPerSecond {
		t.Errorf("the slow reader has %d gaps and %d frames broken off, the other's frames came after up to %v",
			v6.gaps, v6.depacketizer.Dropped, *worst)
		t.Log(len(v6.numbers), v6.numbers)
	}
	w.k.SetLink(line, sim.Link{})
	w.run(time.Second)
	last := len(v6.numbers) - framesPerSecond/2
	v6.numbers = v6.numbers[last:]
	v6.row(framesPerSecond / 2)
	v4.row(22*framesPerSecond - 2)
	if newest := v6.numbers[len(v6.numbers)-1]; newest+1 < w.camera.number {
		t.Errorf("the slow reader is at frame %d of %d after its line is fast again", newest, w.camera.number)
	}
}

// TestSlowInterface has readers who have asked another address of the machine, by RTSP and by
// joining, be behind an interface that is too slow: those at the first address have every
// frame, and early. When it is fast again everybody has the newest ones.
func TestSlowInterface(t *testing.T) {
	t.Parallel()
	second := netip.MustParseAddr("10.0.0.2")
	for _, seed := range seeds {
		w := newWorldAt(t, seed, []netip.Addr{serverAddr, second}, nil)
		healthy, there := w.watch("10.0.1.1", false), w.joins("10.0.1.2:7000", "cam")
		slow := w.watchAt("10.9.1.1", second)
		slowJoined := w.joinsAt("10.9.1.2:7000", netip.AddrPortFrom(second, 5004), "cam")
		w.run(time.Second)
		worst, had := healthy.late(), there.frames
		line := netip.MustParsePrefix("10.9.0.0/16")
		link := slowLine
		link.Shared = true
		w.k.SetLink(line, link)
		w.run(20 * time.Second)
		if *worst > time.Second/framesPerSecond || there.frames-had < 20*framesPerSecond-2 {
			t.Errorf("seed %d: frames came after up to %v, and %d of %d by joining", seed, *worst, there.frames-had, 20*framesPerSecond)
		}
		if slow.gaps == 0 || slow.depacketizer.Dropped > 0 || w.s.Figures().Lags == 0 {
			t.Errorf("seed %d: the slow reader has %d gaps, %d broken off", seed, slow.gaps, slow.depacketizer.Dropped)
		}
		w.k.SetLink(line, sim.Link{})
		w.run(100 * time.Millisecond)
		before := slowJoined.frames
		slow.numbers = slow.numbers[len(slow.numbers)-1:]
		slowJoined.report()
		w.run(time.Second)
		slow.row(framesPerSecond)
		healthy.row(22*framesPerSecond - 2)
		if slowJoined.frames-before < framesPerSecond-1 {
			t.Errorf("seed %d: the joined reader has %d frames in the last second", seed, slowJoined.frames-before)
		}
		slowJoined.goodbye()
		w.run(100 * time.Millisecond)
		if w.s.Readers() != 3 {
			t.Errorf("seed %d: %d readers, want 3: a goodbye to the other address is heard", seed, w.s.Readers())
		}
	}
}

// TestFullQueues has the ways to many readers be congested, each for good: the others wait
// once in a frame, not once for each of them and each burst.
func TestFullQueues(t *testing.T) {
	w := newWorld(t, 1, func(c *cast.Config) { c.Burst = 4 })
	before := w.watch("10.0.1.1", false)
	for i := range 20 {
		w.watch(netip.AddrFrom4([4]byte{10, 0, 2, byte(i)}).String(), false)
	}
	after := w.watch("10.0.1.2", false)
	w.run(time.Second)
	beforeLate, afterLate := before.late(), after.late()
	w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.2.0/24"), unix.ENOBUFS))
	w.run(4 * time.Second)
	for _, v := range []*viewer{before, after} {
		v.row(5*framesPerSecond - 2)
		if v.depacketizer.Dropped > 0 {
			t.Errorf("%v: %d broken off", v.conn.Addr(), v.depacketizer.Dropped)
		}
	}
	const most = time.Second/framesPerSecond + 40*time.Millisecond
	if *beforeLate > most || *afterLate > most {
		t.Errorf("frames came after up to %v and %v", *beforeLate, *afterLate)
	}
	w.run(6 * time.Second)
	if w.s.Readers() != 2 {
		t.Errorf("%d readers, want 2: the congested ones are dropped", w.s.Readers())
	}
}

// TestBrokenSocket has one socket no longer work: that is logged once, what its readers miss is
// counted, and those of the other socket have everything.
func TestBrokenSocket(t *testing.T) {
	w := newWorldOfBothFamilies(t)
	v4, other4 := w.watch("10.0.1.1", false), w.watch("10.0.1.2", false)
	v6 := w.watchAt("2001:db8::99", server6Addr)
	w.run(time.Second)
	w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.0/24"), unix.EBADF))
	w.run(4 * time.Second)
	v6.row(5*framesPerSecond - 3)
	if n := strings.Count(w.log.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d errors are logged, want 1", n)
	}
	if lags := w.s.Figures().Lags; lags < 2*(4*framesPerSecond-2) || len(v4.numbers)+len(other4.numbers) > 2*framesPerSecond+2 {
		t.Errorf("%d lags, and %d frames came by the broken socket", lags, len(v4.numbers)+len(other4.numbers))
	}
}
