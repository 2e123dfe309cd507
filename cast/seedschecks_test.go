package cast_test

import (
	"slices"
	"time"

	"github.com/camcast/camcast/cast"
)

// countReaders compares what the broadcaster says of its readers.
func (b *broadcast) countReaders() {
	playing := 0
	for s := range b.world.b.Sessions() {
		if s.Playing() && s.Protocol() != cast.Send {
			playing++
		}
	}
	if n := b.world.b.Readers(); n != playing {
		b.t.Errorf("%d readers are counted, %d sessions play", n, playing)
	}
	if most := b.config.MaxReaders; most > 0 && playing > most {
		b.t.Errorf("%d sessions play, at most %d may", playing, most)
	}
}

// calmDown has all that is on its way arrive: no more frames come, nothing is in the way, and
// everybody reads.
func (b *broadcast) calmDown() {
	b.calming = true
	for _, s := range b.shows {
		s.film.silent = true
	}
	for p := range places {
		b.refusing[p.prefix()] = false
	}
	for _, g := range b.guests {
		if b.traits[g].stuck {
			g.goOnReading()
		}
		if b.traits[g].place == silent {
			b.k.SetSilent(g.ip, false)
		}
	}
	for came, quiet := uint64(0), 0; quiet < 3; quiet++ {
		b.run(time.Second)
		before := came
		came = 0
		for _, g := range b.guests {
			came += g.sink.packets
			if g.state == isPlaying {
				g.report()
			}
		}
		if came != before {
			quiet = 0
		}
	}
}

// checkCounts compares what is counted of a reader with what it has got.
func (b *broadcast) checkCounts(g *guest) {
	t := b.traits[g]
	if g.state != isPlaying || !g.sink.lossless {
		return
	}
	cut := g.stream.Figures().CutShort
	if halves := g.sink.halves - g.sink.forgiven; halves > 0 && (g.how != overTCP || halves > cut) && !g.sink.broken && !g.sink.over {
		g.wrong("%v, %d were cut short", &g.sink, cut)
	}
	frames, lags, known := g.counts()
	came := uint64(len(g.sink.numbers))
	if !known || came == 0 {
		return
	}
	if g.repeats() || g.heir && (g.how == byJoining || t.place != near) {
		return
	}
	if frames > came || frames+uint64(t.pauses) < came {
		g.wrong("%d frames are counted, %d have come in %d pauses", frames, came, t.pauses)
	}
	if t.liar || g.lies > 0 || t.pauses > 0 || g.stream.State() == cast.Ended { // in the middle of a frame
		return
	}
	first := g.sink.numbers[0]
	all, outrun := g.film.usable(first, g.film.number), b.outrun(g)
	switch {
	case frames > all || frames+lags+g.film.unled(g.sink.numbers, false) < all && (b.calm || g.how == overTCP || !g.sink.grouped):
		g.wrong("%d frames and %d lags are counted of %d, %v", frames, lags, all, &g.sink)
	case b.calm && g.how != overTCP && len(g.film.bad) == 0 && (frames+g.film.unled(g.sink.numbers, true)+outrun != all || lags != outrun):
		g.wrong("%d frames of %d, and %d lags, though nothing was in the way: %v", frames, all, lags, &g.sink)
	}
	if b.calm && first > g.since {
		all += uint64(first - g.since)
	}
	if b.calm && frames+lags > all+uint64(len(g.film.bad)) { // of which some may be among the lags
		g.wrong("%d frames and %d lags are counted of %d since it came, %v", frames, lags, all, &g.sink)
	}
}

// outrun is how many frames a guest has missed who was being caught up: those behind the last that it was
// sent, where the key frame after them came sooner than these could be sent to it at the pace of catching
// up, and the first of them was older then than readers may be behind.
func (b *broadcast) outrun(g *guest) uint64 {
	const packetsPerSecond = 8000
	f, had := g.film, g.sink.numbers
	key := g.since + 1
	for key <= f.number && !f.keys[key] {
		key++
	}
	at := slices.Index(had, key)
	if at <= 0 || had[0] > g.since {
		return 0
	}
	missed := had[at-1] + 1
	packets := 0
	for n := had[0]; n < key; n++ {
		packets += (f.bytes(n) + b.config.MTU - 1) / b.config.MTU
	}
	comes := f.at[key-1]
	if key-missed < uint32(b.config.Lag) || comes-f.at[missed-1] <= b.config.LagTime || time.Duration(packets)*time.Second/packetsPerSecond < comes-g.began {
		return 0
	}
	return f.usable(missed, key-1)
}

// counts are those of the guest's session, if it still has one.
func (g *guest) counts() (frames, lags uint64, known bool) {
	if g.reader != nil {
		return g.reader.Frames(), g.reader.Lags(), true
	}
	if s := g.session(); s != nil {
		f := s.Figures()
		return f.Frames, f.Lags, true
	}
	return 0, 0, false
}

// end closes everything, and looks for what is left.
func (b *broadcast) end() {
	if b.maybe(0.3) {
		b.world.b.Leave(func() {})
		b.run(time.Duration(b.random.IntN(1000)) * time.Millisecond)
	}
	for _, g := range b.guests {
		if g.reader != nil && b.maybe(0.5) {
			g.reader.Leave() // the others are the stream's to forget
		}
	}
	if err := b.world.b.Close(); err != nil {
		b.t.Errorf("Close: %v", err)
	}
	b.closed = true
	if open := b.k.OpenFDs(); len(open) > 0 {
		b.t.Errorf("fds %v are still open", open)
	}
	for _, s := range b.shows {
		if left := cast.LeaksOf(b.world.b, s.stream); left != (cast.Leaks{}) {
			b.t.Errorf("%s leaves %+v", s.name, left)
		}
		if s.film.host != nil {
			b.t.Errorf("the source of %s is open", s.name)
		}
	}
	b.run(30 * time.Second)
	if due, set := b.l.NextTimer(); set {
		b.t.Errorf("a timer is set for %v", due-b.l.Now())
	}
}
