package cast_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
)

// newGroupsWorld makes a world whose only stream has groups of pictures.
func newGroupsWorld(t testing.TB, seed uint64, bytes int, group uint32, change func(*cast.Config)) (*world, *film) {
	t.Helper()
	w := newEmptyWorld(t, seed, []netip.Addr{serverAddr}, change)
	f := newFilm(w.k, cast.Grouped, bytes, group)
	var err error
	w.s, err = w.b.AddStream("cam", f, cast.StreamOptions{})
	w.must(err)
	return w, f
}

// admit has a guest watch the world's stream.
func (w *world) admit(how way, ip string, f *film) *guest {
	w.t.Helper()
	g := w.newGuest(how, ip, w.s, f)
	g.begin()
	w.until(func() bool { return g.state != isAsking })
	if g.state != isPlaying {
		w.t.Fatalf("%v at %s is not admitted", how, ip)
	}
	return g
}

// jumps are the frames that do not follow the one before.
func (g *guest) jumps() (to []uint32) {
	for i, n := range g.sink.numbers {
		if i > 0 && n != g.sink.numbers[i-1]+1 {
			to = append(to, n)
		}
	}
	return to
}

// hasAll fails unless the guest has every frame from one on.
func (g *guest) hasAll(from uint32) {
	g.w.t.Helper()
	n := g.sink.numbers
	if len(n) == 0 || n[0] != from || len(g.jumps()) > 0 || n[len(n)-1]+2 < g.film.number || g.sink.halves > 0 {
		g.wrong("it has %v, want all from %d to %d", &g.sink, from, g.film.number)
	}
}

// TestJoinWithinAGroup has readers of every kind come in the middle of a group: they begin with
// its key frame, or a fixed destination with the next, and those who are there have everything.
func TestJoinWithinAGroup(t *testing.T) {
	const group = 20
	for _, seed := range seeds {
		w, f := newGroupsWorld(t, seed, 9000, group, func(c *cast.Config) { c.Burst = 3 })
		first, second := w.admit(overUDP, "10.0.1.1", f), w.admit(overTCP, "10.0.1.2", f)
		w.until(func() bool { return f.number == 5+uint32(seed) })
		for how := range ways {
			w.run(7 * time.Millisecond)
			w.admit(how, fmt.Sprintf("10.0.2.%d", how+1), f)
		}
		var late []*guest
		for how := range ways {
			w.run(time.Millisecond)
			late = append(late, w.admit(how, fmt.Sprintf("10.0.3.%d", how+1), f))
		}
		w.run(3 * time.Second)
		first.hasAll(1)
		second.hasAll(1)
		for _, g := range late {
			if g.how == bySending {
				g.hasAll(group + 1)
			} else {
				g.hasAll(1)
			}
		}
		if lags := w.s.Figures().Lags; lags > 0 {
			t.Errorf("seed %d: %d lags", seed, lags)
		}
	}
}

// TestLaggingTCPReaderOfGroups has a reader stop reading and go on: it continues with the newest
// key frame there is.
func TestLaggingTCPReaderOfGroups(t *testing.T) {
	for _, c := range []struct {
		lag   int
		group uint32
	}{{12, 5}, {5, 30}} {
		w, f := newGroupsWorld(t, 1, 20000, c.group, func(config *cast.Config) { config.Lag, config.LagTime = c.lag, 100*time.Millisecond })
		stuck, other := w.admit(overTCP, "10.0.1.1", f), w.admit(overTCP, "10.0.1.2", f)
		w.run(time.Second)
		stuck.stopReading(1000)
		w.run(5 * time.Second)
		newest := f.number
		stuck.goOnReading()
		w.run(2 * time.Second)
		want := newest - (newest-1)%c.group // the newest key frame
		if jumps := stuck.jumps(); !slices.Equal(jumps, []uint32{want}) || stuck.sink.halves > 0 {
			t.Errorf("lag %d, group %d: it went on with frames %v at frame %d, want %d: %v", c.lag, c.group, jumps, newest, want, &stuck.sink)
		}
		other.hasAll(1)
		figures := stuck.session().Figures()
		if sent := uint64(len(stuck.sink.numbers)); figures.Frames != sent || figures.Frames+figures.Lags != uint64(f.number) {
			t.Errorf("lag %d, group %d: %d frames and %d lags are counted; %d came of %d", c.lag, c.group, figures.Frames, figures.Lags, sent, f.number)
		}
	}
}

// TestFullSocketOfGroups has the way to all readers be too slow: what they get is whole groups,
// or the beginnings of some, and all of it is counted.
func TestFullSocketOfGroups(t *testing.T) {
	for _, seed := range seeds {
		w, f := newGroupsWorld(t, seed, 30000, 7, func(c *cast.Config) { c.Lag, c.LagTime, c.Burst = 4, time.Millisecond, 4 })
		w.k.SetLink(netip.MustParsePrefix("10.0.0.0/16"), sim.Link{BytesPerSecond: 700_000, Shared: true})
		a, b := w.admit(overUDP, "10.0.1.1", f), w.admit(byJoining, "10.0.1.2", f)
		w.run(10 * time.Second)
		late := w.admit(byProgram, "10.0.1.3", f)
		w.run(10 * time.Second)
		f.silent = true
		w.run(900 * time.Millisecond)
		w.k.SetLink(netip.MustParsePrefix("10.0.0.0/16"), sim.Link{})
		w.run(4 * time.Second)
		for _, g := range []*guest{a, b, late} {
			for _, n := range append(g.jumps(), g.sink.numbers[0]) {
				if !f.keys[n] {
					t.Errorf("seed %d: it goes on with frame %d, which is no key frame", seed, n)
				}
			}
			if len(g.jumps()) < 3 || g.sink.halves > 0 {
				t.Errorf("seed %d: %v", seed, &g.sink)
			}
		}
		for _, g := range []*guest{a, b} {
			figures := g.session().Figures()
			came := uint64(len(g.sink.numbers))
			if all := uint64(f.number - g.sink.numbers[0] + 1); figures.Frames != came || figures.Frames+figures.Lags != all {
				t.Errorf("seed %d: %d frames and %d lags are counted, %d came of %d", seed, figures.Frames, figures.Lags, came, all)
			}
		}
	}
}

// keysLevel is the level of thinning that has key frames alone.
const keysLevel = 2

// TestThinningToKeyFrames has a reader report loss: it gets key frames alone, and every frame
// again later, from a key frame on. The others have everything all the time.
func TestThinningToKeyFrames(t *testing.T) {
	const group = 10
	w, f := newGroupsWorld(t, 1, 9000, group, nil)
	poor, good := w.admit(overUDP, "10.0.1.1", f), w.admit(overUDP, "10.0.1.2", f)
	reportFor := func(d time.Duration, lies int64) {
		for end := w.k.Monotonic() + d; w.k.Monotonic() < end; {
			w.run(time.Second)
			poor.lies += lies
			poor.report()
			good.report()
		}
	}
	reportFor(2*time.Second, 0)
	reportFor(3*time.Second, 50)
	if figures := w.s.Figures(); figures.Thinned != 1 || figures.ThinnedMore != keysLevel {
		t.Fatalf("%d readers are thinned, in %d steps; want 1 in 2", figures.Thinned, figures.ThinnedMore)
	}
	w.run(time.Second)
	had := len(poor.sink.numbers)
	w.run(2 * time.Second)
	for _, n := range poor.sink.numbers[had:] {
		if !f.keys[n] {
			t.Errorf("thinned, it gets frame %d, which is no key frame", n)
		}
	}
	if n := len(poor.sink.numbers) - had; n < 2*framesPerSecond/group-1 {
		t.Errorf("thinned, it gets %d frames in two seconds", n)
	}
	reportFor(40*time.Second, 0)
	if figures := w.s.Figures(); figures.Thinned != 0 || figures.ThinnedLess != keysLevel {
		t.Errorf("%d readers are thinned at the end, %d steps were taken back; want 0 and 2", figures.Thinned, figures.ThinnedLess)
	}
	f.silent = true
	w.run(100 * time.Millisecond)
	if frames, came := poor.session().Figures().Frames, uint64(len(poor.sink.numbers)); frames != came {
		t.Errorf("%d frames are counted, %d came", frames, came)
	}
	tail := poor.sink.numbers[len(poor.sink.numbers)-3*group:]
	if tail[len(tail)-1]-tail[0] != 3*group-1 || poor.sink.halves+good.sink.halves > 0 {
		t.Errorf("back at the full rate it gets %v", tail)
	}
	good.hasAll(1)
}

// TestLargeGroupsAreNotThinned has a reader lose much of a stream whose key frames are 3000
// packets apart: thinned to them, it would find gaps that players take for a new stream. That
// holds in the first group, too, before its end is known.
func TestLargeGroupsAreNotThinned(t *testing.T) {
	for _, c := range []struct {
		group   uint32
		thinned uint64
	}{{60, 1}, {70, 0}, {100_000, 0}} {
		w, f := newGroupsWorld(t, 1, 45*1400, c.group, nil)
		g := w.admit(overUDP, "10.0.1.1", f)
		w.run(3 * time.Second) // of the first group, 90 frames
		for range 10 {
			w.run(time.Second)
			g.lies += 100
			g.report()
		}
		if n := w.s.Figures().Thinned; n != c.thinned {
			t.Errorf("groups of %d packets: %d readers are thinned, want %d", 46*c.group, n, c.thinned)
		}
	}
}

// TestRestWithinAGroup has the machine of a reader not answer for a while: it goes on with a key
// frame.
func TestRestWithinAGroup(t *testing.T) {
	const group = 15
	for _, seed := range seeds {
		w, f := newGroupsWorld(t, seed, 9000, group, func(c *cast.Config) { c.Burst = 2 })
		away, there := w.admit(overUDP, "10.0.5.1", f), w.admit(overUDP, "10.0.6.1", f)
		w.run(time.Second + time.Duration(seed)*10*time.Millisecond)
		w.k.SetSilent(away.ip, true)
		w.run(4 * time.Second)
		w.k.SetSilent(away.ip, false)
		w.run(2 * time.Second)
		jumps := away.jumps()
		if len(jumps) != 1 || !f.keys[jumps[0]] || away.sink.halves > 1 {
			t.Errorf("seed %d: it goes on with %v: %v", seed, jumps, &away.sink)
		}
		there.hasAll(1)
	}
}

// TestComingAndGoingInGroups has readers of all kinds come and go at any time, in the middle of
// frames and of groups.
func TestComingAndGoingInGroups(t *testing.T) {
	for _, seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 3))
		w, f := newGroupsWorld(t, seed, 12000, 8, func(c *cast.Config) { c.Burst = 2 })
		steady := w.admit(overUDP, "10.0.1.1", f)
		var guests []*guest
		for i := range 60 {
			w.run(time.Duration(random.IntN(60)) * time.Millisecond)
			if len(guests) > 0 && random.IntN(2) == 0 {
				guests[random.IntN(len(guests))].leave()
				continue
			}
			guests = append(guests, w.admit(way(random.IntN(int(ways))), fmt.Sprintf("10.0.2.%d", i+1), f))
		}
		w.run(time.Second)
		steady.hasAll(1)
		for _, g := range guests {
			if g.sink.halves > 0 || len(g.jumps()) > 0 {
				g.wrong("%v", &g.sink)
			}
		}
	}
}
