package rtsp

import (
	"net/netip"
	"strings"
	"testing"
)

func mapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
}

// Every status that is ever sent, with the request RFC 2326 wants it for. session1 is set up, session2 plays.
func TestStatuses(t *testing.T) {
	long := "rtsp://h/" + strings.Repeat("x", maxURLBytes)
	tests := []struct {
		name    string
		request []string
		status  Status
		headers []string
	}{
		{"options of all", []string{"OPTIONS * RTSP/1.0", "CSeq: 1"}, 200, []string{"CSeq: 1", "Public: " + allMethods}},
		{"options of a stream nobody has", []string{"OPTIONS rtsp://h/none RTSP/1.0", "CSeq: 1"}, 200, nil},
		{"timestamp is echoed", []string{"OPTIONS * RTSP/1.0", "CSeq: 1", "Timestamp: 12.5"}, 200, []string{"Timestamp: 12.5"}},
		{"keep-alive without session", []string{"GET_PARAMETER " + camURL + " RTSP/1.0", "CSeq: 1"}, 200, nil},
		{"keep-alive of the server", []string{"GET_PARAMETER * RTSP/1.0", "CSeq: 1", "Session: session2"}, 200, []string{"Session: session2"}},
		{"set nothing", []string{"SET_PARAMETER * RTSP/1.0", "CSeq: 1"}, 200, nil},
		{"names in any case", []string{"OPTIONS * RTSP/1.0", "cSEQ:1"}, 200, []string{"CSeq: 1"}},
		{"describe", []string{"DESCRIBE " + camURL + "/ RTSP/1.0", "CSeq: 1", "Accept: application/sdp"}, 200, []string{"Content-Base: " + camURL + "/"}},
		{"describe the only stream", []string{"DESCRIBE rtsp://h RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/"}},
		{"describe the track", []string{"DESCRIBE " + camTrack + " RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: " + camURL + "/"}},
		{"credentials are not repeated", []string{"DESCRIBE rtsp://me:pw@h/cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/cam/"}},
		{"escapes", []string{"DESCRIBE rtsp://h/dir/my%20cam/ RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/dir/my%20cam/"}},
		{"space in URL", []string{"DESCRIBE rtsp://h/dir/my cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/dir/my%20cam/"}},
		{"any password", []string{"DESCRIBE rtsp://me:a#b%c[d]e?f@g h@h/cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/cam/"}},
		{"slash in the password", []string{"DESCRIBE rtsp://me:a/b@h:1/cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h:1/cam/"}},
		{"zone", []string{"DESCRIBE rtsp://[fe80::1%eth0]:8554/cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://[fe80::1%eth0]:8554/cam/"}},
		{"zone, escaped", []string{"DESCRIBE rtsp://[fe80::1%25eth0]:8554/cam RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://[fe80::1%25eth0]:8554/cam/"}},
		{"track of another server's", []string{"DESCRIBE rtsp://h/cam/streamid=0 RTSP/1.0", "CSeq: 1"}, 200, []string{"Content-Base: rtsp://h/cam/"}},
		{"accept all", []string{"DESCRIBE " + camURL + " RTSP/1.0", "CSeq: 1", "Accept: text/html;q=0.1, */*;q=0.5"}, 200, nil},
		{"play with a session that is set up", []string{"PLAY " + camTrack + " RTSP/1.0", "CSeq: 1", "Session: session1"}, 200, []string{"Session: session1"}},
		{"pause before play", []string{"PAUSE " + camURL + " RTSP/1.0", "CSeq: 1", "Session: session1"}, 200, nil},

		{"no CSeq", []string{"OPTIONS * RTSP/1.0"}, 400, []string{"CSeq:"}},
		{"CSeq is no number", []string{"OPTIONS * RTSP/1.0", "CSeq: one"}, 400, []string{"CSeq:"}},
		{"CSeq without end", []string{"OPTIONS * RTSP/1.0", "CSeq: 123456789012345678901"}, 400, []string{"CSeq:"}},
		{"no version", []string{"OPTIONS *", "CSeq: 1"}, 400, []string{"CSeq: 1"}},
		{"two spaces", []string{"OPTIONS  * RTSP/1.0", "CSeq: 1"}, 400, []string{"CSeq: 1"}},
		{"relative URL", []string{"DESCRIBE /cam RTSP/1.0", "CSeq: 1"}, 400, nil},
		{"URL of another scheme", []string{"DESCRIBE http://h/cam RTSP/1.0", "CSeq: 1"}, 400, nil},
		{"URL without host", []string{"DESCRIBE rtsp:///cam RTSP/1.0", "CSeq: 1"}, 400, nil},
		{"URL with a password and no host", []string{"DESCRIBE rtsp://me:pw@/cam RTSP/1.0", "CSeq: 1"}, 400, nil},
		{"header without colon", []string{"OPTIONS * RTSP/1.0", "CSeq: 1", "nonsense"}, 400, []string{"CSeq: 1"}},
		{"space before colon", []string{"OPTIONS * RTSP/1.0", "CSeq: 1", "Session : session1"}, 400, []string{"CSeq: 1"}},
		{"setup without Transport", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1"}, 400, nil},

		{"broken escape", []string{"DESCRIBE rtsp://h/%zz RTSP/1.0", "CSeq: 1"}, 404, nil},
		{"describe nothing", []string{"DESCRIBE rtsp://h/none RTSP/1.0", "CSeq: 1"}, 404, nil},
		{"set up nothing", []string{"SETUP rtsp://h/none RTSP/1.0", "CSeq: 1", udpOffer}, 404, nil},
		{"another track", []string{"SETUP " + camURL + "/trackID=1 RTSP/1.0", "CSeq: 1", udpOffer}, 404, nil},
		{"record", []string{"RECORD " + camURL + " RTSP/1.0", "CSeq: 1", "Session: session2"}, 405, []string{"Allow: " + allMethods}},
		{"announce", []string{"ANNOUNCE " + camURL + " RTSP/1.0", "CSeq: 1"}, 405, []string{"Allow: " + allMethods}},
		{"play the server", []string{"PLAY * RTSP/1.0", "CSeq: 1", "Session: session1"}, 405, []string{"Allow: " + starMethods}},
		{"accept something else", []string{"DESCRIBE " + camURL + " RTSP/1.0", "CSeq: 1", "Accept: text/html, application/mheg"}, 406, nil},
		{"accept anything but", []string{"DESCRIBE " + camURL + " RTSP/1.0", "CSeq: 1", "Accept: application/sdp; q=0.0"}, 406, nil},
		{"long URL", []string{"DESCRIBE " + long + " RTSP/1.0", "CSeq: 1"}, 414, []string{"CSeq: 1"}},

		{"play without session", []string{"PLAY " + camURL + " RTSP/1.0", "CSeq: 1"}, 454, nil},
		{"tear down without session", []string{"TEARDOWN " + camURL + " RTSP/1.0", "CSeq: 1"}, 454, nil},
		{"pause without session", []string{"PAUSE " + camURL + " RTSP/1.0", "CSeq: 1"}, 454, nil},
		{"play an unknown session", []string{"PLAY " + camURL + " RTSP/1.0", "CSeq: 1", "Session: session9"}, 454, []string{"Session:"}},
		{"set up an unknown session", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1", "Session: session9", udpOffer}, 454, nil},
		{"set up while playing", []string{"SETUP " + camTrack + " RTSP/1.0", "CSeq: 1", "Session: session2", tcpOffer}, 455, []string{"Allow: " + playingMethods}},
		{"range ends before its start", []string{"PLAY " + camURL + " RTSP/1.0", "CSeq: 1", "Session: session1", "Range: npt=10-5"}, 457, nil},
		{"bundle two streams", []string{"SETUP rtsp://h/two/trackID=0 RTSP/1.0", "CSeq: 1", "Session: session1", udpOffer}, 459, []string{"Session: session1"}},
		{"unknown transport", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1", "Transport: RTP/SAVPF;unicast;client_port=1-2"}, 461, nil},
		{"to record", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1", "Transport: RTP/AVP;unicast;client_port=1-2;mode=RECORD"}, 461, nil},
		{"ports out of range", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1", "Transport: RTP/AVP;unicast;client_port=65535-65536"}, 461, nil},

		{"unknown method", []string{"DANCE " + camURL + " RTSP/1.0", "CSeq: 1"}, 501, []string{"Public: " + allMethods}},
		{"method in lower case", []string{"options * RTSP/1.0", "CSeq: 1"}, 501, nil},
		{"redirect is for clients", []string{"REDIRECT " + camURL + " RTSP/1.0", "CSeq: 1"}, 501, nil},
		{"RTSP 2.0", []string{"OPTIONS * RTSP/2.0", "CSeq: 1"}, 505, []string{"CSeq: 1"}},
		{"require", []string{"SETUP " + camURL + " RTSP/1.0", "CSeq: 1", udpOffer, "Require: implicit-play, com.example"}, 551, []string{"Unsupported: implicit-play, com.example"}},
		{"proxy-require", []string{"OPTIONS * RTSP/1.0", "CSeq: 1", "Proxy-Require: gzipped-messages"}, 551, []string{"Unsupported: gzipped-messages"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, s := newStage(Config{})
			c := s.Accept(alice, server)
			ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer)
			ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", udpOffer)
			ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 3", "Session: session2")
			before := s.Stats()
			r := ask(t, c, 0, test.request...)
			want(t, r, test.status, test.headers...)
			if r.StatusMessage != test.status.String() {
				t.Errorf("reason %q, want %q", r.StatusMessage, test.status)
			}
			refused := s.Stats().Refused - before.Refused
			if s.Stats().Requests != before.Requests+1 || (refused == 1) != (test.status >= 400) {
				t.Errorf("counted %+v after %+v", s.Stats(), before)
			}
			want(t, ask(t, c, 0, "OPTIONS * RTSP/1.0", "CSeq: 4"), StatusOK, "CSeq: 4") // the connection lives on
		})
	}
}

func TestParametersInBody(t *testing.T) {
	_, s := newStage(Config{})
	c := s.Accept(alice, server)
	for _, method := range []string{"GET_PARAMETER", "SET_PARAMETER"} {
		want(t, askRaw(t, c, 0, method+" * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\njitter\r\n\n"), StatusParameterNotUnderstood)
		want(t, askRaw(t, c, 0, method+" * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\n\r\n"), StatusOK)
	}
}

func TestSessionsPerConnection(t *testing.T) {
	_, s := newStage(Config{MaxSessionsPerConn: 2})
	c := s.Accept(alice, server)
	for range 2 {
		want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), StatusOK)
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), StatusServiceUnavailable)
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer, "Session: session1"), StatusOK)
	ask(t, c, 0, "TEARDOWN "+camTrack+" RTSP/1.0", "CSeq: 1", "Session: session1")
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), StatusOK)
}

// Statuses of Media pass through; one that cannot stand in a status line does not.
func TestStatusOfMedia(t *testing.T) {
	for given, sent := range map[Status]Status{StatusNotEnoughBandwidth: 453, StatusForbidden: 403, 599: 599, 1: 500, 201: 500, 302: 500, 1000: 500} {
		m, s := newStage(Config{})
		m.setup = func(Transport) Answer { return Answer{Status: given} }
		want(t, ask(t, s.Accept(alice, server), 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), sent)
	}
}

func TestNewServerWantsItsParts(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Fatal("a server without NewID")
		}
	}()
	NewServer(Config{}, &stage{})
}
