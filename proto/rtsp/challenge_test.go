package rtsp

import (
	"errors"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

// TestNoncesOfOthers has a digest that was right on one connection come on another one.
func TestNoncesOfOthers(t *testing.T) {
	m, s := newGuarded()
	first, second := s.Accept(alice, server), s.Accept(alice, server)
	header := as("DESCRIBE", camURL, challenged(t, first))
	want(t, ask(t, first, 0, describeCam, "CSeq: 2", header), StatusOK)
	m.asked = 0
	r := ask(t, second, 0, describeCam, "CSeq: 1", header)
	want(t, r, StatusUnauthorized)
	if m.asked > 0 || !strings.Contains(r.Header["WWW-Authenticate"][1], `nonce="nonce-00000002", stale=true, `) {
		t.Errorf("asked %d times, %q", m.asked, r.Header)
	}
	want(t, ask(t, second, 0, describeCam, "CSeq: 2", as("DESCRIBE", camURL, "nonce-00000002")), StatusOK)
}

// TestNonceExpires: an old one is replaced, which is no failure.
func TestNonceExpires(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	header := as("DESCRIBE", camURL, challenged(t, c))
	want(t, ask(t, c, NonceTime-1, describeCam, "CSeq: 2", header), StatusOK)
	for range 2 * MaxFailures {
		r := ask(t, c, NonceTime, describeCam, "CSeq: 3", header)
		want(t, r, StatusUnauthorized)
		for _, challenge := range r.Header["WWW-Authenticate"] {
			if !strings.HasPrefix(challenge, `Digest realm="camcast", nonce="nonce-00000002", stale=true, `) {
				t.Errorf("challenged by %q", challenge)
			}
		}
	}
	want(t, ask(t, c, NonceTime, describeCam, "CSeq: 4", as("DESCRIBE", camURL, "nonce-00000002")), StatusOK)
}

// TestCountsGrow: a request that was sent before is not taken again, whatever it is for.
func TestCountsGrow(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	first := as("DESCRIBE", camURL, nonce, counted(3))
	want(t, ask(t, c, 0, describeCam, "CSeq: 2", first), StatusOK)
	for _, again := range []string{first, as("DESCRIBE", camURL, nonce, counted(2))} {
		r := ask(t, c, 0, describeCam, "CSeq: 3", again)
		want(t, r, StatusUnauthorized)
		if !strings.Contains(r.Header["WWW-Authenticate"][0], "stale=true") {
			t.Errorf("refused by %q", r.Header)
		}
	}
	_, s = newGuarded()
	c = s.Accept(alice, server)
	nonce = challenged(t, c)
	for _, count := range []int{1, 2, 0x10, 0x7fffffff} {
		want(t, ask(t, c, 0, describeCam, "CSeq: 4", as("DESCRIBE", camURL, nonce, counted(count))), StatusOK)
	}
}

// TestCountsOfWaitingRequests has a request wait for its answer, and be offered several transports: its count is looked at
// once.
func TestCountsOfWaitingRequests(t *testing.T) {
	m, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	waits := 2
	m.later = func() bool { waits--; return waits >= 0 }
	out, err := c.Receive(0, []byte(crlf(describeCam, "CSeq: 2", as("DESCRIBE", camURL, nonce, counted(1)))), nil)
	before := c.Request()
	for err == nil && c.Waiting() {
		out, err = c.Resume(0, out)
	}
	if all := responses(t, out); err != nil || len(all) != 1 || all[0].StatusCode != base.StatusOK || m.asked != 4 || c.Request() != before {
		t.Errorf("%q, %v, asked %d times; request %d was %d", out, err, m.asked, c.Request(), before)
	}
	m.setup = func(tr Transport) Answer {
		if tr.Protocol == UDP {
			return Answer{Status: StatusUnsupportedTransport}
		}
		return OK
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", udpOffer+",RTP/AVP/TCP;unicast;interleaved=0-1",
		as("SETUP", camTrack, nonce, counted(2))), StatusOK)
}

// TestFailuresCloseTheConnection: the last one is answered. Requests without credentials do not count.
func TestFailuresCloseTheConnection(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	for i := range MaxFailures {
		want(t, ask(t, c, 0, describeCam, "CSeq: 1"), StatusUnauthorized, "Connection:")
		out, err := c.Receive(0, []byte(crlf(describeCam, "CSeq: 2", as("DESCRIBE", camURL, nonce, wrongPassword))), nil)
		all := responses(t, out)
		if len(all) != 1 {
			t.Fatalf("failure %d is answered by %q", i, out)
		}
		last := i == MaxFailures-1
		if want(t, all[0], StatusUnauthorized); last != errors.Is(err, ErrCredentials) || last != (all[0].Header["Connection"] != nil) {
			t.Errorf("failure %d: %v, %q", i, err, out)
		}
	}
	if _, err := c.Receive(0, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSessionsNeedNoPassword: what names a session is its client's.
func TestSessionsNeedNoPassword(t *testing.T) {
	_, s := newGuarded()
	c := s.Accept(alice, server)
	nonce := challenged(t, c)
	r := ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", udpOffer, as("SETUP", camTrack, nonce))
	want(t, r, StatusOK)
	id, _, _ := strings.Cut(r.Header["Session"][0], ";")
	other := s.Accept(alice, server)
	for _, method := range []string{"PLAY", "GET_PARAMETER", "PAUSE", "OPTIONS", "TEARDOWN"} {
		want(t, ask(t, other, 0, method+" "+camURL+" RTSP/1.0", "CSeq: 3", "Session: "+id, as(method, camURL, "old", wrongPassword)), StatusOK)
	}
}

// TestNoRealm: what comes is not looked at.
func TestNoRealm(t *testing.T) {
	m, s := newStage(Config{})
	m.describe = Answer{Status: StatusUnauthorized}
	c := s.Accept(alice, server)
	for range 2 * MaxFailures {
		want(t, ask(t, c, 0, describeCam, "CSeq: 1", "Authorization: nonsense"), StatusUnauthorized, "WWW-Authenticate:")
	}
}
