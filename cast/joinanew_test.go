package cast_test

import (
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

// inherits has another player join at the port of one that has ended without a goodbye.
func (w *world) inherits(dead *guest, nonce join.Nonce) *guest {
	w.t.Helper()
	g := w.newGuest(byJoining, dead.ip.String(), dead.stream, dead.film)
	g.port, g.rtp, g.state = dead.port, dead.rtp, isAsking
	dead.state = hasLeft
	g.rebind()
	g.client = join.NewClient(g.stream.Name(), 5, nonce)
	g.send(g.client.Start(w.k.Monotonic(), nil))
	w.until(func() bool { return g.state == isPlaying })
	return g
}

// TestAnotherPlayerAtThePort has a player end without a goodbye in a long group, and another one join
// from its port: that begins like any new reader. What is repeated of one request has nothing begin anew.
func TestAnotherPlayerAtThePort(t *testing.T) {
	for _, makesKeys := range []bool{true, false} {
		w, f, other := inALongGroup(t, false)
		dead := w.admit(byJoining, "10.0.2.1", f)
		w.run(1500 * time.Millisecond)
		id := dead.session().ID()
		f.makesKeys, f.asked = makesKeys, 0
		g := w.inherits(dead, join.Nonce{9})
		w.run(time.Second)
		if makesKeys && (f.asked != 1 || len(g.sink.numbers) == 0 || !f.keys[g.sink.numbers[0]]) {
			t.Errorf("a key frame was asked for %d times; it has %v", f.asked, &g.sink)
		}
		if makesKeys {
			g.hasAll(g.sink.numbers[0])
		} else {
			g.hasAll(1)
		}
		w.run(time.Second)
		s := g.session()
		if s == nil || s.ID() == id || w.s.Readers() != 2 || !strings.Contains(w.log.String(), "another player joins at its port") {
			t.Errorf("%d readers, its session is %v", w.s.Readers(), s)
		}
		id = s.ID()
		g.send(join.NewClient(g.stream.Name(), 5, join.Nonce{9}).Start(w.k.Monotonic(), nil))
		w.run(time.Second)
		if s := g.session(); s == nil || s.ID() != id {
			t.Error("a repeated request ends the session")
		}
		g.hasAll(g.sink.numbers[0])
		other.hasAll(1)
	}
}

// TestTwoPlayersAtAPort has the requests of two players come from one port again and again: at most
// once a second one begins anew.
func TestTwoPlayersAtAPort(t *testing.T) {
	w, f, _ := inALongGroup(t, false)
	g := w.admit(byJoining, "10.0.2.1", f)
	first := g.session().ID()
	for i := range byte(40) {
		w.run(100 * time.Millisecond)
		g = w.inherits(g, join.Nonce{i % 2})
	}
	if n := g.session().ID() - first; n < 3 || n > 4 {
		t.Errorf("it begins anew %d times in 4 s", n)
	}
}
