package webrtc

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/whep"
)

// restart has a viewer restart ICE.
func (g *guest) restart(ufrag string) {
	g.w.t.Helper()
	f, err := whep.ParseFragment([]byte("a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"))
	if err != nil {
		g.w.t.Fatal(err)
	}
	tag, answer, err := g.w.s.Restart(g.name, cast.Request{Protocol: cast.WebRTC, Local: netip.AddrPortFrom(serverAt, 8080)}, f)
	if err != nil || tag == g.tag {
		g.w.t.Fatalf("%q, %v", tag, err)
	}
	before := *g
	g.tag = tag
	g.takeNames(string(answer))
	if g.ufrag == before.ufrag || g.password == before.password || !strings.Contains(string(answer), "a=candidate:1 1 udp 2130706431 192.0.2.1 5004 typ host\r\n") {
		g.w.t.Errorf("%s", answer)
	}
}

// TestRestart has a viewer change its network and restart ICE: what was before proves nothing any more, and the frames go on with the
// same keys.
func TestRestart(t *testing.T) {
	w := newStage(t, nil)
	g := w.plays(viewerAt)
	w.publish(time.Second)
	before := g.check(g.password)
	g.restart("ysXw")
	if session, tag, ufrag := w.s.Find("cam", g.name, "anna"); session == nil || tag != g.tag || ufrag != "ysXw" {
		t.Errorf("%v, %q, %q", session, tag, ufrag)
	}
	w.publish(time.Second)
	if g.got["frames"] != 40 {
		t.Errorf("%v: frames do not go on while ICE restarts", g.got)
	}
	g.moveTo(movedTo)
	g.send(before)
	w.run(20 * time.Millisecond)
	if len(g.got) > 0 || w.s.byAddress[movedTo] != nil {
		t.Errorf("%v: a check by the password before is answered", g.got)
	}
	g.prove()
	g.send(g.report())
	w.publish(time.Second)
	if n, playing := w.sessions(); n != 1 || playing != 1 || g.got["frames"] != 20 || g.got["wrong RTP"]+g.got["wrong STUN"] > 0 || len(w.begun) != 1 || len(w.s.byUfrag) != 1 {
		t.Errorf("%d sessions, %d play; %v; %d handshakes; %d names", n, playing, g.got, len(w.begun), len(w.s.byUfrag))
	}
	for range 3 { // one after the other, as a viewer that moves does
		g.restart("more")
	}
	g.prove()
	w.s.byID[g.name].session.End("kicked")
	if _, _, err := w.s.Restart(g.name, cast.Request{}, &whep.Fragment{}); err == nil {
		t.Error("ICE of a session that has ended restarts")
	}
}
