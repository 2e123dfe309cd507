package rtsp

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// receive hands over what the client sends, and fails if the connection is to be closed.
func receive(t *testing.T, c *Conn, in string) string {
	t.Helper()
	out, err := c.Receive(0, []byte(in), nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// resume asks again about the request that waits.
func resume(t *testing.T, c *Conn) string {
	t.Helper()
	out, err := c.Resume(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// statuses are those of responses, by their CSeq.
func statuses(t *testing.T, out string) string {
	t.Helper()
	var all []string
	for _, r := range responses(t, []byte(out)) {
		all = append(all, strings.Join(r.Header["CSeq"], "|")+":"+Status(r.StatusCode).String())
	}
	return strings.Join(all, ", ")
}

func always() bool { return true }

var (
	describe4 = crlf("DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 4")
	play4     = crlf("PLAY "+camURL+" RTSP/1.0", "CSeq: 4", "Session: session1")
	options5  = crlf("OPTIONS * RTSP/1.0", "CSeq: 5")
	teardown6 = crlf("TEARDOWN "+camURL+" RTSP/1.0", "CSeq: 6", "Session: session1")
)

// newReader is a connection with session1, set up.
func newReader(t *testing.T, offer string) (*stage, *Server, *Conn) {
	t.Helper()
	m, s := newStage(Config{MaxRequestBytes: 2048})
	c := s.Accept(alice, server)
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", offer), StatusOK)
	m.log, m.alive = nil, nil
	return m, s, c
}

// Two requests come in one segment, and the first one waits: both are answered as if nothing had waited, in their order, and
// nothing is done or counted before.
func TestTheFirstOfTwoWaits(t *testing.T) {
	requests := map[string]string{
		"describe":         describe4,
		"set up":           crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", udpOffer),
		"change transport": crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", "Session: session1", "Transport: RTP/AVP/TCP"),
		"play":             play4,
		"refused":          crlf("DESCRIBE rtsp://h/busy RTSP/1.0", "CSeq: 4"),
		"with a body":      "DESCRIBE " + camURL + " RTSP/1.0\r\nCSeq: 4\r\nContent-Length: 3\r\n\r\n$\r\n",
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			m, s, c := newReader(t, udpOffer)
			want, told, alive, stats := receive(t, c, request+options5), m.log, m.alive, s.Stats()

			m, s, c = newReader(t, udpOffer)
			session, before := s.sessions["session1"], s.Stats()
			transport := session.Transport()
			m.later = always
			for i, ask := range []func() string{
				func() string { return receive(t, c, request+options5) }, // the first time
				func() string { return resume(t, c) },
				func() string { return resume(t, c) },
			} {
				if out := ask(); out != "" || !c.Waiting() {
					t.Fatalf("attempt %d: %q, waiting %v", i, out, c.Waiting())
				}
				if s.Stats() != before || s.Len() != 1 || c.Sessions() != 1 || session.Transport() != transport || session.State() != Ready || len(m.log) > 0 {
					t.Fatalf("attempt %d: %+v, %d sessions, %v, media was told %q", i, s.Stats(), s.Len(), session.Transport(), m.log)
				}
			}
			m.later = nil
			if out := resume(t, c); out != want || c.Waiting() {
				t.Fatalf("waiting %v, answered\n%s\nwant\n%s", c.Waiting(), out, want)
			}
			if out := resume(t, c); out != "" {
				t.Fatalf("resumed once more: %q", out)
			}
			if strings.Join(m.log, " ") != strings.Join(told, " ") || strings.Join(m.alive, " ") != strings.Join(alive, " ") || s.Stats() != stats {
				t.Fatalf("media was told %q and %q, %+v\nwant %q and %q, %+v", m.log, m.alive, s.Stats(), told, alive, stats)
			}
			if c.partial != nil {
				t.Errorf("%d bytes are kept", len(c.partial))
			}
		})
	}
}

// One after the other waits: each is resumed by itself, and the rest of an incomplete one may come before or after.
func TestAllWait(t *testing.T) {
	m, _, c := newReader(t, udpOffer)
	later := true
	m.later = func() bool { later = !later; return !later } // every other time
	if out := receive(t, c, describe4+options5+play4+describe4[:20]); out != "" {
		t.Fatalf("answered %q", out)
	}
	if got := statuses(t, resume(t, c)); got != "4:OK, 5:OK" || !c.Waiting() {
		t.Fatalf("%s, waiting %v", got, c.Waiting())
	}
	if got := statuses(t, resume(t, c)); got != "4:OK" || c.Waiting() {
		t.Fatalf("%s, waiting %v", got, c.Waiting())
	}
	if out := receive(t, c, describe4[20:]); out != "" || !c.Waiting() {
		t.Fatalf("%q, waiting %v", out, c.Waiting())
	}
	receive(t, c, options5)
	if got := statuses(t, resume(t, c)); got != "4:OK, 5:OK" {
		t.Fatal(got)
	}
}

// The client's offers are asked for in its order, and again from the first one when the request is resumed.
func TestLaterForAnOffer(t *testing.T) {
	m, s := newStage(Config{})
	var asked []Protocol
	answer := Later
	m.setup = func(tr Transport) Answer {
		asked = append(asked, tr.Protocol)
		if tr.Protocol == UDP {
			return Answer{Status: StatusUnsupportedTransport, Reason: "no UDP"}
		}
		return answer
	}
	c := s.Accept(alice, server)
	request := crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer+",RTP/AVP/TCP,RTP/AVP;multicast")
	receive(t, c, request)
	if !c.Waiting() || len(asked) != 2 {
		t.Fatalf("waiting %v, asked for %v", c.Waiting(), asked)
	}
	answer = OK
	if got := statuses(t, resume(t, c)); got != "1:OK" || len(asked) != 4 || asked[2] != UDP || asked[3] != TCP {
		t.Fatalf("%s, asked for %v", got, asked)
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", udpOffer), StatusUnsupportedTransport)
}

// A session ends while its PLAY waits: by TEARDOWN behind it, by TEARDOWN from another connection, by its owner.
func TestEndWhileWaiting(t *testing.T) {
	tests := map[string]struct {
		end    func(t *testing.T, s *Server, c *Conn)
		answer string
		told   []string
	}{
		"teardown behind it": {func(t *testing.T, _ *Server, c *Conn) {
			if out := receive(t, c, teardown6); out != "" {
				t.Errorf("TEARDOWN behind a request that waits: %q", out)
			}
		}, "4:OK, 6:OK", []string{"play session1", "end session1 teardown"}},
		"teardown from elsewhere": {func(t *testing.T, s *Server, _ *Conn) {
			if got := statuses(t, receive(t, s.Accept(alice, server), teardown6)); got != "6:OK" {
				t.Errorf("TEARDOWN: %s", got)
			}
		}, "4:Session Not Found", []string{"end session1 teardown"}},
		"by its owner": {func(_ *testing.T, s *Server, _ *Conn) { s.sessions["session1"].End() }, "4:Session Not Found", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, s, c := newReader(t, udpOffer)
			m.later = always
			receive(t, c, play4)
			test.end(t, s, c)
			m.later = nil
			if got := statuses(t, resume(t, c)); got != test.answer || s.Len() != 0 {
				t.Errorf("%s, want %s; %d sessions", got, test.answer, s.Len())
			}
			m.told(t, test.told...)
		})
	}
}

// The connection closes while a request waits: nobody is asked, nothing is made.
func TestCloseWhileWaiting(t *testing.T) {
	for _, request := range []string{describe4, play4, crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", udpOffer)} {
		m, s, c := newReader(t, tcpOffer)
		m.later = always
		receive(t, c, request+options5)
		c.Close()
		m.later = func() bool { t.Error("media is asked after the end"); return false }
		if out, err := c.Resume(0, nil); c.Waiting() || err != ErrClosed || len(out) > 0 {
			t.Errorf("waiting %v, %q, %v", c.Waiting(), out, err)
		}
		m.told(t, "end session1 connection closed")
		if s.Len() != 0 || c.partial != nil || s.Stats().Sessions != 1 {
			t.Errorf("%d sessions, %d bytes kept, %+v", s.Len(), len(c.partial), s.Stats())
		}
	}
}

// Media closes the connection, or resumes it, while it is asked.
func TestMediaInterferes(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	m.later = func() bool { c.Close(); return true }
	if out := receive(t, c, describe4+options5); out != "" || c.Waiting() || c.partial != nil {
		t.Errorf("%q, waiting %v, %d bytes kept", out, c.Waiting(), len(c.partial))
	}
	c = s.Accept(alice, server)
	asked := 0
	m.later = func() bool {
		if out, err := c.Resume(0, nil); len(out) > 0 || err != nil || c.Waiting() {
			t.Errorf("resumed while it is asked: %q, %v, waiting %v", out, err, c.Waiting())
		}
		asked++
		return asked < 3
	}
	receive(t, c, describe4)
	resume(t, c)
	if got := statuses(t, resume(t, c)); got != "4:OK" || asked != 3 {
		t.Errorf("%s, asked %d times", got, asked)
	}
}

// Setup ends its session, or closes its connection, and refuses.
func TestSetupEndsWhatItIsAskedFor(t *testing.T) {
	m, s, c := newReader(t, udpOffer)
	session := s.sessions["session1"]
	m.setup = func(Transport) Answer { session.End(); return Answer{Status: StatusForbidden} }
	change := crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", "Session: session1", tcpOffer)
	if got := statuses(t, receive(t, c, change+play4)); got != "4:Forbidden, 4:Session Not Found" || c.Sessions() != 0 || s.Len() != 0 {
		t.Errorf("%s; %d sessions, %d on the connection", got, s.Len(), c.Sessions())
	}
	m.setup = func(Transport) Answer { c.Close(); return Answer{Status: StatusForbidden} }
	if got := statuses(t, receive(t, c, crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", tcpOffer)+options5)); got != "4:Forbidden" || c.Sessions() != 0 || s.Len() != 0 {
		t.Errorf("%s; %d sessions, %d on the connection", got, s.Len(), c.Sessions())
	}
}

// Frames that come while a request waits are taken when it is their turn.
func TestFramesWhileWaiting(t *testing.T) {
	m, _, c := newReader(t, tcpOffer)
	m.later = always
	receive(t, c, "$\x01\x00\x01a"+play4+"$\x01\x00\x01b")
	receive(t, c, "$\x01\x00")
	m.told(t, "rtcp session1 1 61")
	m.later = nil
	if got := statuses(t, resume(t, c)); got != "4:OK" {
		t.Fatal(got)
	}
	receive(t, c, "\x01c"+options5)
	m.told(t, "play session1", "rtcp session1 1 62", "rtcp session1 1 63")
}

// MaxRequestBytes are kept behind a request that waits, and no more, whichever way they come.
func TestBacklog(t *testing.T) {
	const limit = 2048
	behind := strings.Repeat(options5, limit/len(options5)+1)
	for name, segments := range map[string][]string{
		"in one segment": {options5 + describe4 + behind[:limit], behind[limit : limit+1]},
		"in two":         {options5 + describe4, behind[:limit], behind[limit : limit+1]},
		"at once":        {options5 + describe4 + behind[:limit+1]},
	} {
		m, s := newStage(Config{MaxRequestBytes: limit})
		m.later = always
		c := s.Accept(alice, server)
		var out []byte
		var err error
		for i, segment := range segments {
			if out, err = c.Receive(0, []byte(segment), out); err != nil && i < len(segments)-1 {
				t.Fatalf("%s: segment %d: %v", name, i, err)
			}
		}
		if err == nil || errors.Is(err, ErrClosed) || c.Waiting() || c.partial != nil || statuses(t, string(out)) != "5:OK" {
			t.Errorf("%s: %v, waiting %v, %q", name, err, c.Waiting(), out)
		}
		if _, err := c.Resume(0, nil); err != ErrClosed {
			t.Errorf("%s: resumed with %v", name, err)
		}
	}
	m, s := newStage(Config{MaxRequestBytes: limit})
	m.later = always
	c := s.Accept(alice, server)
	receive(t, c, describe4+behind[:limit])
	m.later = nil
	if n := strings.Count(resume(t, c), "200 OK"); n != 1+limit/len(options5) {
		t.Errorf("%d answers", n)
	}
}

// Framing that is lost behind a request that waits is an error when it is looked at.
func TestLostFramingWhileWaiting(t *testing.T) {
	m, _, c := newReader(t, udpOffer)
	m.later = always
	receive(t, c, describe4+"\x00")
	m.later = nil
	out, err := c.Resume(0, nil)
	if err == nil || statuses(t, string(out)) != "4:OK, :Bad Request" {
		t.Errorf("%v, %q", err, out)
	}
}

// A connection whose request waits is not idle when it is resumed.
func TestResumedIsActive(t *testing.T) {
	m, _, c := newReader(t, udpOffer)
	m.later = always
	receive(t, c, describe4)
	if _, err := c.Resume(time.Minute, nil); err != nil || c.LastActive() != time.Minute {
		t.Errorf("last active at %v, %v", c.LastActive(), err)
	}
	m.later = nil
	resume(t, c)
	if _, err := c.Resume(time.Hour, nil); err != nil || c.LastActive() != 0 {
		t.Errorf("nothing waits: last active at %v, %v", c.LastActive(), err)
	}
}

// TestYield has the rest left for later after each request, and after a lot of frames that nobody wants.
func TestYield(t *testing.T) {
	asked := 0
	_, s := newStage(Config{Yield: func() bool { asked++; return true }})
	c := s.Accept(alice, server)
	got := []string{statuses(t, receive(t, c, describe4+options5+options5[:10]))}
	for c.Pending() {
		got = append(got, statuses(t, resume(t, c)))
	}
	got = append(got, statuses(t, receive(t, c, options5[10:])))
	want := []string{"4:OK", "5:OK", "", "5:OK"}
	if !slices.Equal(got, want) || asked != 2 || c.Pending() || c.partial != nil {
		t.Errorf("%q, asked %d times, want %q", got, asked, want)
	}
	asked = 0
	rounds := 0
	for receive(t, c, strings.Repeat("$\x07\x00\x00", 1000)); c.Pending(); rounds++ {
		resume(t, c)
	}
	if rounds != asked || rounds != 1000/64 {
		t.Errorf("a thousand frames were handled in %d rounds, and %d times it was asked", rounds+1, asked)
	}
	// Nothing is handled before what came first, and nothing once it is closed.
	if out := receive(t, c, describe4+options5) + receive(t, c, describe4); statuses(t, out) != "4:OK" {
		t.Errorf("%q, want one answer", out)
	}
	c.Close()
	if _, err := c.Resume(0, nil); !errors.Is(err, ErrClosed) || c.Pending() {
		t.Errorf("%v, pending: %v", err, c.Pending())
	}
}
