//go:build !race

// This crowd is simulated by one goroutine, in which the race detector has nothing to find but
// takes long. make test runs it without it.

package cast_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
)

// TestStandstill stops the process for longer than the session timeout, while hundreds of readers
// of all kinds watch and report. Some of what they send meanwhile is dropped, and the rest takes
// some turns to be read. All the same all of them stay. One that has vanished is ended later.
func TestStandstill(t *testing.T) {
	t.Parallel()
	const readers = 800
	for name, interval := range map[string]time.Duration{"reports": 5 * time.Second, "rare reports": 50 * time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, nil)
			f := newFilm(w.k, media.JPEG, 500, 1)
			f.interval, f.params.FramesPerSecond = time.Second, 1
			var err error
			w.s, err = w.b.AddStream("cam", f, cast.StreamOptions{})
			w.must(err)
			var guests []*guest
			for i := range readers {
				how := []way{overUDP, overTCP, byJoining}[i%3]
				g := w.newGuest(how, netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(i%250 + 1)}).String(), w.s, f)
				g.begin()
				guests = append(guests, g)
				w.run(time.Millisecond)
			}
			w.run(time.Second)
			gone := guests[0]
			gone.rtsp.conn.Reset()
			gone.state, gone.sink.over = hasLeft, false
			for i, g := range guests[1:] {
				g.reportEvery(interval*time.Duration(i)/readers, interval)
			}
			w.run(interval)
			if n := w.b.Readers(); n != readers {
				t.Fatalf("%d readers before", n)
			}
			w.k.Advance(70 * time.Second)
			w.run(10 * time.Second)
			if n := w.b.Readers(); n != readers && n != readers-1 {
				t.Errorf("%d readers of %d are there after a standstill", n, readers)
			}
			w.run(15 * time.Second)
			if interval > 5*time.Second && gone.session() != nil { // else what came was a flood, in which nobody is ended soon
				t.Errorf("one that has vanished is there")
			}
			for _, g := range guests[1:] {
				if g.session() == nil {
					g.wrong("it is gone")
				}
			}
		})
	}
}

// TestStandstillOfAnswers stops the process while a gate is asked, and while connections have asked
// for nothing yet: they have the rest of their time when it goes on.
func TestStandstillOfAnswers(t *testing.T) {
	w, g := newGatedWorld(t)
	asking, idle := w.connect("10.0.1.1"), w.connect("10.0.1.2")
	asking.tell("DESCRIBE", streamURL, "")
	w.run(5 * time.Second)
	w.k.Advance(70 * time.Second)
	idle.tell("OPTIONS", streamURL, "")
	w.run(time.Second)
	g.answers[0](cast.Grant{}, nil)
	w.run(time.Second)
	if asking.heads() != "1:200" || idle.heads() != "1:200" {
		t.Errorf("answered by %q and %q", asking.heads(), idle.heads())
	}
	if idle.conn.Ended() {
		t.Error("a connection that was used is closed as idle")
	}
}
