package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

// watcher is a reader of any protocol, as a test sees it.
type watcher struct {
	name    string
	session *cast.Session
	frames  func() int
	byes    func() int
}

// byes is how many goodbyes a viewer was told.
func (v *viewer) byes() (n int) {
	for _, report := range v.reports {
		_ = rtcp.Parse(report, rtcp.Visitor{Bye: func(uint32) { n++ }})
	}
	return n
}

// newest is the session that was opened last.
func newest(w *world) (newest *cast.Session) {
	for s := range w.b.Sessions() {
		if newest == nil || s.ID() > newest.ID() {
			newest = s
		}
	}
	return newest
}

// oneOfEach has a reader come by each protocol and transport. The address ends with n.
func oneOfEach(w *world, n int) (all []watcher) {
	w.t.Helper()
	add := func(name string, frames, byes func() int) {
		all = append(all, watcher{name, newest(w), frames, byes})
	}
	for _, tcp := range []bool{false, true} {
		v := w.watch(fmt.Sprintf("10.0.%d.%d", map[bool]int{false: 1, true: 2}[tcp], n), tcp)
		add(map[bool]string{false: "rtsp udp", true: "rtsp tcp"}[tcp], func() int { return len(v.numbers) }, v.byes)
	}
	j := w.joins(fmt.Sprintf("10.0.3.%d:7000", n), "cam")
	w.until(func() bool { return j.client.Accepted() != nil })
	add("join", func() int { return j.frames }, func() int { return j.byes })

	d := cast.Destination{Peer: netip.MustParseAddrPort(fmt.Sprintf("10.0.4.%d:7000", n))}
	fixed := w.listen(d.Peer)
	if _, err := w.s.SendTo(d); err != nil {
		w.t.Fatal(err)
	}
	add("send", func() int { return len(fixed.numbers) }, fixed.byes)
	return all
}

// listen is a reader that has not asked: it listens to two ports.
func (w *world) listen(at netip.AddrPort) *viewer {
	w.t.Helper()
	v := &viewer{w: w}
	var err error
	if v.rtp, err = w.k.NewUDPPeer(at); err != nil {
		w.t.Fatal(err)
	}
	if v.rtcp, err = w.k.NewUDPPeer(netip.AddrPortFrom(at.Addr(), at.Port()+1)); err != nil {
		w.t.Fatal(err)
	}
	v.rtp.OnReceive(func(d sim.Datagram) { v.packet(d.Payload) })
	v.rtcp.OnReceive(func(d sim.Datagram) { v.reports = append(v.reports, slices.Clone(d.Payload)) })
	return v
}

// TestEndOverEachProtocol ends one of two readers of each protocol: it is told goodbye and gets
// no further frame, and the other one misses nothing.
func TestEndOverEachProtocol(t *testing.T) {
	for _, seed := range seeds {
		left := map[uint64]string{}
		w := newWorld(t, seed, func(c *cast.Config) {
			c.Left = func(s *cast.Session, reason string) { left[s.ID()] += reason }
		})
		ends, stays := oneOfEach(w, 1), oneOfEach(w, 2)
		w.run(time.Second)
		for _, r := range ends {
			r.session.End("kicked")
			r.session.End("kicked again")
		}
		w.run(2 * time.Second / framesPerSecond) // a frame in hand may go on
		var had []int
		for _, r := range ends {
			had = append(had, r.frames())
		}
		w.run(10 * time.Second)
		for i, r := range ends {
			if r.byes() != 1 || r.frames() != had[i] || left[r.session.ID()] != "kicked" {
				t.Errorf("seed %d, %s: %d goodbyes, %d frames after the end, left by %q", seed, r.name, r.byes(), r.frames()-had[i], left[r.session.ID()])
			}
			if r.session.Playing() {
				t.Errorf("seed %d, %s: it plays", seed, r.name)
			}
		}
		for _, r := range stays {
			if r.byes() != 0 || r.frames() < 11*framesPerSecond || r.session.Figures().Lags > 0 {
				t.Errorf("seed %d, %s: the one that stays has %d goodbyes, %d frames", seed, r.name, r.byes(), r.frames())
			}
		}
		if len(left) != len(ends) || w.b.Readers() != 3 || sessions(w) != 4 {
			t.Errorf("seed %d: %v have left; %d readers, %d sessions", seed, left, w.b.Readers(), sessions(w))
		}
	}
}

// TestSessionsAreListed looks at the list of sessions of each protocol.
func TestSessionsAreListed(t *testing.T) {
	w := newWorld(t, 1, nil)
	all := oneOfEach(w, 1)
	group := netip.MustParseAddrPort("239.1.2.3:7000")
	if _, err := w.s.SendTo(cast.Destination{Peer: group, TTL: 4}); err != nil {
		t.Fatal(err)
	}
	listener := w.connect("10.0.5.1")
	if status := listener.setup("RTP/AVP;multicast"); status != 200 {
		t.Fatalf("SETUP for the group: %d", status)
	}
	listener.play()
	if status := w.connect("10.0.6.1").setupUDP(); status != 200 {
		t.Fatalf("SETUP: %d", status)
	}
	w.run(2 * time.Second)
	want := []string{
		"rtsp udp 10.0.1.1 true", "rtsp tcp 10.0.2.1 true", "join udp 10.0.3.1 true", "send udp 10.0.4.1 true",
		"send udp 239.1.2.3 true", "rtsp multicast 10.0.5.1 true", "rtsp none 10.0.6.1 false",
	}
	ids := map[uint64]bool{}
	var got []string
	for s := range w.b.Sessions() {
		f := s.Figures()
		got = append(got, fmt.Sprintf("%v %v %v %v", s.Protocol(), f.Transport, s.Peer().Addr(), s.Playing()))
		ids[s.ID()] = true
		sent := s.Playing() && f.Transport != cast.Multicast
		if sent != (f.Frames >= 50) || s.Playing() != (f.Watched >= 2*time.Second) || s.Stream() != w.s {
			t.Errorf("%s: %+v", got[len(got)-1], f)
		}
		if found, ok := w.b.Session(s.ID()); !ok || found != s {
			t.Errorf("session %d is not found", s.ID())
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(ids) != len(want) || ids[0] {
		t.Errorf("listed are %q, by ids %v; want %q", got, ids, want)
	}
	if w.b.Readers() != 4 { // nobody has asked for what is sent to fixed destinations
		t.Errorf("%d readers, want 4", w.b.Readers())
	}
	all[0].session.End("kicked")
	if _, ok := w.b.Session(all[0].session.ID()); ok {
		t.Error("a session that has ended is found")
	}
	if again := w.watch("10.0.1.1", false); ids[newest(w).ID()] {
		t.Errorf("%v got the id of another session", again.conn.Addr())
	}
}

// TestListWhileEnding ends others, and opens some, while the list is walked.
func TestListWhileEnding(t *testing.T) {
	for ending := range 5 {
		w := newWorld(t, 1, nil)
		for i := range 5 {
			w.watch(fmt.Sprintf("10.0.1.%d", i+1), false)
		}
		seen := map[uint64]int{}
		first := true
		for s := range w.b.Sessions() {
			seen[s.ID()]++
			if first {
				first = false
				if other, ok := w.b.Session(uint64(ending + 1)); ok {
					other.End("kicked")
				}
				if _, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.0.9.1:7000")}); err != nil {
					t.Fatal(err)
				}
			}
		}
		for id, n := range seen {
			if n != 1 || id > 5 {
				t.Errorf("ending %d: session %d was listed %d times", ending+1, id, n)
			}
		}
		if len(seen) < 4 {
			t.Errorf("ending %d: only %v were listed", ending+1, seen)
		}
	}
}

// hooks notes what Config.Joined and Config.Left are told.
type hooks struct {
	told         []string
	joined, left func(*cast.Session)
}

func (h *hooks) use(c *cast.Config) {
	c.Joined = func(s *cast.Session) {
		h.told = append(h.told, fmt.Sprintf("%d joined", s.ID()))
		if h.joined != nil {
			h.joined(s)
		}
	}
	c.Left = func(s *cast.Session, reason string) {
		h.told = append(h.told, fmt.Sprintf("%d left: %s", s.ID(), reason))
		if h.left != nil {
			h.left(s)
		}
	}
}

// TestHooks has a reader leave in every way: the hooks are called once each, with the reason.
func TestHooks(t *testing.T) {
	for _, c := range []struct {
		name   string
		tcp    bool
		leave  func(w *world, v *viewer)
		reason string
	}{
		{"teardown", false, func(_ *world, v *viewer) { v.ask("TEARDOWN", streamURL, "") }, "teardown"},
		{"hang up", true, func(_ *world, v *viewer) { v.conn.Close() }, "connection closed"},
		{"silence", false, func(*world, *viewer) {}, "timeout"},
		{"end", false, func(w *world, _ *viewer) { endAll(w) }, "kicked"},
		{"stream closed", false, func(w *world, _ *viewer) { _ = w.s.Close() }, "stream removed"},
		{"stream over", true, func(w *world, _ *viewer) { w.camera.host.Ended() }, "stream ended"},
		{"shutdown", true, func(w *world, _ *viewer) { _ = w.b.Close() }, "shutdown"},
		{"unreachable", false, func(w *world, _ *viewer) {
			w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.1/32"), unix.EHOSTUNREACH))
		}, "unreachable: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			var h hooks
			w := newWorld(t, 1, h.use)
			w.connect("10.0.1.2").setupUDP() // never plays, so nobody is told
			v := w.watch("10.0.1.1", c.tcp)
			for range 3 { // the first time counts
				v.ask("PAUSE", streamURL, "")
				v.play()
			}
			c.leave(w, v)
			w.run(90 * time.Second)
			if len(h.told) != 2 || h.told[0] != "2 joined" || !strings.HasPrefix(h.told[1], "2 left: "+c.reason) {
				t.Errorf("the program was told %q", h.told)
			}
			if n := strings.Count(w.log.String(), "reader left"); n != 1 {
				t.Errorf("%d lines in the log", n)
			}
		})
	}
}

// TestEndWithinAHook ends a session, or closes more than that, from within what it is told.
func TestEndWithinAHook(t *testing.T) {
	for name, c := range map[string]struct {
		joined, left func(w *world) func(*cast.Session)
	}{
		"joined ends it":            {joined: func(*world) func(*cast.Session) { return func(s *cast.Session) { s.End("kicked") } }},
		"joined closes the stream":  {joined: func(w *world) func(*cast.Session) { return func(*cast.Session) { _ = w.s.Close() } }},
		"joined closes everything":  {joined: func(w *world) func(*cast.Session) { return func(*cast.Session) { _ = w.b.Close() } }},
		"left ends it":              {left: func(*world) func(*cast.Session) { return func(s *cast.Session) { s.End("kicked") } }},
		"left ends all":             {left: func(w *world) func(*cast.Session) { return func(*cast.Session) { endAll(w) } }},
		"left closes the stream":    {left: func(w *world) func(*cast.Session) { return func(*cast.Session) { _ = w.s.Close() } }},
		"left closes everything":    {left: func(w *world) func(*cast.Session) { return func(*cast.Session) { _ = w.b.Close() } }},
		"left closes and adds anew": {left: func(w *world) func(*cast.Session) { return func(*cast.Session) { replaceIfOpen(w) } }},
	} {
		for _, way := range []string{"udp", "tcp", "join", "send"} {
			t.Run(name+", "+way, func(t *testing.T) {
				var h hooks
				w := newWorld(t, 1, h.use)
				if c.joined != nil {
					h.joined = c.joined(w)
				}
				if c.left != nil {
					h.left = c.left(w)
				}
				switch way {
				case "udp", "tcp":
					v := w.connect("10.0.1.1")
					setup := v.setupUDP
					if way == "tcp" {
						setup = v.setupTCP
					}
					if status := setup(); status != 200 {
						t.Fatalf("SETUP: %d", status)
					}
					v.tell("PLAY", streamURL, "")
					w.run(time.Second)
					if c.joined != nil && way == "udp" && name != "joined closes everything" && !strings.Contains(v.heads(), "2:454") {
						t.Errorf("answered by %s", v.heads())
					}
				case "join":
					w.joins("10.0.1.1:7000", "cam")
				case "send":
					_, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.0.4.1:7000")})
					if (err != nil) != (c.joined != nil) || err != nil && err != cast.ErrClosed {
						t.Errorf("SendTo: %v", err)
					}
				}
				w.run(time.Second)
				endAll(w)
				w.run(time.Second)
				if len(h.told) != 2 {
					t.Errorf("the program was told %q", h.told)
				}
				if counts := cast.Counts(w.b); counts.Readers+counts.SetUp != 0 {
					t.Errorf("still counted: %+v", counts)
				}
				if err := w.b.Close(); err != nil {
					t.Error(err)
				}
				if open := w.k.OpenFDs(); len(open) > 0 {
					t.Errorf("fds %v are open", open)
				}
			})
		}
	}
}

func replaceIfOpen(w *world) {
	if w.s.State() != cast.Ended {
		replaceStream(w, nil)
	}
}

// TestEndWithinStateChanged ends the session that has the source change its state.
func TestEndWithinStateChanged(t *testing.T) {
	for _, state := range []cast.State{cast.Opening, cast.Live, cast.Lingering} {
		for _, tcp := range []bool{false, true} {
			for _, pause := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v, tcp %v, pause %v", state, tcp, pause), func(t *testing.T) {
					var h hooks
					w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, h.use)
					w.camera = newCamera(t, w.k)
					var err error
					w.s, err = w.b.AddStream("cam", w.camera, cast.StreamOptions{
						AwaitReader: true, Linger: 5 * time.Second,
						StateChanged: func(_ *cast.Stream, s cast.State, _ error) {
							if s == state {
								endAll(w)
							}
						},
					})
					if err != nil {
						t.Fatal(err)
					}
					v := w.connect("10.0.1.1")
					setup := v.setupUDP
					if tcp {
						setup = v.setupTCP
					}
					setup()
					v.tell("PLAY", streamURL, "")
					w.run(time.Second)
					if pause && v.conn.Err() == nil && !v.conn.Ended() {
						v.tell("PAUSE", streamURL, "")
					}
					w.run(time.Second)
					endAll(w)
					w.run(20 * time.Second)
					joined, left := 0, 0
					for _, told := range h.told {
						if strings.Contains(told, "joined") {
							joined++
						} else {
							left++
						}
					}
					if joined != left || joined > 1 {
						t.Errorf("the program was told %q", h.told)
					}
					if counts := cast.Counts(w.b); counts.Readers+counts.SetUp != 0 || w.s.Readers() != 0 {
						t.Errorf("still counted: %+v, %d are sent to", counts, w.s.Readers())
					}
				})
			}
		}
	}
}

// TestReplacedReaderIsNotToldGoodbye has a player start again with the same ports: a goodbye to
// the one before would end the new one.
func TestReplacedReaderIsNotToldGoodbye(t *testing.T) {
	var h hooks
	w := newWorld(t, 1, h.use)
	first := w.watch("10.0.1.1", false)
	w.run(time.Second)
	first.conn.Close()
	w.run(10 * time.Second) // until then it might still be there
	again := w.connect("10.0.1.1")
	if status := again.setup("RTP/AVP;unicast;client_port=20000-20001"); status != 200 {
		t.Fatalf("SETUP: %d", status)
	}
	again.play()
	w.run(time.Second)
	if first.byes() != 0 {
		t.Errorf("%d goodbyes have come to its address", first.byes())
	}
	want := []string{"1 joined", "1 left: another reader has come to its address", "2 joined"}
	if !slices.Equal(h.told, want) {
		t.Errorf("the program was told %q", h.told)
	}
}

// TestHookEndsTheReplacement has the program end the new session when it is told that the one at
// the same address has left.
func TestHookEndsTheReplacement(t *testing.T) {
	var h hooks
	w := newWorld(t, 1, h.use)
	w.watch("10.0.1.1", false).conn.Close()
	w.run(10 * time.Second)
	again := w.connect("10.0.1.1")
	if status := again.setup("RTP/AVP;unicast;client_port=20000-20001"); status != 200 {
		t.Fatalf("SETUP: %d", status)
	}
	h.left = func(*cast.Session) { endAll(w) }
	if status, _ := again.ask("PLAY", streamURL, ""); status != 454 {
		t.Errorf("PLAY: %d, want 454", status)
	}
	w.run(time.Second)
	if counts := cast.Counts(w.b); counts.Readers+counts.SetUp != 0 || w.s.Readers() != 0 {
		t.Errorf("still counted: %+v, %d are sent to", counts, w.s.Readers())
	}
	if w.b.SessionAt(netip.MustParseAddrPort("10.0.1.1:20001")) != nil {
		t.Error("a session that has ended is found by its address")
	}
}

// TestEndedSessionPlaysNoMore calls what a front may call, after the end.
func TestEndedSessionPlaysNoMore(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.run(100 * time.Millisecond)
	s, err := w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("10.0.1.1:1")})
	if err != nil {
		t.Fatal(err)
	}
	s.End("kicked")
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:7000"), RTCP: netip.MustParseAddrPort("10.0.1.1:7001")}
	for name, err := range map[string]error{"PlayUDP": s.PlayUDP(at), "PlayTCP": s.PlayTCP(nil, 0), "PlayGroup": s.PlayGroup()} {
		if !errors.Is(err, cast.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.Pause()
	s.Alive()
	s.Writable()
	s.TakeRTCP([]byte{0x80, 201, 0, 1, 0, 0, 0, 0})
	s.Gone("again")
	w.run(20 * time.Second)
	w.checkNoCounts()
}

// TestDurationsInTheLog prints no more digits than are meant: 2.861 and not 2.8609999999999998.
func TestDurationsInTheLog(t *testing.T) {
	for n := range 5000 {
		steps := time.Duration(n)
		for _, value := range []float64{
			cast.InUnits(steps*time.Millisecond, time.Second, time.Millisecond),
			cast.InUnits(steps*100*time.Microsecond, time.Millisecond, 100*time.Microsecond),
		} {
			if got, want := fmt.Sprint(value), strconv.FormatFloat(value, 'g', 4, 64); got != want {
				t.Errorf("%d steps are %s, want %s", n, got, want)
			}
		}
	}
}

// TestDestinationPauses has the program pause a fixed destination, which no limit counts.
func TestDestinationPauses(t *testing.T) {
	w := newWorld(t, 1, nil)
	w.run(100 * time.Millisecond)
	s, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("10.0.1.1:7000")})
	if err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	s.Pause()
	w.checkNoCounts()
	sent := w.k.Counters().Sent
	w.run(2 * cast.SetupTimeout)
	if s.Playing() || w.k.Counters().Sent != sent {
		t.Errorf("playing %v, %d datagrams were sent", s.Playing(), w.k.Counters().Sent-sent)
	}
	s.End("removed")
	w.checkNoCounts()
}

// TestSessionsOpenedWithinATimeout has the program open a session when it is told that one of two
// has timed out. It is set up, and ends SetupTimeout later, though the other plays for longer.
func TestSessionsOpenedWithinATimeout(t *testing.T) {
	var h hooks
	w := newWorld(t, 1, h.use)
	w.watch("10.0.1.1", false).conn.Close()
	w.run(30 * time.Second)
	w.watch("10.0.1.2", false).conn.Close()
	h.left = func(s *cast.Session) {
		h.left = nil
		if _, err := w.b.OpenSession(cast.SessionOptions{Stream: w.s, Protocol: cast.RTSP, Peer: s.Peer()}); err != nil {
			t.Error(err)
		}
	}
	w.run(10 * time.Second)
	w.until(func() bool { return h.left == nil })
	w.run(cast.SetupTimeout - time.Second)
	if counts := cast.Counts(w.b); counts.SetUp != 1 || counts.Readers != 1 {
		t.Errorf("counted before the timeout: %+v", counts)
	}
	w.run(2 * time.Second)
	if counts := cast.Counts(w.b); counts.SetUp != 0 || counts.Readers != 1 {
		t.Errorf("counted after the timeout: %+v", counts)
	}
}

// TestSessionsShareAConnection has two sessions be interleaved on one connection, of which the
// second never plays, or is ended by the program: the first goes on. With the last one the
// connection is closed.
func TestSessionsShareAConnection(t *testing.T) {
	for _, plays := range []bool{false, true} {
		w := newWorld(t, 1, nil)
		v := w.watch("10.0.1.1", true)
		first := newest(w)
		session := v.session
		v.session = ""
		if status := v.setup("RTP/AVP/TCP;unicast;interleaved=2-3"); status != 200 {
			t.Fatalf("SETUP: %d", status)
		}
		second := newest(w)
		if plays {
			v.play()
			w.run(time.Second)
			second.End("kicked")
		}
		v.session = session
		w.run(2 * cast.SetupTimeout)
		if first == second || !first.Playing() || second.Playing() || sessions(w) != 1 {
			t.Errorf("playing %v and %v, %d sessions", first.Playing(), second.Playing(), sessions(w))
		}
		had := first.Figures().Frames
		w.run(time.Second)
		if n := first.Figures().Frames - had; n < 28 {
			t.Errorf("%d frames in the last second", n)
		}
		first.End("kicked")
		w.run(time.Second)
		w.checkNoCounts()
	}
}
