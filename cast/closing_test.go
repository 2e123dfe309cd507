package cast_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtcp"
	"golang.org/x/sys/unix"
)

// newFilmWorld makes a world whose only stream is a film of JPEG.
func newFilmWorld(t testing.TB, change func(*cast.Config)) (*world, *film) {
	t.Helper()
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, change)
	f := newFilm(w.k, media.JPEG, 5000, 1)
	var err error
	w.s, err = w.b.AddStream("cam", f, cast.StreamOptions{})
	w.must(err)
	return w, f
}

// TestPublishAfterClose publishes to a stream that is closed: nothing is sent.
func TestPublishAfterClose(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	f := newFilm(w.k, media.JPEG, 5000, 1)
	var err error
	w.s, err = w.b.AddStream("cam", nil, cast.StreamOptions{})
	w.must(err)
	w.must(w.s.Publish(f.next()))
	var all []*guest
	for how := range ways {
		all = append(all, w.admit(how, netip.AddrFrom4([4]byte{10, 0, 1, byte(how)}).String(), f))
	}
	w.must(w.s.Publish(f.next()))
	w.run(time.Second)
	w.must(w.s.Close())
	sends := w.k.Calls("Sendmmsg") + w.k.Calls("Writev")
	if err := w.s.Publish(f.next()); !errors.Is(err, cast.ErrClosed) {
		t.Errorf("Publish after Close: %v", err)
	}
	w.run(time.Second)
	if n := w.k.Calls("Sendmmsg") + w.k.Calls("Writev") - sends; n > 0 || w.s.Figures().Frames != 2 {
		t.Errorf("%d sends after Close; %d frames are counted", n, w.s.Figures().Frames)
	}
	for _, g := range all {
		if !slices.Equal(g.sink.numbers, []uint32{2}) {
			g.wrong("it has %v", &g.sink)
		}
	}
	if err := w.s.Close(); !errors.Is(err, cast.ErrClosed) {
		t.Errorf("Close again: %v", err)
	}
	if left := cast.LeaksOf(w.b, w.s); left.Indexed+left.Sessions+left.FormUsers+left.Readers > 0 {
		t.Errorf("the stream leaves %+v", left)
	}
}

// TestNewPlayerHearsNoGoodbye has a player die and start again with the same ports: the goodbye
// that the one before would be told would end the new one.
func TestNewPlayerHearsNoGoodbye(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	first := w.admit(overUDP, "10.0.1.1", f)
	w.run(time.Second)
	first.vanish()
	w.run(10 * time.Second) // until then it might still be there
	byes := 0
	first.rtcp.OnReceive(func(d sim.Datagram) {
		w.must(rtcp.Parse(d.Payload, rtcp.Visitor{Bye: func(uint32) { byes++ }}))
	})
	again := w.newGuest(overUDP, "10.0.1.1", w.s, f)
	again.port, again.rtp = first.port, first.rtp
	again.begin()
	w.run(time.Second)
	if byes > 0 || again.state != isPlaying || w.b.Readers() != 1 {
		t.Errorf("%d goodbyes; it plays: %v; %d readers", byes, again.state == isPlaying, w.b.Readers())
	}
}

// TestPauseOfAFixedDestination pauses one: no limit counts it, so none counts less.
func TestPauseOfAFixedDestination(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	g := w.admit(bySending, "10.0.1.1", f)
	g.fixed.Pause()
	if left := cast.LeaksOf(w.b, w.s); left.Readers != 0 || left.SetUp != 0 || left.Addresses != 0 {
		t.Errorf("the limits count %+v", left)
	}
	w.run(time.Second)
	if len(g.sink.numbers) > 1 {
		t.Errorf("while it pauses it is sent %v", &g.sink)
	}
}

// TestFixedDestinationStays has the kernel refuse for long to send to a fixed destination: it is
// not given up.
func TestFixedDestinationStays(t *testing.T) {
	w, f := newFilmWorld(t, nil)
	g, other := w.admit(bySending, "10.0.1.1", f), w.admit(overUDP, "10.0.2.1", f)
	refuse := true
	fail := sim.FailTo(netip.MustParsePrefix("10.0.1.1/32"), unix.ENETUNREACH)
	w.k.Inject(func(c sim.Call) error {
		if refuse {
			return fail(c)
		}
		return nil
	})
	w.run(20 * time.Second)
	refuse = false
	w.run(time.Second)
	if !g.fixed.Playing() || len(g.sink.numbers) < framesPerSecond-1 || g.fixed.Figures().Frames != uint64(len(g.sink.numbers)) {
		t.Errorf("it plays: %v; %v; %d frames are counted", g.fixed.Playing(), &g.sink, g.fixed.Figures().Frames)
	}
	other.hasAll(1)
}

// TestStreamClosedByItsLostReader has a program close a stream when its reader has left, which
// the kernel refuses to send to, in the middle of sending to others.
func TestStreamClosedByItsLostReader(t *testing.T) {
	var w *world
	w, f := newFilmWorld(t, func(c *cast.Config) {
		c.Left = func(s *cast.Session, _ string) {
			if s.Peer().Addr() == netip.MustParseAddr("10.0.1.2") {
				w.must(s.Stream().Close())
			}
		}
	})
	for i := range 4 {
		w.admit(overUDP, netip.AddrFrom4([4]byte{10, 0, 1, byte(i + 1)}).String(), f)
	}
	w.admit(bySending, "10.0.2.1", f)
	w.run(time.Second)
	w.k.Inject(sim.FailTo(netip.MustParsePrefix("10.0.1.2/32"), unix.EHOSTUNREACH))
	w.run(10 * time.Second)
	if w.s.State() != cast.Ended || w.s.Readers() != 0 || w.b.Readers() != 0 {
		t.Errorf("the stream is %v and has %d readers", w.s.State(), w.s.Readers())
	}
	w.must(w.b.Close())
	if open := w.k.OpenFDs(); len(open) > 0 {
		t.Errorf("fds %v are open", open)
	}
}

// TestStreamClosedByTheReaderBefore has a reader come to the address of another, whose leaving
// has the program close the stream: the new one is refused, and nothing is left of it.
func TestStreamClosedByTheReaderBefore(t *testing.T) {
	for _, how := range []way{overUDP, byProgram} {
		var w *world
		w, f := newFilmWorld(t, func(c *cast.Config) {
			c.Left = func(s *cast.Session, _ string) { _ = s.Stream().Close() }
		})
		first := w.admit(overUDP, "10.0.1.1", f)
		w.run(10 * time.Second) // until then it keeps its address
		again := w.newGuest(how, "10.0.1.1", w.s, f)
		again.port, again.rtp, again.rtcp = first.port, first.rtp, first.rtcp
		again.begin()
		w.until(func() bool { return again.state != isAsking })
		w.run(cast.SetupTimeout + time.Second)
		if left := cast.LeaksOf(w.b, w.s); again.state != wasRefused || left.Readers+left.SetUp+left.Indexed+left.Sessions+left.FormUsers != 0 {
			t.Errorf("%v: it is refused: %v; the stream leaves %+v", how, again.state == wasRefused, left)
		}
	}
}

// TestSessionEndedAtOnce has a program end each session when it begins: the reader is told that
// it is refused, or hung up on.
func TestSessionEndedAtOnce(t *testing.T) {
	w, f := newFilmWorld(t, func(c *cast.Config) {
		c.Joined = func(s *cast.Session) { s.End("not wanted") }
	})
	w.run(time.Second)
	for how := range ways {
		if how == byProgram { // which makes no session
			continue
		}
		g := w.newGuest(how, "10.0.1.1", w.s, f)
		g.begin()
		hungUp := func() bool { return g.how == overTCP && g.rtsp.conn.Ended() }
		w.until(func() bool { return g.state != isAsking || hungUp() })
		w.run(time.Second)
		if left := cast.LeaksOf(w.b, w.s); g.state != wasRefused && !hungUp() || left.Readers+left.SetUp+left.Sessions+left.FormUsers > 0 || w.s.Readers() > 0 {
			t.Errorf("%v: it is told that it plays: %v; %+v", how, g.state == isPlaying, left)
		}
	}
}

// TestStreamClosedWhenItIsWanted has a program close a stream as its source is opened for the first
// reader: nobody has joined it.
func TestStreamClosedWhenItIsWanted(t *testing.T) {
	joined := 0
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) { c.Joined = func(*cast.Session) { joined++ } })
	f := newFilm(w.k, media.JPEG, 5000, 1)
	opened := 0
	var err error
	w.s, err = w.b.AddStream("cam", f, cast.StreamOptions{AwaitReader: true, StateChanged: func(s *cast.Stream, state cast.State, _ error) {
		if state == cast.Opening {
			if opened++; opened == 2 {
				w.must(s.Close())
			}
		}
	}})
	w.must(err)
	g := w.newGuest(overUDP, "10.0.1.1", w.s, f)
	g.begin()
	w.until(func() bool { return g.state != isAsking })
	if left := cast.LeaksOf(w.b, w.s); g.state != wasRefused || joined > 0 || left.Sessions+left.Readers+left.SetUp > 0 {
		t.Errorf("it is refused: %v; %d have joined; %+v", g.state == wasRefused, joined, left)
	}
}

// TestStatesAreToldInOrder has somebody who waits for a source begin to watch when it is there:
// the program is told of each state while the stream is in it.
func TestStatesAreToldInOrder(t *testing.T) {
	w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
	f := newFilm(w.k, media.JPEG, 5000, 1)
	f.slow = time.Second
	var told []cast.State
	s, err := w.b.AddStream("cam", f, cast.StreamOptions{AwaitReader: true, StateChanged: func(s *cast.Stream, state cast.State, _ error) {
		if told = append(told, state); s.State() != state {
			t.Errorf("%v is told while the stream is %v", state, s.State())
		}
	}})
	w.must(err)
	at := cast.Address{RTP: netip.MustParseAddrPort("10.0.1.1:6000"), RTCP: netip.MustParseAddrPort("10.0.1.1:6001")}
	s.Await(func(err error) {
		w.must(err)
		_, err = s.Join(at, nil)
		w.must(err)
	})
	w.run(3 * time.Second)
	if want := []cast.State{cast.Opening, cast.Idle, cast.Opening, cast.Live}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
