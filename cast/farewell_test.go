package cast_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"golang.org/x/sys/unix"
)

// fullFor has sends to some addresses fail for a while.
func (w *world) fullFor(d time.Duration, errno unix.Errno, to func(netip.AddrPort) bool) {
	full := true
	w.k.After(d, func() { full = false })
	w.k.Inject(func(c sim.Call) error {
		if full && c.Peer.IsValid() && (c.Name == "Sendmmsg" || c.Name == "Sendmsg") && to(c.Peer) {
			return errno
		}
		return nil
	})
}

// clog puts a slow line before all readers, until the socket of those who have joined is full.
func (w *world) clog(bytesPerSecond int) {
	w.k.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{BytesPerSecond: bytesPerSecond, Shared: true})
	w.run(time.Second)
	blocked := w.b.RTPSockets().Blocked
	w.until(func() bool { return w.b.RTPSockets().Blocked > blocked })
}

// TestGoodbyeAtAFullSocket has a stream end, or the server leave, or a session be ended, while a
// socket is full, or a queue on the way to some readers. Everybody is told goodbye all the same.
func TestGoodbyeAtAFullSocket(t *testing.T) {
	t.Parallel()
	some := netip.MustParsePrefix("10.1.2.0/24")
	for name, fill := range map[string]func(w *world){
		"full": func(w *world) { w.clog(3_000_000) },
		"queue full": func(w *world) {
			w.fullFor(400*time.Millisecond, unix.ENOBUFS, func(netip.AddrPort) bool { return true })
		},
		"full to some": func(w *world) {
			w.fullFor(400*time.Millisecond, unix.ENOBUFS, func(a netip.AddrPort) bool { return some.Contains(a.Addr()) })
		},
	} {
		for end, f := range map[string]func(w *world, f *film){
			"leaving":   func(w *world, _ *film) { w.b.Leave(func() { w.must(w.b.Close()) }) },
			"removed":   func(w *world, _ *film) { w.must(w.s.Close()) },
			"by itself": func(_ *world, f *film) { f.host.Ended() },
			"kicked": func(w *world, _ *film) {
				for s := range w.s.Sessions() {
					s.End("kicked")
				}
			},
		} {
			t.Run(name+", "+end, func(t *testing.T) {
				w, film := newFilmWorld(t, nil)
				var all []*guest
				for i := range byte(40) {
					how := overUDP
					if i%4 > 0 {
						how = byJoining
					}
					g := w.admit(how, netip.AddrFrom4([4]byte{10, 1, 1 + i%3, i + 1}).String(), film)
					g.sink.lossless = false
					if all = append(all, g); g.rtsp.conn != nil {
						g.rtsp.conn.Close()
					}
				}
				w.run(time.Second)
				fill(w)
				f(w, film)
				w.run(100 * time.Millisecond)
				early := 0
				for _, g := range all {
					if g.sink.over {
						early++
					} else if name == "full to some" && !some.Contains(g.ip) {
						g.wrong("nothing is in its way, and it is not told goodbye at once")
					}
				}
				w.run(time.Second)
				for _, g := range all {
					if !g.sink.over {
						g.wrong("it is not told goodbye")
					}
				}
				if early == len(all) {
					t.Errorf("nothing was full")
				}
			})
		}
	}
}

// TestGoodbyeAtASocketFullForGood ends while nothing can be sent for long: leaving does not last
// longer for it, and nothing is left.
func TestGoodbyeAtASocketFullForGood(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	f.bytes = func(uint32) int { return 200_000 }
	g := w.admit(byJoining, "10.1.1.1", f)
	w.run(time.Second)
	w.k.SetLink(netip.MustParsePrefix("10.0.0.0/8"), sim.Link{BytesPerSecond: 1000})
	w.run(5 * time.Second)
	w.must(w.s.Close())
	w.run(time.Second)
	left, at := false, w.k.Monotonic()
	w.b.Leave(func() { left = true })
	w.until(func() bool { return left })
	if took := w.k.Monotonic() - at; took > 10*time.Millisecond { // nobody is there to be told
		t.Errorf("leaving took %v", took)
	}
	w.must(w.b.Close())
	if due, set := w.l.NextTimer(); set || g.sink.over {
		t.Errorf("told: %v; a timer is set: %v for %v", g.sink.over, set, due)
	}
}

// TestLateGoodbyeSparesTheNext has a reader come to the address of one whose goodbye waits for a full
// socket: it is not told that.
func TestLateGoodbyeSparesTheNext(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	first, other := w.admit(overUDP, "10.0.1.1", f), w.admit(overUDP, "10.0.1.2", f)
	w.run(time.Second)
	w.fullFor(400*time.Millisecond, unix.ENOBUFS, func(a netip.AddrPort) bool { return a.Port()%2 == 1 })
	for s := range w.s.Sessions() {
		s.End("kicked")
	}
	first.vanish()
	again := w.newGuest(overUDP, "10.0.1.1", w.s, f)
	again.port, again.rtp, again.rtcp = first.port, first.rtp, first.rtcp
	again.begin()
	again.rebind()
	w.run(time.Second)
	if again.sink.over || again.state != isPlaying || !other.sink.over {
		t.Errorf("the next one is told goodbye: %v; it plays: %v; the other one is told: %v", again.sink.over, again.state == isPlaying, other.sink.over)
	}
	if n := cast.Counts(w.b).Readers; n != 1 {
		t.Errorf("%d readers", n)
	}
}
