package cast_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop/sim"
	"github.com/camcast/camcast/proto/rtsp"
)

// passwords is a Gate with anna, who may see everything, and otto, who may see the stream door.
type passwords struct {
	users map[string]cast.Secret
	asked []cast.Request
}

// secrets takes a tenth of a second, so it is made once.
var secrets = sync.OnceValue(func() map[string]cast.Secret {
	all := map[string]cast.Secret{}
	for _, user := range []string{"anna", "otto"} {
		var err error
		if all[user], err = usePassword(user, "pw of "+user); err != nil {
			panic(err)
		}
	}
	return all
})

func (p *passwords) Admit(r cast.Request, answer func(cast.Grant, error)) {
	p.asked = append(p.asked, r)
	secret, known := p.users[r.User()]
	switch {
	case !r.Verify(secret) || !known:
		answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized})
	case r.User() == "otto" && r.Stream != "door":
		answer(cast.Grant{}, &cast.Refusal{Kind: cast.Forbidden})
	default:
		answer(cast.Grant{User: r.User()}, nil)
	}
}

// newGuardedWorld is a world with passwords, and the streams cam and door.
func newGuardedWorld(t *testing.T) (*world, *passwords) {
	p := &passwords{users: secrets()}
	w := newWorld(t, 1, func(c *cast.Config) { c.Gate = p })
	if _, err := w.b.AddStream("door", newCamera(t, w.k), cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	w.run(time.Second)
	return w, p
}

// login has a viewer send a request twice: without a password, and with one. It returns the status of both answers and the
// head of the last one.
func (v *viewer) login(user, password, method, url, headers string) (statuses string, head string) {
	v.w.t.Helper()
	_, first := v.ask(method, url, headers)
	var challenges base.HeaderValue
	for line := range strings.SplitSeq(first, "\r\n") {
		if value, ok := strings.CutPrefix(line, "WWW-Authenticate: "); ok {
			challenges = append(challenges, value)
		}
	}
	sender := &auth.Sender{WWWAuth: challenges, User: user, Pass: password}
	if err := sender.Initialize(); err != nil {
		v.w.t.Fatalf("%v: %s", err, first)
	}
	u, err := base.ParseURL(url)
	if err != nil {
		v.w.t.Fatal(err)
	}
	request := &base.Request{Method: base.Method(method), URL: u}
	sender.AddAuthorization(request)
	_, head = v.ask(method, url, headers+"Authorization: "+request.Header["Authorization"][0]+"\r\n")
	return strings.Fields(first)[1] + " " + strings.Fields(head)[1], head
}

const doorURL, nowhereURL = "rtsp://10.0.0.1:8554/door", "rtsp://10.0.0.1:8554/nowhere"

// TestPasswordsByRTSP: what everybody gets who asks for whatever stream, also for one that there is not.
func TestPasswordsByRTSP(t *testing.T) {
	w, _ := newGuardedWorld(t)
	if _, err := w.s.SendTo(cast.Destination{Peer: netip.MustParseAddrPort("239.1.2.3:6000"), TTL: 1}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ user, password, url, want string }{
		{"anna", "pw of anna", streamURL, "401 200"},
		{"anna", "pw of anna", doorURL, "401 200"},
		{"anna", "pw of anna", nowhereURL, "401 404"},
		{"otto", "pw of otto", doorURL, "401 200"},
		{"otto", "pw of otto", streamURL, "401 403"},
		{"otto", "pw of otto", nowhereURL, "401 403"},
		{"anna", "pw of otto", streamURL, "401 401"},
		{"anna", "pw of otto", nowhereURL, "401 401"},
		{"eve", "pw of anna", streamURL, "401 401"},
		{"eve", "", nowhereURL, "401 401"},
	} {
		for _, request := range []struct{ method, headers string }{
			{"DESCRIBE", ""}, {"SETUP", udpTransport}, {"SETUP", tcpTransport}, {"SETUP", "Transport: RTP/AVP;multicast\r\n"},
		} {
			v, before, want := w.connect("10.0.1.1"), sessions(w), c.want
			if strings.Contains(request.headers, "multicast") && c.url == doorURL {
				want = strings.Replace(want, "200", "461", 1) // it has no group
			}
			statuses, head := v.login(c.user, c.password, request.method, c.url, request.headers)
			if statuses != want {
				t.Errorf("%s with %s: %s %s, %s: answered by %s, want %s:\n%s", c.user, c.password, request.method, c.url, request.headers, statuses, want, head)
			}
			if strings.Contains(head, "Content-Type: text") {
				t.Errorf("the streams are listed:\n%s", head)
			}
			if n := sessions(w) - before; (n == 1) != (want == "401 200" && request.method == "SETUP") {
				t.Errorf("%s %s as %s: %d sessions", request.method, c.url, c.user, n)
			}
			v.conn.Reset()
			w.run(10 * time.Millisecond)
		}
	}
	if log := w.log.String(); strings.Contains(log, "pw of") || strings.Contains(log, "Digest") {
		t.Errorf("the log shows a password:\n%s", log)
	}
}

// TestNoPacketWithoutPassword has viewers go on after a refusal, as if there had been none.
func TestNoPacketWithoutPassword(t *testing.T) {
	w, _ := newGuardedWorld(t)
	packets := 0
	w.k.Inject(func(c sim.Call) error {
		if strings.HasPrefix(c.Name, "Sendm") && c.Peer.Addr() != serverAddr {
			packets++
		}
		return nil
	})
	for i, setup := range []func(*viewer) int{(*viewer).setupUDP, (*viewer).setupTCP} {
		v := w.connect(fmt.Sprintf("10.0.1.%d", i+1))
		if status := setup(v); status != 401 {
			t.Errorf("SETUP: %d", status)
		}
		for _, user := range []string{"anna", "eve"} {
			if statuses, _ := v.login(user, "guess", "SETUP", streamURL, tcpTransport); statuses != "401 401" {
				t.Errorf("SETUP: %s", statuses)
			}
		}
		for _, session := range []string{"", "0123456789abcdef0123456789abcdef"} {
			v.session = session
			if status, head := v.ask("PLAY", streamURL, ""); status != 454 {
				t.Errorf("PLAY: %s", head)
			}
		}
		w.run(2 * time.Second)
		if len(v.numbers)+len(v.reports)+packets > 0 || v.begun || sessions(w) > 0 {
			t.Errorf("%d frames, %d reports, %d datagrams, %d sessions", len(v.numbers), len(v.reports), packets, sessions(w))
		}
	}
}

// TestGateSeesNoStrangersNames: what is asked for and is not there has no name, so that nothing of a
// stranger's comes into a gate or a log.
func TestGateSeesNoStrangersNames(t *testing.T) {
	w, p := newGuardedWorld(t)
	v := w.connect("10.0.1.1")
	for _, url := range []string{nowhereURL, "rtsp://10.0.0.1:8554/", "rtsp://10.0.0.1:8554/n%1bwhere"} {
		for _, method := range []string{"DESCRIBE", "SETUP"} {
			if status, head := v.ask(method, url, udpTransport); status != 401 {
				t.Errorf("%s %s: %s", method, url, head)
			}
		}
	}
	w.joinsAs("10.0.3.1:7000", "nowhere", "eve", "")
	w.joinsAs("10.0.3.2:7000", "the list", "eve", "")
	w.run(time.Second)
	if len(p.asked) != 8 {
		t.Errorf("asked %d times", len(p.asked))
	}
	for i, r := range p.asked {
		if r.Stream != "" || (r.Action == cast.List) != (i == 7) {
			t.Errorf("asked %+v", r)
		}
	}
	if strings.Contains(w.log.String(), "where") {
		t.Errorf("the log says:\n%s", w.log.String())
	}
}

// TestPlayersAskFirst: every player asks without a password first, which is nothing to log.
func TestPlayersAskFirst(t *testing.T) {
	w, _ := newGuardedWorld(t)
	v := w.connect("10.0.1.1")
	if statuses, _ := v.login("anna", "pw of anna", "DESCRIBE", streamURL, ""); statuses != "401 200" {
		t.Fatal(statuses)
	}
	if log := w.log.String(); strings.Contains(log, "refused") {
		t.Errorf("the log says:\n%s", log)
	}
	v.login("anna", "pw of otto", "DESCRIBE", streamURL, "")
	if log := w.log.String(); !strings.Contains(log, `msg="reader refused: unauthorized" peer=10.0.1.1:`) {
		t.Errorf("the log says:\n%s", log)
	}
}

// TestGuessing has many connections try passwords until each is closed. They cost a line of the log a second.
func TestGuessing(t *testing.T) {
	w, _ := newGuardedWorld(t)
	anna := w.connect("10.0.1.1")
	if statuses, _ := anna.login("anna", "pw of anna", "DESCRIBE", streamURL, ""); statuses != "401 200" {
		t.Fatal(statuses)
	}
	began := w.l.Now()
	for range 50 {
		v := w.connect("10.0.2.1")
		for range rtsp.MaxFailures {
			if statuses, _ := v.login("anna", "guess", "SETUP", streamURL, udpTransport); statuses != "401 401" {
				t.Fatal(statuses)
			}
		}
		w.until(v.conn.Ended)
	}
	lines, seconds := strings.Count(w.log.String(), "\n"), int((w.l.Now()-began)/time.Second)
	if lines > 10+seconds {
		t.Errorf("%d lines of log in %d s:\n%s", lines, seconds, w.log.String())
	}
	if status, _ := anna.ask("OPTIONS", streamURL, ""); status != 200 {
		t.Errorf("OPTIONS: %d", status)
	}
}

// TestSessionsAreTheirUsers has otto, who may see the stream too, change the way of anna's session from the same address.
func TestSessionsAreTheirUsers(t *testing.T) {
	w, _ := newGuardedWorld(t)
	anna, otto := w.connect("10.0.1.1"), w.connect("10.0.1.1")
	statuses, head := anna.login("anna", "pw of anna", "SETUP", doorURL, udpTransport)
	if statuses != "401 200" {
		t.Fatal(statuses)
	}
	_, session, _ := strings.Cut(head, "Session: ")
	session, _, _ = strings.Cut(session, ";")
	anna.session, otto.session = session, session
	if statuses, _ := otto.login("otto", "pw of otto", "SETUP", doorURL, tcpTransport); statuses != "401 403" {
		t.Errorf("otto: %s", statuses)
	}
	if statuses, _ := anna.login("anna", "pw of anna", "SETUP", doorURL, tcpTransport); statuses != "401 200" {
		t.Errorf("anna: %s", statuses)
	}
}
