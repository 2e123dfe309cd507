package cast_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// someFilm makes a source.
func (b *broadcast) someFilm(format media.Format) *film {
	f := newFilm(b.k, format, 0, 1)
	f.interval = time.Second / time.Duration([]int{15, 30, 50}[b.random.IntN(3)])
	f.params.FramesPerSecond = float64(time.Second) / float64(f.interval)
	if b.maybe(0.1) {
		f.params.FramesPerSecond = 0 // not known
	}
	dice := uint32(b.random.Uint32() | 1)
	most := []int{1000, 5000, 20000}[b.random.IntN(3)]
	if !b.calm && b.maybe(0.2) {
		most = 100_000
	}
	f.bytes = func(n uint32) int { return 100 + int(n*dice>>8)%most }
	if format != media.JPEG {
		longest, keys := b.between(1, 60), map[uint32]bool{1: b.maybe(0.9)}
		for n := uint32(1); n < 10_000; n += uint32(b.between(1, longest)) {
			keys[n+1] = true
		}
		f.key = func(n uint32) bool { return keys[n] }
		if b.maybe(0.5) {
			f.disposable = func(n uint32) bool { return (n*dice>>12)%3 == 0 }
		}
		if b.maybe(0.4) {
			f.leading = func(n uint32) bool { return (n*dice>>14)%4 > 0 }
		}
		f.makesKeys = b.maybe(0.5)
		if b.maybe(0.5) {
			f.changes = func(n uint32) bool { return (n*dice>>10)%4 == 0 }
		}
	}
	if b.maybe(0.2) {
		f.unusable = func(n uint32) bool { return (n*dice>>16)%30 == 0 }
	}
	if b.maybe(0.3) {
		f.slow = time.Duration(b.random.IntN(3000)) * time.Millisecond
	}
	if b.long {
		f.interval, most = time.Second/15, 1000
		f.params.FramesPerSecond = 15
	} else if b.maybe(0.2) {
		f.absent = b.between(1, 4)
	}
	if !b.long && b.maybe(0.15) {
		f.ends = uint32(b.between(1, 300))
	}
	return f
}

func (b *broadcast) showOf(s *cast.Stream) *show {
	for _, show := range b.shows {
		if show.stream == s {
			return show
		}
	}
	return nil
}

// closeShow closes a stream: nothing is sent to its readers any more.
func (b *broadcast) closeShow(s *show) {
	if s == nil || s.closed || b.world.b.Leaving() {
		return
	}
	s.closed = true
	b.must(s.stream.Close())
	for _, g := range b.guests {
		switch {
		case g.stream != s.stream:
		case g.state == isPlaying && g.how != overTCP:
			b.silence(g, "its stream is closed")
		case g.state == isAsking || g.state == hasPaused: // it would be given the next stream of that name
			g.vanish()
		}
	}
}

// silence has nothing be sent to a guest any more.
func (b *broadcast) silence(g *guest, why string) {
	if b.rivals(g) {
		return
	}
	since := b.k.Monotonic() + 710*time.Millisecond
	b.quiet[g.at()] = quiet{why, since}
	b.quiet[netip.AddrPortFrom(g.ip, g.port+1)] = quiet{why, since}
}

// rivals reports whether another guest has come to the same address.
func (b *broadcast) rivals(g *guest) bool {
	for _, other := range b.guests {
		if other != g && other.ip == g.ip && other.port == g.port && other.state != hasLeft {
			return true
		}
	}
	return false
}

// step has something happen, and readers report.
func (b *broadcast) step() {
	for _, g := range b.guests {
		g.remind()
		if (b.long || b.maybe(0.15)) && g.state == isPlaying {
			if b.traits[g].liar && b.maybe(0.7) {
				g.lies += int64(b.between(1, 100))
			}
			if b.traits[g].liar && b.long && b.maybe(0.1) {
				b.traits[g].liar = false // all is well again, for all it knows
			}
			g.report()
		}
	}
	switch b.random.IntN(20) {
	case 0, 1, 2, 3, 4, 5:
		if len(b.guests) < 12 || len(b.guests) < 50 && !b.long {
			b.addGuest()
		}
	case 6:
		b.withGuest(func(g *guest) { g.leave() })
	case 7:
		b.withGuest(func(g *guest) {
			switch {
			case b.maybe(0.5) && g.rtp != nil && g.reader == nil:
				g.die()
			case !b.long:
				g.vanish()
			}
		})
	case 8, 9:
		b.withGuest(b.pause)
	case 10:
		b.withGuest(func(g *guest) {
			b.traits[g].liar = !b.traits[g].liar && g.how != overTCP && b.maybe(0.5) || b.traits[g].liar
		})
	case 11, 12:
		b.withGuest(b.stick)
	case 13, 14:
		b.disturb()
	case 15:
		b.addShow()
	case 16:
		b.onFilm(b.shows[b.random.IntN(len(b.shows))])
	case 17:
		for s := range b.world.b.Sessions() {
			if b.maybe(0.1) {
				s.End("kicked out")
			}
		}
	case 18:
		if b.maybe(0.5) {
			b.withGuest((*guest).rebindByKeys)
			break
		}
		b.withGuest(b.again)
	case 19:
		if b.maybe(0.3) {
			b.closeShow(b.shows[b.random.IntN(len(b.shows))])
		}
	}
}

// addGuest has somebody come who watches one of the streams.
func (b *broadcast) addGuest() {
	s := b.shows[b.random.IntN(len(b.shows))]
	if s.closed {
		return
	}
	how := way(b.random.IntN(int(ways)))
	if s.film.params.Format == media.H264 && b.maybe(0.6) || b.maybe(0.02) { // who is refused other formats
		how = byKeys
	}
	at := place(b.random.IntN(int(places)))
	if b.calm && (at == slow || at >= silent) || b.maybe(0.3) {
		at = near
	}
	b.hosts++
	ip := fmt.Sprintf("10.%d.%d.%d", at+1, b.hosts/200, 1+b.hosts%200)
	if b.config.RTP.Addr().Is6() && b.maybe(0.4) && at != silent {
		ip = fmt.Sprintf("2001:db8:%d::%x", at+1, b.hosts)
	}
	g := b.newGuest(how, ip, s.stream, s.film)
	if g.ip.Is4() && b.maybe(0.2) {
		g.server = secondAddr
	}
	g.sink.lossless = at.lossless(how)
	b.traits[g] = &trait{place: at}
	b.guests = append(b.guests, g)
	g.begin()
}

// withGuest calls f with one of those who watch, if there is one.
func (b *broadcast) withGuest(f func(*guest)) {
	if len(b.guests) == 0 {
		return
	}
	if g := b.guests[b.random.IntN(len(b.guests))]; g.state == isPlaying || g.state == hasPaused {
		f(g)
	}
}

// pause has a guest pause, or play again.
func (b *broadcast) pause(g *guest) {
	b.traits[g].pauses++
	if g.state == hasPaused {
		g.play()
		return
	}
	if g.pause(); g.fixed != nil {
		g.sink.pause()
		g.fixed.Pause()
	}
}

// stick has a guest over TCP stop reading, or read again.
func (b *broadcast) stick(g *guest) {
	if g.how != overTCP {
		return
	}
	if b.traits[g].stuck = !b.traits[g].stuck; b.traits[g].stuck {
		g.stopReading(b.between(100, 20_000))
	} else {
		g.goOnReading()
	}
}

// again has a player die and start again with the same ports.
func (b *broadcast) again(g *guest) {
	if g.how != overUDP && g.how != byJoining || b.rivals(g) || g.stream.State() == cast.Ended {
		return
	}
	g.vanish()
	after := b.newGuest(g.how, g.ip.String(), g.stream, g.film)
	after.port, after.server, after.rtp, after.rtcp = g.port, g.server, g.rtp, g.rtcp
	after.sink.lossless = g.sink.lossless
	after.heir, after.sink.broken, after.sink.loose = true, true, true
	after.rebind()
	b.traits[after] = &trait{place: b.traits[g].place, pauses: 1}
	delete(b.quiet, g.at())
	delete(b.quiet, netip.AddrPortFrom(g.ip, g.port+1))
	b.guests = append(b.guests, after)
	after.begin()
}

// disturb has the ways to some readers fail, or be well again.
func (b *broadcast) disturb() {
	if b.calm {
		return
	}
	switch p := place(b.between(int(silent), int(refused))); p {
	case silent:
		b.withGuest(func(g *guest) {
			if b.traits[g].place == silent && g.ip.Is4() {
				b.k.SetSilent(g.ip, b.maybe(0.5))
			}
		})
	default:
		b.refusing[p.prefix()] = !b.refusing[p.prefix()]
	}
}

// onFilm has a source fall silent for a while, or be lost.
func (b *broadcast) onFilm(s *show) {
	if b.maybe(0.5) {
		s.film.lost = true
		s.film.absent = b.random.IntN(3)
		return
	}
	s.film.silent = true
	b.k.After(time.Duration(b.random.IntN(4000))*time.Millisecond, func() { s.film.silent = b.calming })
}
