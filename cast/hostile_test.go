//go:build !race

// These broadcasts are simulated by one goroutine, in which the race detector has nothing to find but
// takes minutes. make test runs them without it.

package cast_test

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/join"
	"github.com/camcast/camcast/cast/rtsp"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
)

// TestHostileSeeds has strangers do their worst, in a mixture that comes from the seed, while honest
// readers watch and others come. Whatever the strangers do, each honest reader gets every frame, whole
// and in order, and is served within two seconds of asking; nothing but an answer no longer
// than the question is sent to an address that has not proved itself, and nothing to a port below
// 1024; memory stays bounded; and when the strangers are silent, nothing of theirs is left. A seed that
// fails replays with -seed.
func TestHostileSeeds(t *testing.T) {
	first, last := uint64(1), *seedCount
	if *seedFirst > 0 {
		first, last = *seedFirst, *seedFirst
	}
	grown := 0
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { grown += runHostile(t, seed) })
	}
	if seeds := int(last - first + 1); seeds >= 20 && grown/seeds > mostGrownOnAverage {
		t.Errorf("a second siege leaves %d kB on average, want at most %d", grown/seeds>>10, mostGrownOnAverage>>10)
	}
}

// siege is a broadcast among strangers.
type siege struct {
	*world
	random *rand.Rand
	config cast.Config
	film   *film
	honest []*guest
	// asked is when each honest reader has begun to ask.
	asked map[*guest]time.Duration
	// owed is how many bytes have been sent in the name of an address that proves nothing, less
	// those that it was sent.
	owed map[netip.AddrPort]int
	// strangers are the connections of hostile hosts, dripping those that write a byte at a time.
	strangers, dripping []*sim.TCPPeer
	joiners             []*guest // those of the strangers who watch
	hosts               int
	closed              bool
}

func runHostile(t *testing.T, seed uint64) (grown int) {
	s := newSiege(t, seed)
	for range 6 {
		s.addHonest()
	}
	s.run(2 * time.Second)
	kept := 0
	for range 2 {
		if s.besiege(); t.Failed() {
			return 0
		}
		s.run(time.Second)
		s.checkHonest()
		s.truce()
		s.forget()
		was := kept
		kept = heapBytes()
		grown = kept - was
	}
	if grown > mostGrown {
		t.Errorf("the second siege leaves %d kB, want at most %d", grown>>10, mostGrown>>10)
	}
	s.end()
	return grown
}

// besiege has strangers do their worst for some seconds.
func (s *siege) besiege() {
	s.film.silent = false
	for i := range 30 {
		for range s.random.IntN(4) {
			attacks[s.random.IntN(len(attacks))](s)
		}
		if i%10 == 9 {
			s.addHonest()
		}
		s.run(time.Duration(s.random.Int64N(int64(300 * time.Millisecond))))
		if s.step(); s.t.Failed() {
			return
		}
	}
}

func newSiege(t *testing.T, seed uint64) *siege {
	s := &siege{random: rand.New(rand.NewPCG(seed, 11)), asked: map[*guest]time.Duration{}, owed: map[netip.AddrPort]int{}}
	w := &world{t: t, ports: 20000, secrets: newConfidential()}
	s.world = w
	t.Cleanup(func() {
		w.secrets.check(t, w.log.Bytes())
		if t.Failed() {
			t.Logf("seed %d; the log says:\n%s", seed, tail(w.log.Bytes(), 6000))
		}
	})
	options := []sim.Option{sim.WithAddresses(serverAddr)}
	if s.maybe(0.4) {
		options = append(options, sim.WithCosts(sim.Costs{Call: 10 * time.Microsecond, Message: 5 * time.Microsecond, Datagram: 5 * time.Microsecond}))
	}
	w.k = sim.New(seed, options...)
	w.l = loop.NewOn(w.k)
	s.config = cast.Config{
		RTP: netip.MustParseAddrPort("0.0.0.0:5004"), Random: w.secrets.Watch(w.k.Random), Work: sim.NewWorker(w.l, 10*time.Millisecond),
		Log:            slog.New(logToMemory{slog.NewTextHandler(&w.log, debug)}),
		SessionTimeout: 10 * time.Second, Spread: 0.5,
		// All hosts together, those of the strangers and of the honest, do not reach the limit of all.
		MaxConnections: 500, MaxConnectionsPerAddress: 20,
	}
	if s.maybe(0.3) {
		s.config.Gate = s
	}
	if s.maybe(0.3) {
		s.config.Adapt = cast.AdaptQuality
	}
	var err error
	w.b, err = cast.New(w.l, s.config)
	w.must(err)
	join.Serve(w.b)
	w.front, err = rtsp.Listen(w.b, rtspAddr, rtsp.Options{})
	w.must(err)
	w.k.Inject(s.watchSends)
	s.film = newFilm(w.k, media.JPEG, 500+s.random.IntN(8_000), 1)
	w.s, err = w.b.AddStream("cam", s.film, cast.StreamOptions{})
	w.must(err)
	return s
}

func (s *siege) maybe(chance float64) bool { return s.random.Float64() < chance }

// Admit is the gate: it answers at once, or soon, and refuses some of the strangers.
func (s *siege) Admit(r cast.Request, answer func(cast.Grant, error)) {
	var err error
	if !honestHosts.Contains(r.Peer.Addr()) && s.maybe(0.3) {
		err = io.EOF
	}
	if s.maybe(0.5) {
		answer(cast.Grant{}, err)
		return
	}
	s.k.After(time.Duration(s.random.IntN(300))*time.Millisecond, func() { answer(cast.Grant{}, err) })
}

// Where the honest are, the strangers, and those in whose name strangers send.
var (
	honestHosts = netip.MustParsePrefix("10.1.0.0/16")
	victims     = netip.MustParsePrefix("10.66.0.0/16")
)

// watchSends fails the test if something is sent to a port or an address that should get nothing.
func (s *siege) watchSends(c sim.Call) error {
	sends := c.Name == "Sendmmsg" || c.Name == "Sendmsg"
	switch {
	case s.closed && (sends || c.Name == "Writev"):
		s.t.Errorf("%s to %v after Close", c.Name, c.Peer)
	case !sends:
	case c.Peer.Port() < 1024:
		s.t.Errorf("%d bytes to %v, a port that is refused", c.Bytes, c.Peer)
	case victims.Contains(c.Peer.Addr()):
		if s.owed[c.Peer] -= c.Bytes; s.owed[c.Peer] < 0 {
			s.t.Errorf("%d bytes to %v, which has not proved itself: %d more than came in its name", c.Bytes, c.Peer, -s.owed[c.Peer])
		}
	}
	return nil
}

// addHonest has an honest reader come, from a host of its own.
func (s *siege) addHonest() {
	s.hosts++
	how := []way{overUDP, overTCP, byJoining}[s.random.IntN(3)]
	g := s.newGuest(how, fmt.Sprintf("10.1.0.%d", s.hosts), s.s, s.film)
	s.honest = append(s.honest, g)
	s.asked[g] = s.k.Monotonic()
	g.begin()
}

// step has honest readers report, and looks after them.
func (s *siege) step() {
	now := s.k.Monotonic()
	for _, g := range s.honest {
		g.remind()
		switch {
		case g.state == isPlaying:
			g.report()
		case g.state == wasRefused:
			g.wrong("was refused")
		case now-s.asked[g] > 2*time.Second:
			g.wrong("has not been served for 2 s")
		}
	}
	for _, c := range s.dripping {
		_, _ = c.Write([]byte{'x'}) // the server may have closed the connection
	}
	if n := cast.Counts(s.b); n.Connections > s.config.MaxConnections || n.Addresses > 3*s.config.MaxConnections {
		s.t.Errorf("too much is kept: %+v", n)
	}
}

// truce has the strangers be silent, and waits until they are forgotten. There are no frames
// meanwhile, which would take most of the test's time.
func (s *siege) truce() {
	s.dripping, s.film.silent = nil, true
	for range 60 {
		s.run(time.Second)
		s.step()
	}
	overRTSP := 0
	for _, g := range s.honest {
		if g.how != byJoining {
			overRTSP++
		}
	}
	if n := cast.Counts(s.b); n.Connections != overRTSP || n.Readers != len(s.honest) || n.SetUp != 0 {
		s.t.Errorf("%+v are left of %d honest readers, %d of them by RTSP", n, len(s.honest), overRTSP)
	}
}

// checkHonest compares what honest readers have got with what there was.
func (s *siege) checkHonest() {
	for _, g := range s.honest {
		n := g.sink.numbers
		if len(n) == 0 {
			g.wrong("has got no frame")
			continue
		}
		if all := int(s.film.number - n[0] + 1); len(n) < all-1 { // the last may be on its way
			g.wrong("has got %d of %d frames: %v", len(n), all, &g.sink)
		}
	}
}

func (s *siege) end() {
	s.must(s.b.Close())
	s.closed = true
	if open := s.k.OpenFDs(); len(open) > 0 {
		s.t.Errorf("fds %v are still open", open)
	}
	if left := cast.LeaksOf(s.b, s.s); left != (cast.Leaks{}) {
		s.t.Errorf("the stream leaves %+v", left)
	}
	s.run(time.Second)
}
