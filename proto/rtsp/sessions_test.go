package rtsp

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// Point 12: whatever Transport says, media goes to the TCP peer.
func TestDestinationIsThePeer(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(mapped(alice), server)
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1",
		"Transport: RTP/AVP;unicast;destination=203.0.113.9;client_port=5000-5001;source=203.0.113.9"), StatusOK)
	m.told(t, "setup session1 cam udp 192.0.2.1:5000 192.0.2.1:5001")
}

// A session does not exist for another address, even if its id is known there.
func TestForeignSession(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
	m.log = nil
	thief := s.Accept(bob, server)
	for _, method := range []string{"SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "OPTIONS"} {
		want(t, ask(t, thief, 0, method+" "+camTrack+" RTSP/1.0", "CSeq: 1", "Session: session1", udpOffer), StatusSessionNotFound, "Session:")
	}
	m.told(t)
	want(t, ask(t, s.Accept(alice, server), 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 2", "Session: session1"), StatusOK)
}

// Point 5: readers are told apart by their channels, also when all their reports carry the same SSRC.
func TestInterleavedSessionsOfOneConnection(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	for i, offered := range []struct{ transport, granted string }{
		{"RTP/AVP/TCP;interleaved=4-5", "4-5"},
		{"RTP/AVP/TCP;unicast;interleaved=4-5", "0-1"}, // taken: the next free pair
		{"RTP/AVP/TCP;unicast;interleaved=5-6", "2-3"}, // overlaps
		{"RTP/AVP/TCP;unicast;interleaved=9", "9-10"},
		{"RTP/AVP/TCP", "6-7"},
		{"RTP/AVP/TCP;unicast;interleaved=20-30", "12-13"}, // no neighbours: not a proposal; 8 and 10 overlap 9-10
		{"RTP/AVP/TCP;unicast;interleaved=254-255", "254-255"},
	} {
		r := ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", "Transport: "+offered.transport)
		want(t, r, StatusOK, fmt.Sprintf(`Transport: RTP/AVP/TCP;unicast;interleaved=%s;ssrc=0CA3CA57;mode="PLAY"`, offered.granted),
			fmt.Sprintf("Session: session%d;timeout=60", i+1))
	}
	m.log = nil
	report := "\x81\xc9\x00\x01same"
	out, err := c.Receive(0, []byte("$\x05\x00\x08"+report+"$\x01\x00\x08"+report+"$\xff\x00\x08"+report+"$\x63\x00\x08"+report), nil)
	if err != nil || len(out) != 0 {
		t.Fatal(out, err)
	}
	m.told(t, fmt.Sprintf("rtcp session1 5 %x", report), fmt.Sprintf("rtcp session2 1 %x", report), fmt.Sprintf("rtcp session7 255 %x", report))
}

func TestChannelsRunOut(t *testing.T) {
	_, s := newStage(Config{MaxSessionsPerConn: 1000})
	c := s.Accept(alice, server)
	for range 128 {
		want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", "Transport: RTP/AVP/TCP"), StatusOK)
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", "Transport: RTP/AVP/TCP"), StatusUnsupportedTransport)
}

// An interleaved session ends with its connection; a UDP session on the same one does not.
func TestConnectionLoss(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", tcpOffer)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", "Transport: RTP/AVP;multicast")
	m.log = nil
	c.Close()
	m.told(t, "end session2 connection closed")
	if _, err := c.Receive(0, []byte("OPTIONS * RTSP/1.0\r\n"), nil); err != ErrClosed {
		t.Fatalf("Receive after Close: %v, want ErrClosed", err)
	}
	again := s.Accept(alice, server)
	want(t, ask(t, again, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 4", "Session: session2"), StatusSessionNotFound)
	want(t, ask(t, again, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 5", "Session: session1"), StatusOK)
}

// A session that does not play may change its transport, also to another connection; a refusal leaves it as it was.
func TestChangeOfTransport(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
	session, _ := s.Session("session1")
	m.setup = func(Transport) Answer { return Answer{Status: StatusNotEnoughBandwidth} }
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", "Session: session1", tcpOffer), StatusNotEnoughBandwidth)
	if session.Transport().Protocol != UDP || s.Len() != 1 {
		t.Fatalf("after a refusal: %v, %d sessions", session.Transport(), s.Len())
	}
	m.setup = nil
	other := s.Accept(alice, server)
	want(t, ask(t, other, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", "Session: session1", tcpOffer), StatusOK, "Session: session1;timeout=60")
	if session.Conn() != other || c.Sessions() != 0 || other.Sessions() != 1 || s.Len() != 1 {
		t.Fatalf("the session did not move: %d and %d sessions", c.Sessions(), other.Sessions())
	}
	// The same channels once more: they are its own, so they are free.
	want(t, ask(t, other, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", "Session: session1", tcpOffer), StatusOK,
		`Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0CA3CA57;mode="PLAY"`)
	c.Close()
	m.log = nil
	other.Close()
	m.told(t, "end session1 connection closed")
}

func TestPlayIsRefusedByMedia(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
	session, _ := s.Session("session1")
	m.play = Answer{Status: StatusServiceUnavailable}
	want(t, ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 2", "Session: session1"), StatusServiceUnavailable)
	if session.State() != Ready {
		t.Fatal("playing after a refusal")
	}
	m.play, m.start = Answer{}, Start{Unknown: true}
	want(t, ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 3", "Session: session1"), StatusOK, "RTP-Info:", "Range: npt=now-")
	want(t, ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 4", "Session: session1"), StatusOK) // goes on
	if session.State() != Playing {
		t.Fatal("not playing")
	}
}

// Point 3: what counts as life, and what does not.
func TestSignsOfLife(t *testing.T) {
	tests := map[string]struct {
		from netip.AddrPort
		in   string
		want []string
	}{
		"keep-alive of nobody":      {alice, crlf("GET_PARAMETER * RTSP/1.0", "CSeq: 9"), nil},
		"keep-alive":                {alice, crlf("GET_PARAMETER * RTSP/1.0", "CSeq: 9", "Session: session2"), []string{"session2"}},
		"refused request":           {alice, crlf("PLAY "+camURL+" RTSP/1.0", "CSeq: 9", "Session: session2", "Range: npt=9-1"), []string{"session2"}},
		"teardown":                  {alice, crlf("TEARDOWN "+camURL+" RTSP/1.0", "CSeq: 9", "Session: session2"), []string{"session2"}},
		"RTCP, twice":               {alice, "$\x01\x00\x01x$\x03\x00\x01x$\x01\x00\x01x", []string{"session1", "session2", "session1"}},
		"request without session":   {alice, crlf("OPTIONS * RTSP/1.0", "CSeq: 9"), nil},
		"a method not allowed":      {alice, crlf("ANNOUNCE * RTSP/1.0", "CSeq: 9", "Session: session2"), nil},
		"on nobody's channel":       {alice, "$\x00\x00\x01x$\x09\x00\x01x", nil},
		"another address's request": {bob, crlf("OPTIONS * RTSP/1.0", "CSeq: 9", "Session: session2"), nil},
	}
	for name, test := range tests {
		m, s := newStage(Config{})
		c := s.Accept(alice, server)
		ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)
		ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", tcpOffer)
		if test.from != alice {
			c = s.Accept(test.from, server)
		}
		m.alive = nil
		if _, err := c.Receive(5*time.Second, []byte(test.in), nil); err != nil || !slices.Equal(m.alive, test.want) {
			t.Errorf("%s: signs of life of %q, want %q; %v", name, m.alive, test.want, err)
		}
		active := 5 * time.Second
		if name == "on nobody's channel" {
			active = 0
		}
		if c.LastActive() != active {
			t.Errorf("%s: last active at %v, want %v", name, c.LastActive(), active)
		}
	}
}

// A session that its owner ends is gone for the client, and Media is not told what it knows.
func TestEndByTheOwner(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	for range 4 {
		ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", "Transport: RTP/AVP/TCP")
	}
	m.log = nil
	var ids []string
	for session := range s.Sessions() {
		ids = append(ids, session.ID())
		if session.ID() != "session2" {
			continue
		}
		third, _ := s.Session("session3")
		for _, ended := range []*Session{session, session, third} { // the same one twice, and one that is still to come
			if ended.End(); ended.Conn() != nil {
				t.Errorf("%s names a connection after its end", ended.ID())
			}
		}
	}
	if !slices.Equal(ids, []string{"session1", "session2", "session4"}) || s.Len() != 2 || c.Sessions() != 2 {
		t.Fatalf("sessions %v; %d left, %d on the connection", ids, s.Len(), c.Sessions())
	}
	m.told(t)
	want(t, ask(t, c, 0, "TEARDOWN "+camURL+" RTSP/1.0", "CSeq: 2", "Session: session2"), StatusSessionNotFound)
	for range s.Sessions() {
		break
	}
	c.Close()
	m.told(t, "end session4 connection closed", "end session1 connection closed")
	if got := s.Stats(); got.Sessions != 4 || got.Refused != 1 {
		t.Fatalf("stats %+v", got)
	}
}

// A player that stops when its stream is over is told so by no error, and nobody else hears of the session.
func TestStopAfterTheEnd(t *testing.T) {
	m, s := newStage(Config{})
	c, other := s.Accept(alice, server), s.Accept(alice, server)
	for _, offer := range []string{udpOffer, tcpOffer} {
		ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", offer)
	}
	stop := func(c *Conn, method, session string, status Status) {
		t.Helper()
		m.log = nil
		want(t, ask(t, c, 0, method+" "+camURL+" RTSP/1.0", "CSeq: 2", "Session: "+session+";timeout=60"), status)
		m.told(t)
	}
	for _, id := range []string{"session1", "session2"} {
		session, _ := s.Session(id)
		session.End()
		stop(c, "PAUSE", id, StatusOK)
		stop(c, "TEARDOWN", id, StatusOK)
		stop(c, "PLAY", id, StatusSessionNotFound)
		stop(c, "GET_PARAMETER", id, StatusSessionNotFound)
		stop(other, "TEARDOWN", id, StatusSessionNotFound)
	}
	stop(c, "PAUSE", "session1", StatusSessionNotFound)
	stop(other, "PAUSE", "", StatusSessionNotFound)
}

// An id is the whole id.
func TestSessionIDCutShort(t *testing.T) {
	_, s := newStage(Config{NewID: func() string { return "0123456789abcdef" }})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
	for _, id := range []string{"01234567", "0123456789abcde", "0", "0123456789abcdef0", "89abcdef", "0123456789ABCDEF", "01234567;timeout=60", ";0123456789abcdef"} {
		for _, method := range []string{"SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"} {
			want(t, ask(t, c, 0, method+" "+camURL+" RTSP/1.0", "CSeq: 2", "Session: "+id, udpOffer), StatusSessionNotFound)
		}
	}
	want(t, ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 3", "Session:  0123456789abcdef ; timeout=60"), StatusOK)
}

// A Media may end the session it is being told about.
func TestEndFromWithin(t *testing.T) {
	m, s := newStage(Config{})
	m.onRTCP = func(session *Session) { session.End() }
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)
	m.log = nil
	r := askRaw(t, c, 0, "$\x01\x00\x01x$\x01\x00\x01y"+crlf("OPTIONS * RTSP/1.0", "CSeq: 2"))
	want(t, r, StatusOK)
	m.told(t, "rtcp session1 1 78")
	m.onRTCP = func(session *Session) { session.Conn().Close() }
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)
	m.log = nil
	if out, err := c.Receive(0, []byte("$\x01\x00\x01x$\x01\x00\x01y"+crlf("OPTIONS * RTSP/1.0", "CSeq: 2")), nil); err != nil || len(out) != 0 {
		t.Fatalf("a connection closed meanwhile: %q, %v", out, err)
	}
	m.told(t, "rtcp session2 1 78", "end session2 connection closed")

	m.onAlive = func(session *Session) { session.End() }
	c = s.Accept(alice, server)
	for _, in := range []string{"$\x01\x00\x01x", crlf("PLAY "+camURL+" RTSP/1.0", "CSeq: 2", "Session: session4")} {
		ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer)
		m.log = nil
		out, err := c.Receive(0, []byte(in), nil)
		if all := responses(t, out); err != nil || len(all) > 1 || len(all) == 1 && all[0].StatusCode != 454 {
			t.Fatalf("a session ended by its sign of life: %q, %v", out, err)
		}
		m.told(t)
	}
}

func TestSessionIDs(t *testing.T) {
	next := []string{"short", "with space", "line\r\nbreak", "öööööö", "abcd1234", "abcd1234", "$-_.+ABC9"}
	_, s := newStage(Config{NewID: func() string {
		if len(next) == 0 {
			return "abcd1234"
		}
		id := next[0]
		next = next[1:]
		return id
	}})
	c := s.Accept(alice, server)
	setup := func() Status {
		return Status(ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer).StatusCode)
	}
	if got := setup(); got != StatusInternalServerError { // four that cannot be used
		t.Fatalf("status %v", got)
	}
	if got := setup(); got != StatusOK || s.sessions["abcd1234"] == nil {
		t.Fatalf("status %v", got)
	}
	if got := setup(); got != StatusOK || s.sessions["$-_.+ABC9"] == nil { // one in use, then a good one
		t.Fatalf("status %v", got)
	}
	if got := setup(); got != StatusInternalServerError { // always one in use
		t.Fatalf("status %v", got)
	}
}
