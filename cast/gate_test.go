package cast_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/join"
)

// gate is a Gate that notes what it is asked, and answers only if decide does.
type gate struct {
	asked   []cast.Request
	answers []func(cast.Grant, error)
	decide  func(r cast.Request, answer func(cast.Grant, error))
}

func (g *gate) Admit(r cast.Request, answer func(cast.Grant, error)) {
	g.asked = append(g.asked, r)
	g.answers = append(g.answers, answer)
	if g.decide != nil {
		g.decide(r, answer)
	}
}

// newGatedWorld is a world with a gate.
func newGatedWorld(t *testing.T) (*world, *gate) {
	g := &gate{}
	return newWorld(t, 1, func(c *cast.Config) { c.Gate = g }), g
}

// tell sends a request without waiting for its answer.
func (v *viewer) tell(method, url, headers string) {
	v.w.t.Helper()
	v.cseq++
	if v.session != "" {
		headers += "Session: " + v.session + "\r\n"
	}
	if _, err := v.conn.Write(fmt.Appendf(nil, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, v.cseq, headers)); err != nil {
		v.w.t.Fatal(err)
	}
}

// heads are the answers so far: status, and CSeq.
func (v *viewer) heads() string {
	var all []string
	for _, head := range v.answers {
		_, cseq, _ := strings.Cut(head, "CSeq: ")
		cseq, _, _ = strings.Cut(cseq, "\r\n")
		all = append(all, cseq+":"+strings.Fields(head)[1])
	}
	return strings.Join(all, " ")
}

const (
	udpTransport = "Transport: RTP/AVP;unicast;client_port=30000-30001\r\n"
	tcpTransport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
)

// TestGateAnswers has the gate give every kind of answer, at once and later, to each protocol.
func TestGateAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status string
		reason join.Reason // 0: admitted
	}{
		{"admitted", nil, "RTSP/1.0 200 OK", 0},
		{"another error", errors.New("not before eight"), "RTSP/1.0 403 Forbidden: not before eight", join.Forbidden},
		{"forbidden", &cast.Refusal{Kind: cast.Forbidden, Reason: "no"}, "RTSP/1.0 403 Forbidden: no", join.Forbidden},
		{"without a reason", &cast.Refusal{Kind: cast.Forbidden}, "RTSP/1.0 403 Forbidden", join.Forbidden},
		{"without a kind", &cast.Refusal{Reason: "no"}, "RTSP/1.0 403 Forbidden: no", join.Forbidden},
		{"no such stream", &cast.Refusal{Kind: cast.NoSuchStream, Reason: "no"}, "RTSP/1.0 404 Not Found: no", join.NoSuchStream},
		{"limit", &cast.Refusal{Kind: cast.LimitReached, Reason: "limit reached (paid=1)"}, "RTSP/1.0 453 Not Enough Bandwidth: limit reached (paid=1)", join.Full},
		{"limit of the address", &cast.Refusal{Kind: cast.AddressLimitReached, Reason: "yours"}, "RTSP/1.0 453 Not Enough Bandwidth: yours", join.AddressFull},
		{"unavailable", &cast.Refusal{Kind: cast.Unavailable, Reason: "soon", RetryAfter: 3 * time.Second}, "RTSP/1.0 503 Service Unavailable: soon", join.Unavailable},
		{"wrapped", fmt.Errorf("by the rule: %w", &cast.Refusal{Kind: cast.Unavailable, Reason: "soon"}), "RTSP/1.0 503 Service Unavailable: soon", join.Unavailable},
		{"closed", cast.ErrClosed, "RTSP/1.0 503 Service Unavailable: the stream has ended", join.Unavailable},
	} {
		for _, delay := range []time.Duration{0, 100 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s after %v", c.name, delay), func(t *testing.T) {
				w, g := newGatedWorld(t)
				g.decide = func(r cast.Request, answer func(cast.Grant, error)) {
					decide := func() { answer(cast.Grant{User: "anna"}, c.err) }
					if delay == 0 {
						decide()
						return
					}
					w.l.NewTimer(decide).SetAfter(delay)
				}
				asking := w.l.Now()
				v := w.connect("10.0.1.1")
				for _, request := range []struct{ method, headers string }{{"DESCRIBE", ""}, {"SETUP", udpTransport}} {
					_, head := v.ask(request.method, streamURL, request.headers)
					status, _, _ := strings.Cut(head, "\r\n")
					if retry := strings.Contains(head, "Retry-After: 3"); status != c.status || retry != (c.name == "unavailable") {
						t.Errorf("%s is answered by\n%s\nwant %s", request.method, head, c.status)
					}
				}
				j := w.joins("10.0.1.2:7000", "cam")
				w.until(func() bool { return j.client.Accepted() != nil || j.err != nil })
				refused, _ := errors.AsType[*join.RefusedError](j.err)
				if c.reason == 0 && refused != nil || c.reason != 0 && (refused == nil || refused.Reason != c.reason) {
					t.Errorf("the request to join ends with %v, want reason %d", j.err, c.reason)
				}
				if took := w.l.Now() - asking; took < 3*delay {
					t.Errorf("all was answered after %v", took)
				}
				want := "[rtsp describe 10.0.0.1:8554 cam] [rtsp watch 10.0.0.1:8554 cam] [join watch 10.0.0.1:5004 cam]"
				var asked []string
				for _, r := range g.asked {
					asked = append(asked, fmt.Sprintf("[%v %v %v %s]", r.Protocol, r.Action, r.Local, r.Stream))
				}
				if got := strings.Join(asked, " "); got != want || g.asked[0].Peer != v.conn.Addr() || g.asked[2].Peer != j.peer.Addr() {
					t.Errorf("the gate was asked %s, want %s", got, want)
				}
				for s := range w.b.Sessions() {
					if s.User() != "anna" {
						t.Errorf("session %d is of %q", s.ID(), s.User())
					}
				}
				if c.reason == 0 && !strings.Contains(w.log.String(), `msg="reader joined" stream=cam peer=10.0.1.2:7000 protocol=join user=anna`) {
					t.Error("the log does not say who has joined")
				}
				if n := strings.Count(w.log.String(), "reader refused: "); (c.reason != 0) != (n > 0) {
					t.Errorf("%d refusals in the log", n)
				}
			})
		}
	}
}

// TestGateThatNeverAnswers refuses after ten seconds, and nobody else waits for it.
func TestGateThatNeverAnswers(t *testing.T) {
	w, g := newGatedWorld(t)
	g.decide = admitAt("10.0.2.")
	other := w.watch("10.0.2.1", false)
	waiting := w.connect("10.0.1.1")
	also := w.connect("10.0.1.2")
	began := w.l.Now()
	waiting.tell("DESCRIBE", streamURL, "")
	also.tell("SETUP", streamURL, udpTransport)
	j := w.joins("10.0.1.3:7000", "cam")
	w.until(func() bool { return len(g.asked) == 4 })
	w.run(began + cast.GateTimeout - w.l.Now() - time.Millisecond)
	if len(waiting.answers)+len(also.answers) > 0 || j.err != nil {
		t.Fatalf("answered too early: %q %q %v", waiting.answers, also.answers, j.err)
	}
	w.run(2 * time.Millisecond)
	if len(waiting.answers) != 1 || len(also.answers) != 1 || j.err == nil {
		t.Fatalf("not answered after %v: %q %q %v", w.l.Now()-began, waiting.answers, also.answers, j.err)
	}
	for _, v := range []*viewer{waiting, also} {
		if !strings.HasPrefix(v.answers[0], "RTSP/1.0 503 Service Unavailable: no answer from the gate\r\n") {
			t.Errorf("answered by %s", v.answers[0])
		}
	}
	if refused, ok := errors.AsType[*join.RefusedError](j.err); !ok || refused.Reason != join.Unavailable {
		t.Error(j.err)
	}
	for _, answer := range g.answers { // too late, and twice
		answer(cast.Grant{}, nil)
		answer(cast.Grant{}, errors.New("no"))
	}
	w.run(time.Second)
	if waiting.heads() != "1:503" || also.heads() != "1:503" || w.b.Readers() != 1 || sessions(w) != 1 {
		t.Errorf("late answers: %s, %s; %d readers, %d sessions", waiting.heads(), also.heads(), w.b.Readers(), sessions(w))
	}
	if other.row(10 * framesPerSecond); other.gaps > 0 {
		t.Errorf("the other reader has lost %d packets", other.gaps)
	}
	if status, _ := waiting.ask("OPTIONS", "*", ""); status != 200 {
		t.Errorf("OPTIONS on the connection that was refused: %d", status)
	}
}

// admitAt admits whom it is asked about at once, if the address begins with prefix, and leaves
// the others without an answer.
func admitAt(prefix string) func(cast.Request, func(cast.Grant, error)) {
	return func(r cast.Request, answer func(cast.Grant, error)) {
		if strings.HasPrefix(r.Peer.String(), prefix) {
			answer(cast.Grant{}, nil)
		}
	}
}

func sessions(w *world) (n int) {
	for range w.b.Sessions() {
		n++
	}
	return n
}

// TestAnswersTwice has the gate answer a request twice, the second time with something else.
func TestAnswersTwice(t *testing.T) {
	for _, first := range []error{nil, errors.New("no")} {
		w, g := newGatedWorld(t)
		second := errors.New("no")
		if first != nil {
			second = nil
		}
		g.decide = func(_ cast.Request, answer func(cast.Grant, error)) {
			answer(cast.Grant{}, first)
			answer(cast.Grant{}, second)
		}
		v := w.connect("10.0.1.1")
		v.tell("SETUP", streamURL, udpTransport)
		w.run(time.Second)
		g.answers[0](cast.Grant{}, second)
		w.run(time.Second)
		want := map[bool]string{true: "1:200", false: "1:403"}[first == nil]
		if v.heads() != want || len(g.asked) != 1 {
			t.Errorf("answered by %s, want %s; asked %d times", v.heads(), want, len(g.asked))
		}
	}
}

// TestPipelinedBehindTheGate has requests come behind one that waits: all are answered in order,
// each is decided by itself, and the connection is not read meanwhile.
func TestPipelinedBehindTheGate(t *testing.T) {
	w, g := newGatedWorld(t)
	v := w.connect("10.0.1.1")
	v.tell("OPTIONS", "*", "")
	v.tell("DESCRIBE", streamURL, "")
	v.tell("DESCRIBE", streamURL, "")
	v.tell("SETUP", streamURL, udpTransport)
	v.tell("SETUP", streamURL, "Transport: RTP/AVP;unicast;client_port=30002-30003\r\n")
	v.tell("OPTIONS", "*", "")
	answers := []error{nil, errors.New("not twice"), nil, errors.New("not twice")}
	for i, err := range answers {
		w.until(func() bool { return len(g.asked) == i+1 })
		w.run(50 * time.Millisecond)
		if len(g.asked) != i+1 || len(v.answers) != i+1 {
			t.Fatalf("the gate was asked %d times, and %d requests are answered; want %d", len(g.asked), len(v.answers), i+1)
		}
		g.answers[i](cast.Grant{}, err)
	}
	w.run(50 * time.Millisecond)
	if got, want := v.heads(), "1:200 2:200 3:403 4:200 5:403 6:200"; got != want {
		t.Errorf("answered by %s, want %s", got, want)
	}
}

// TestConnectionIsNotReadMeanwhile has a peer send much behind a request that waits: it stays in
// the kernel until there is an answer.
func TestConnectionIsNotReadMeanwhile(t *testing.T) {
	w, g := newGatedWorld(t)
	v := w.connect("10.0.1.1")
	v.tell("DESCRIBE", streamURL, "")
	w.until(func() bool { return len(g.asked) == 1 })
	const many = 5000 // some 170 kB: far more than is kept behind a request
	for range many {
		v.tell("OPTIONS", "*", "")
		if v.cseq%100 == 0 {
			w.run(time.Millisecond)
		}
	}
	w.run(time.Second)
	if v.conn.Ended() || v.conn.Err() != nil || len(v.answers) != 0 {
		t.Fatalf("ended %v, %v; %d answers", v.conn.Ended(), v.conn.Err(), len(v.answers))
	}
	g.answers[0](cast.Grant{}, nil)
	w.until(func() bool { return len(v.answers) == many+1 })
	if g.answers[0](cast.Grant{}, nil); !strings.Contains(v.answers[many], fmt.Sprintf("CSeq: %d\r\n", many+1)) {
		t.Errorf("the last answer is %s", v.answers[many])
	}
}

// TestTwoWaitAtOnce has two readers wait for the gate, which answers the second one first.
func TestTwoWaitAtOnce(t *testing.T) {
	w, g := newGatedWorld(t)
	first, second := w.connect("10.0.1.1"), w.connect("10.0.1.2")
	first.tell("SETUP", streamURL, udpTransport)
	w.until(func() bool { return len(g.asked) == 1 })
	second.tell("SETUP", streamURL, tcpTransport)
	w.until(func() bool { return len(g.asked) == 2 })
	g.answers[1](cast.Grant{}, nil)
	w.run(time.Second)
	if first.heads() != "" || second.heads() != "1:200" {
		t.Errorf("after the second answer: %q, %q", first.heads(), second.heads())
	}
	g.answers[0](cast.Grant{}, errors.New("no"))
	w.run(time.Second)
	if first.heads() != "1:403" || second.heads() != "1:200" {
		t.Errorf("after both: %q, %q", first.heads(), second.heads())
	}
}

// TestIdleConnectionWaits has the gate take longer than a connection may be idle.
func TestIdleConnectionWaits(t *testing.T) {
	g := &gate{}
	w := newWorld(t, 1, func(c *cast.Config) { c.Gate, c.SessionTimeout = g, 2*time.Second })
	v := w.connect("10.0.1.1")
	v.tell("DESCRIBE", streamURL, "")
	w.run(9 * time.Second)
	if v.conn.Ended() {
		t.Fatal("a connection whose request waits is closed as idle")
	}
	g.answers[0](cast.Grant{}, nil)
	w.run(time.Second)
	if v.heads() != "1:200" {
		t.Errorf("answered by %q", v.heads())
	}
}

// TestWhatEndsBeforeTheAnswer closes a connection, the stream or the broadcaster while requests
// wait for the gate. Its answers find nobody, and no timer is left behind.
func TestWhatEndsBeforeTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		end     func(w *world, v *viewer)
		answers string
	}{
		"the connection":         {func(_ *world, v *viewer) { v.conn.Reset() }, ""},
		"the stream":             {func(w *world, _ *viewer) { _ = w.s.Close() }, "1:404"},
		"the stream is replaced": {replaceStream, "1:503"},
		"the broadcaster":        {func(w *world, _ *viewer) { _ = w.b.Close() }, ""},
		"the broadcaster leaves": {func(w *world, _ *viewer) { w.b.Leave(func() {}) }, "1:404"},
	} {
		for _, answer := range []error{nil, errors.New("no")} {
			t.Run(fmt.Sprintf("%s, %v", name, answer), func(t *testing.T) {
				w, g := newGatedWorld(t)
				v := w.connect("10.0.1.1")
				v.tell("SETUP", streamURL, udpTransport)
				w.joins("10.0.1.2:7000", "cam")
				w.until(func() bool { return len(g.asked) == 2 })
				c.end(w, v)
				w.run(100 * time.Millisecond)
				asked := len(g.asked)
				for _, decide := range g.answers {
					decide(cast.Grant{}, answer)
				}
				w.run(100 * time.Millisecond)
				if len(g.asked) > asked { // about the new stream
					g.answers[asked](cast.Grant{}, &cast.Refusal{Kind: cast.Unavailable})
					w.run(100 * time.Millisecond)
				}
				want, readers := c.answers, 0
				if want == "1:404" && answer != nil {
					want = "1:403" // who is refused does not learn of the end
				}
				if name == "the connection" && answer == nil {
					readers = 1 // who joins has none
				}
				if name == "the stream is replaced" && len(g.asked) == asked {
					t.Error("what was decided about the old stream counts for the new one")
				}
				if v.heads() != want || w.b.Readers() != readers || sessions(w) != readers {
					t.Errorf("answered by %q, want %q; %d readers, %d sessions", v.heads(), want, w.b.Readers(), sessions(w))
				}
				if err := w.b.Close(); err != nil {
					t.Error(err)
				}
				if due, set := w.l.NextTimer(); set {
					t.Errorf("a timer is set for %v, now it is %v", due, w.l.Now())
				}
			})
		}
	}
}

// replaceStream closes the world's stream, and adds another one under its name.
func replaceStream(w *world, _ *viewer) {
	if err := w.s.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.camera = newCamera(w.t, w.k)
	var err error
	if w.s, err = w.b.AddStream("cam", w.camera, cast.StreamOptions{}); err != nil {
		w.t.Fatal(err)
	}
}

// TestNothingIsLeftOfThoseWhoHangUp has many ask and hang up, one after the other, while neither
// the gate nor the camera answers.
func TestNothingIsLeftOfThoseWhoHangUp(t *testing.T) {
	for _, gated := range []bool{true, false} {
		w := newEmptyWorld(t, 1, []netip.Addr{serverAddr}, func(c *cast.Config) {
			if gated {
				c.Gate = &gate{}
			}
		})
		w.camera = newCamera(t, w.k)
		w.camera.slow = true
		if _, err := w.b.AddStream("cam", w.camera, cast.StreamOptions{}); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			v := w.connect("10.0.1.1")
			v.tell("DESCRIBE", streamURL, "")
			w.run(20 * time.Millisecond)
			v.conn.Reset()
			w.run(20 * time.Millisecond)
		}
		fired := w.l.Stats().Timers
		w.run(12 * time.Second)
		if n := w.l.Stats().Timers - fired; n > 10 { // reports, of nobody
			t.Errorf("gated %v: %d timers have fired for those who have hung up", gated, n)
		}
	}
}

// TestGateInterferes has the gate end sessions and close things while it is asked.
func TestGateInterferes(t *testing.T) {
	t.Run("end a session on the same connection", func(t *testing.T) {
		w, g := newGatedWorld(t)
		g.decide = admitAt("10.")
		v := w.watch("10.0.1.1", true)
		w.run(time.Second)
		g.decide = func(_ cast.Request, answer func(cast.Grant, error)) {
			for s := range w.b.Sessions() {
				s.End("kicked")
				s.End("kicked twice")
			}
			answer(cast.Grant{}, nil)
		}
		v.session = ""
		v.tell("SETUP", streamURL, tcpTransport)
		w.run(time.Second)
		if !v.conn.Ended() || w.b.Readers() != 0 || sessions(w) != 0 {
			t.Errorf("ended %v, %d readers, %d sessions", v.conn.Ended(), w.b.Readers(), sessions(w))
		}
	})
	t.Run("close the stream", func(t *testing.T) {
		w, g := newGatedWorld(t)
		g.decide = func(_ cast.Request, answer func(cast.Grant, error)) {
			if err := w.s.Close(); err != nil {
				t.Error(err)
			}
			answer(cast.Grant{}, nil)
		}
		v := w.connect("10.0.1.1")
		v.tell("DESCRIBE", streamURL, "")
		w.run(time.Second)
		if v.heads() != "1:404" {
			t.Errorf("answered by %s", v.heads())
		}
	})
	t.Run("close the broadcaster", func(t *testing.T) {
		for _, byJoin := range []bool{false, true} {
			w, g := newGatedWorld(t)
			g.decide = func(cast.Request, func(cast.Grant, error)) {
				if err := w.b.Close(); err != nil {
					t.Error(err)
				}
			}
			if byJoin {
				w.joins("10.0.1.1:7000", "cam")
			} else {
				w.connect("10.0.1.1").tell("DESCRIBE", streamURL, "")
			}
			w.until(func() bool { return len(g.asked) == 1 })
			w.run(100 * time.Millisecond)
			if _, set := w.l.NextTimer(); set || len(w.k.OpenFDs()) > 0 {
				t.Errorf("a timer is set: %v; fds %v are open", set, w.k.OpenFDs())
			}
		}
	})
}
