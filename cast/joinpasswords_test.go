package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/join"
)

// joinsAs has a reader ask in a user's name, with a key that is derived from the password.
func (w *world) joinsAs(address, stream, user, password string) *joiner {
	w.t.Helper()
	key := joinKey(w.t, user, password)
	client := join.NewClient(stream, 5, join.Nonce{1})
	if stream == "the list" {
		client = join.NewListClient(5, join.Nonce{1})
	}
	if user != "" {
		client.SetUser(user, key)
	}
	peer, err := w.k.NewUDPPeer(netip.MustParseAddrPort(address))
	if err != nil {
		w.t.Fatal(err)
	}
	j := &joiner{w: w, peer: peer, server: rtpAddr, client: client}
	peer.OnReceive(j.receive)
	j.send(client.Start(w.l.Now(), nil))
	return j
}

// joinKeys are the keys that joinKey has made: one takes a second with the race detector.
var joinKeys sync.Map

// joinKey makes the key of a user's password, once for all tests.
func joinKey(t testing.TB, user, password string) join.Key {
	t.Helper()
	type of struct{ user, password string }
	key, found := joinKeys.Load(of{user, password})
	if !found {
		made, err := join.NewKey(user, password)
		if err != nil {
			t.Fatal(err)
		}
		key, _ = joinKeys.LoadOrStore(of{user, password}, made)
	}
	return key.(join.Key)
}

// TestPasswordsByJoin: the same for those who join, and for the list.
func TestPasswordsByJoin(t *testing.T) {
	w, _ := newGuardedWorld(t)
	for i, c := range []struct {
		user, password, stream string
		want                   join.Reason // 0: joins, or gets the list
	}{
		{"anna", "pw of anna", "cam", 0}, {"anna", "pw of anna", "nowhere", join.NoSuchStream}, {"anna", "pw of anna", "the list", 0},
		{"anna", "pw of anna", "", join.NoSuchStream}, // there are two
		{"otto", "pw of otto", "door", 0}, {"otto", "pw of otto", "cam", join.Forbidden}, {"otto", "pw of otto", "nowhere", join.Forbidden},
		{"otto", "pw of otto", "the list", join.Forbidden},
		{"anna", "pw of otto", "cam", join.Unauthorized}, {"anna", "pw of otto", "nowhere", join.Unauthorized},
		{"eve", "pw of anna", "cam", join.Unauthorized}, {"eve", "pw of anna", "the list", join.Unauthorized},
		{"", "", "cam", join.Unauthorized}, {"", "", "nowhere", join.Unauthorized}, {"", "", "", join.Unauthorized}, {"", "", "the list", join.Unauthorized},
	} {
		j := w.joinsAs(fmt.Sprintf("10.0.3.%d:7000", i+1), c.stream, c.user, c.password)
		w.run(time.Second)
		refused, _ := errors.AsType[*join.RefusedError](j.err)
		streams, listed := j.client.Streams()
		switch in := j.client.Accepted() != nil || listed && len(streams) == 2; {
		case c.want == 0 && (!in || c.stream != "the list" && j.frames == 0):
			t.Errorf("%+v: %v", c, j.err)
		case c.want != 0 && (in || refused == nil || refused.Reason != c.want || len(streams) > 0):
			t.Errorf("%+v: is in: %v, refused: %v", c, in, refused)
		case c.want != 0 && (j.frames > 0 || j.stats.Received() > 0 || j.reports > 0):
			t.Errorf("%+v: sent %d packets and %d reports", c, j.stats.Received(), j.reports)
		}
	}
	var users []string
	for s := range w.b.Sessions() {
		users = append(users, s.Stream().Name()+" "+s.User())
	}
	if got := strings.Join(users, ", "); got != "cam anna, door otto" {
		t.Errorf("the sessions are %s", got)
	}
	if log := w.log.String(); strings.Contains(log, "pw of") || !strings.Contains(log, "reader refused: unauthorized") {
		t.Errorf("the log says:\n%s", log)
	}
}

// TestRecordedJoin replays anna's request from another address, and from hers when the cookie is too old.
func TestRecordedJoin(t *testing.T) {
	w, p := newGuardedWorld(t)
	key, err := join.NewKey("anna", "pw of anna")
	if err != nil {
		t.Fatal(err)
	}
	anna := w.joinsAs("10.0.3.1:7000", "cam", "anna", "pw of anna")
	w.until(func() bool { return anna.client.Accepted() != nil })
	recorded := join.Request{SSRC: 5, Nonce: join.Nonce{1}, Cookie: anna.cookie, Stream: []byte("cam"), User: []byte("anna")}
	recorded.Prove(key)
	request := join.AppendRequest(nil, recorded)
	asked := len(p.asked)
	for _, address := range []string{"10.0.3.2:7000", "10.0.3.1:7001"} {
		eve, err := w.k.NewUDPPeer(netip.MustParseAddrPort(address))
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		eve.OnReceive(func(d sim.Datagram) {
			if got++; len(d.Payload) != 40 || len(d.Payload) > len(request) {
				t.Errorf("%s gets %d bytes for %d", address, len(d.Payload), len(request))
			}
		})
		if err := eve.Send(rtpAddr, request); err != nil {
			t.Fatal(err)
		}
		w.run(time.Second)
		if got != 1 {
			t.Errorf("%s gets %d datagrams, want a challenge", address, got)
		}
	}
	for s := range w.b.Sessions() {
		s.End("kicked")
	}
	w.run(join.CookieLifetime)
	anna.send(request)
	w.run(time.Second)
	if len(p.asked) != asked || sessions(w) != 0 {
		t.Errorf("the gate was asked %d times about recordings, %d sessions", len(p.asked)-asked, sessions(w))
	}
}

// TestAnotherStreamNeedsItsOwnRight: a reader that is refused another stream goes on with its own.
func TestAnotherStreamNeedsItsOwnRight(t *testing.T) {
	w, _ := newGuardedWorld(t)
	otto := w.joinsAs("10.0.3.1:7000", "door", "otto", "pw of otto")
	w.until(func() bool { return otto.frames > 0 })
	key, err := join.NewKey("otto", "pw of otto")
	if err != nil {
		t.Fatal(err)
	}
	door := otto.client
	otto.client = join.NewClient("cam", 5, join.Nonce{2})
	otto.client.SetUser("otto", key)
	otto.send(otto.client.Start(w.l.Now(), nil))
	w.until(func() bool { return otto.err != nil })
	frames := otto.frames
	w.run(time.Second)
	if otto.frames < frames+25 || sessions(w) != 1 || otto.byes > 0 || door.Accepted() == nil {
		t.Errorf("%d frames in a second after the refusal, %d sessions, %d goodbyes", otto.frames-frames, sessions(w), otto.byes)
	}
}
