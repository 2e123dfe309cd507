package webrtc

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestRivals has another viewer prove an address: one where a viewer is who was silent for a little less than long, or for long,
// and one that a viewer has proved and is not at.
func TestRivals(t *testing.T) {
	w := newStage(t, nil)
	first, second := w.join(viewerAt), w.join(hostAt(1, 5000))
	first.prove()
	first.shake()
	first.send(first.report())
	w.s.answerCheck(first.viewer(), first.checkFrom(movedTo))
	if w.s.byAddress[movedTo] != first.viewer() {
		t.Fatal("a second address is not proved")
	}
	if w.s.answerCheck(second.viewer(), second.checkFrom(movedTo)); w.s.byAddress[movedTo] != second.viewer() || len(first.viewer().proved) != 1 {
		t.Error("an address where a viewer is not is not given up")
	}
	w.run(rivalSilence - (w.l.Awake() - first.viewer().lastSign) - time.Millisecond)
	third := w.join(hostAt(2, 5000))
	if w.s.answerCheck(third.viewer(), third.checkFrom(viewerAt)); w.s.byAddress[viewerAt] != first.viewer() {
		t.Error("the address is given up too soon")
	}
	w.run(time.Millisecond)
	if w.s.answerCheck(third.viewer(), third.checkFrom(viewerAt)); w.s.byAddress[viewerAt] != third.viewer() || len(first.viewer().proved) != 0 {
		t.Error("the address is not given up")
	}
}

// TestConsentAfterMoving has a viewer move: from then on its checks count from where it is, and not from where it was.
func TestConsentAfterMoving(t *testing.T) {
	for _, fromThere := range []bool{true, false} {
		w := newStage(t, nil)
		g := w.plays(viewerAt)
		g.moveTo(movedTo)
		g.prove()
		g.send(g.report())
		if !fromThere {
			g.moveTo(viewerAt)
		}
		for range 8 {
			w.run(5 * time.Second)
			g.send(g.check(g.password))
		}
		if n, _ := w.sessions(); (n == 1) != fromThere {
			t.Errorf("checks from where it is: %v; %d sessions", fromThere, n)
		}
	}
}

// TestUnreachedIsLogged has two viewers not play in time: one whose datagrams do not come, which is logged, and one whose do.
func TestUnreachedIsLogged(t *testing.T) {
	for _, comes := range []bool{true, false} {
		log := lines{&strings.Builder{}}
		w := newStage(t, func(c *cast.Config) { c.Log = slog.New(log) })
		g := w.join(viewerAt)
		if comes {
			g.prove()
		}
		w.run(12 * time.Second)
		if has := strings.Contains(log.text.String(), "--public-address"); has == comes {
			t.Errorf("something has come: %v; the log: %s", comes, log.text)
		}
	}
}
