package cast_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/media"
	"golang.org/x/sys/unix"
)

// place is a kind of network that a guest is in.
type place uint8

const (
	near      place = iota // nothing is in the way
	far                    // delay and jitter
	lossy                  // loss, duplicates, reordering
	throttled              // a slow link with a small queue
	slow                   // a slow link that fills the socket
	silent                 // machines that do not answer for a while
	congested              // a queue that is full now and then
	refused                // no route now and then
	places
)

// trait is what is known of a guest besides.
type trait struct {
	place
	// pauses is how often it has paused; liar: it has reported loss that was none.
	pauses int
	liar   bool
	// stuck: it does not read.
	stuck bool
}

// prefix is where the guests of a place are.
func (p place) prefix() netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/16", p+1)) }

// prefix6 likewise.
func (p place) prefix6() netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8:%d::/48", p+1))
}

// lossless reports whether what is missing at a reader of this place was not sent.
func (p place) lossless(how way) bool { return how == overTCP || p == near || p == far || p == slow }

// someNetwork lays links to the places, and has the kernel be unkind.
func (b *broadcast) someNetwork() {
	ms := func(most int) time.Duration { return time.Duration(b.random.IntN(most)) * time.Millisecond }
	b.link(far, sim.Link{Delay: ms(100), Jitter: ms(50)})
	b.link(lossy, sim.Link{Delay: ms(100), Jitter: ms(50), Loss: 0.1 * b.random.Float64(), Duplicate: 0.05, Reorder: 0.05, HoldBack: ms(20)})
	b.link(throttled, sim.Link{BytesPerSecond: b.between(20_000, 200_000), QueueBytes: 20_000})
	if !b.calm {
		b.link(slow, sim.Link{BytesPerSecond: b.between(300_000, 1_000_000), Shared: true})
	}
	if b.maybe(0.7) { // with a firewall that says nothing otherwise
		limit := time.Duration(b.random.IntN(2)) * time.Second
		b.k.SetRejects(netip.MustParsePrefix("10.0.0.0/8"), limit)
		b.k.SetRejects(netip.MustParsePrefix("2001:db8::/32"), limit)
	}
	f := sim.Faults{ShuffleEvents: b.maybe(0.5)}
	for _, chance := range []*float64{&f.SpuriousWakeups, &f.SpuriousEvents, &f.PartialBatches, &f.PartialWrites, &f.ShortReads} {
		if b.maybe(0.4) {
			*chance = 0.2 * b.random.Float64()
		}
	}
	if !b.calm && b.maybe(0.3) {
		f.LateWakeups = 5 * time.Millisecond
	}
	b.k.SetFaults(f)
	b.k.Inject(b.watchSends)
	if b.maybe(0.3) {
		b.k.Inject(everyNth(uint64(b.between(5, 50)), unix.EINTR))
	}
	if !b.calm && b.maybe(0.3) {
		b.k.Inject(everyNth(uint64(b.between(5, 50)), unix.EAGAIN))
	}
}

func (b *broadcast) link(p place, l sim.Link) {
	b.k.SetLink(p.prefix(), l)
	b.k.SetLink(p.prefix6(), l)
}

// watchSends fails the test if something is sent that should not be, and refuses what is to be
// refused.
func (b *broadcast) watchSends(c sim.Call) error {
	sends := c.Name == "Sendmmsg" || c.Name == "Sendmsg"
	if b.closed && (sends || c.Name == "Writev") {
		b.t.Errorf("%s to %v after Close", c.Name, c.Peer)
	}
	if !sends {
		return nil
	}
	if q := b.quiet[c.Peer]; q.why != "" && (b.k.Monotonic() >= q.since || c.Bytes > mostGoodbyeBytes) {
		b.t.Errorf("%d bytes to %v: %s", c.Bytes, c.Peer, q.why)
	}
	switch {
	case b.refusing[congested.prefix()] && congested.prefix().Contains(c.Peer.Addr()):
		return unix.ENOBUFS
	case b.refusing[refused.prefix()] && refused.prefix().Contains(c.Peer.Addr()):
		return unix.EHOSTUNREACH
	}
	return nil
}

// mostGoodbyeBytes is how long a goodbye may be.
const mostGoodbyeBytes = 200

// show is a stream and its source.
type show struct {
	name   string
	stream *cast.Stream
	film   *film
	closed bool
}

// addShow adds a stream under a name that is free.
func (b *broadcast) addShow() {
	name := fmt.Sprint("cam", b.random.IntN(3))
	if b.world.b.Stream(name) != nil {
		return
	}
	format := cast.Grouped
	switch b.random.IntN(3) {
	case 0:
		format = media.JPEG
	case 1:
		format = media.H264
	}
	s := &show{name: name, film: b.someFilm(format)}
	b.shows = append(b.shows, s)
	o := cast.StreamOptions{StateChanged: func(stream *cast.Stream, state cast.State, _ error) {
		if stream.State() != state {
			b.t.Errorf("the state of %s is told as %v, and is %v", name, state, stream.State())
		}
	}}
	if b.maybe(0.2) {
		o.AwaitReader = true
		o.Linger = time.Duration(b.random.IntN(2)) * time.Second
	}
	var err error
	if b.maybe(0.2) {
		s.stream, err = b.world.b.AddStream(name, nil, cast.StreamOptions{})
		b.must(err)
		b.publish(s)
		return
	}
	s.stream, err = b.world.b.AddStream(name, s.film, o)
	b.must(err)
}

// publish is a program that publishes by itself.
func (b *broadcast) publish(s *show) {
	at := b.l.Now()
	var timer *loop.Timer
	timer = b.l.NewTimer(func() {
		if s.closed || b.closed {
			return
		}
		if !s.film.silent {
			if err := s.stream.Publish(s.film.next()); err != nil && !s.film.bad[s.film.number] && !s.closed {
				b.t.Errorf("Publish: %v", err)
			}
		}
		at += s.film.interval
		timer.Set(at)
	})
	timer.Set(at)
}
