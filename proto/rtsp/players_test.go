package rtsp

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The requests are those of the players themselves.

func TestFFmpegOverUDP(t *testing.T) {
	m, s := newStage(Config{Server: "camcast/test"})
	c := s.Accept(alice, server)
	agent := "User-Agent: Lavf59.27.100"
	want(t, ask(t, c, 0, "OPTIONS "+camURL+" RTSP/1.0", "CSeq: 1", agent), StatusOK, "CSeq: 1", "Server: camcast/test", "Public: "+allMethods)
	d := ask(t, c, 0, "DESCRIBE "+camURL+" RTSP/1.0", "Accept: application/sdp", "CSeq: 2", agent)
	want(t, d, StatusOK, "CSeq: 2", "Content-Base: "+camURL+"/", "Content-Type: application/sdp", "Session:")
	if !strings.Contains(string(d.Body), "\r\na=control:"+camTrack+"\r\n") {
		t.Fatalf("no absolute control of the track in %s", d.Body)
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "Transport: RTP/AVP/UDP;unicast;client_port=25292-25293", "CSeq: 3", agent), StatusOK,
		"Session: session1;timeout=60",
		`Transport: RTP/AVP;unicast;client_port=25292-25293;server_port=8000-8001;source=127.0.0.1;ssrc=0CA3CA57;mode="PLAY"`)
	want(t, ask(t, c, 0, "PLAY "+camURL+"/ RTSP/1.0", "Range: npt=0.000-", "CSeq: 4", agent, "Session: session1"), StatusOK,
		"Session: session1", "Range: npt=now-", "RTP-Info: url="+camTrack+";seq=65535;rtptime=4294967295")
	want(t, ask(t, c, 30*time.Second, "GET_PARAMETER "+camURL+"/ RTSP/1.0", "CSeq: 5", agent, "Session: session1"), StatusOK, "Session: session1")
	want(t, ask(t, c, 31*time.Second, "TEARDOWN "+camURL+"/ RTSP/1.0", "CSeq: 6", agent, "Session: session1"), StatusOK, "CSeq: 6")
	m.told(t, "setup session1 cam udp 192.0.2.1:25292 192.0.2.1:25293", "play session1", "end session1 teardown")
	if s.Len() != 0 || c.Sessions() != 0 {
		t.Fatalf("%d sessions left, %d on the connection", s.Len(), c.Sessions())
	}
}

// Points 1 and 2: with UDP silent, ffmpeg pauses and starts a second session over TCP, without a Session header.
func TestFFmpegFallsBackToTCP(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "Transport: RTP/AVP/UDP;unicast;client_port=25292-25293", "CSeq: 3")
	ask(t, c, 0, "PLAY "+camURL+"/ RTSP/1.0", "Range: npt=0.000-", "CSeq: 4", "Session: session1")
	want(t, ask(t, c, 5e9, "PAUSE "+camURL+"/ RTSP/1.0", "CSeq: 5", "Session: session1"), StatusOK)
	want(t, ask(t, c, 5e9, "SETUP "+camTrack+" RTSP/1.0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "CSeq: 6"), StatusOK,
		"Session: session2;timeout=60", `Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=0CA3CA57;mode="PLAY"`)
	want(t, ask(t, c, 5e9, "PLAY "+camURL+"/ RTSP/1.0", "Range: npt=0.000-", "CSeq: 7", "Session: session2"), StatusOK, "Session: session2")
	want(t, ask(t, c, 5e9, "PAUSE "+camURL+"/ RTSP/1.0", "CSeq: 8", "Session: session1"), StatusOK, "Session: session1") // again: still 200
	m.told(t, "setup session1 cam udp 192.0.2.1:25292 192.0.2.1:25293", "play session1", "pause session1", "setup session2 cam tcp 0-1", "play session2")
}

// A 461 to UDP makes players try TCP on the same connection.
func TestUnsupportedTransportThenTCP(t *testing.T) {
	m, s := newStage(Config{})
	m.setup = func(tr Transport) Answer {
		if tr.Protocol != TCP {
			return Answer{Status: StatusUnsupportedTransport}
		}
		return OK
	}
	c := s.Accept(alice, server)
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", udpOffer), StatusUnsupportedTransport, "Session:")
	if s.Len() != 0 || c.Sessions() != 0 {
		t.Fatal("a session without transport was kept")
	}
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 2", tcpOffer), StatusOK)
	// A list is tried in its order until one is taken.
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3",
		"Transport: RTP/AVP;unicast;client_port=5000-5001,RTP/AVP;multicast,RTP/AVP/TCP;unicast"), StatusOK,
		`Transport: RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=0CA3CA57;mode="PLAY"`)
}

func TestGStreamerMulticast(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", "Transport: RTP/AVP;multicast;mode=\"PLAY\""), StatusOK,
		`Transport: RTP/AVP;multicast;destination=239.1.2.3;port=5004-5005;ttl=16;source=127.0.0.1;ssrc=0CA3CA57;mode="PLAY"`)
	m.told(t, "setup session1 cam multicast")
}

// Points 2 and 3: GStreamer whose connection was closed goes on with UDP, and tears down from a new connection.
func TestGStreamerReconnects(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	agent := "User-Agent: GStreamer/1.22.0"
	ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", agent, "Transport: RTP/AVP;unicast;client_port=5000-5001", "Date: Mon, 01 Jan 2024 00:00:00 GMT")
	ask(t, c, 0, "PLAY "+camURL+"/ RTSP/1.0", "CSeq: 4", agent, "Range: npt=0-", "Session: session1;timeout=60")
	session, _ := s.Session("session1")
	if session.Conn() != c || session.State() != Playing || session.Path() != "cam" {
		t.Fatalf("conn %p of %p, state %d, path %q", session.Conn(), c, session.State(), session.Path())
	}
	c.Close()
	if session.Conn() != nil {
		t.Fatal("the session names a connection that is gone")
	}
	m.told(t, "setup session1 cam udp 192.0.2.1:5000 192.0.2.1:5001", "play session1")
	again := s.Accept(alice, server)
	m.alive = nil
	want(t, ask(t, again, 48*time.Second, "OPTIONS "+camURL+" RTSP/1.0", "CSeq: 5", "Session: session1"), StatusOK, "Session: session1")
	if !slices.Equal(m.alive, []string{"session1"}) {
		t.Fatalf("signs of life of %q, though a request from another connection has named session1", m.alive)
	}
	want(t, ask(t, again, 101*time.Second, "TEARDOWN "+camURL+"/ RTSP/1.0", "CSeq: 6", "Session: session1"), StatusOK)
	m.told(t, "end session1 teardown")
}

// Point 9: with a query GStreamer resolves the track against the host first.
func TestGStreamerQuery(t *testing.T) {
	m, s := newStage(Config{})
	m.only = "" // more than one stream: the empty path is none
	c := s.Accept(alice, server)
	d := ask(t, c, 0, "DESCRIBE rtsp://h/cam?x=1 RTSP/1.0", "CSeq: 2", "Accept: application/sdp")
	want(t, d, StatusOK, "Content-Base: rtsp://h/cam?x=1/")
	if !strings.Contains(string(d.Body), "\r\na=control:rtsp://h/cam?x=1/trackID=0\r\n") {
		t.Fatalf("no control with the query in %s", d.Body)
	}
	want(t, ask(t, c, 0, "SETUP rtsp://h/trackID=0 RTSP/1.0", "CSeq: 3", udpOffer), StatusOK)
	want(t, ask(t, c, 0, "PLAY rtsp://h/cam?x=1 RTSP/1.0", "CSeq: 4", "Session: session1"), StatusOK,
		"RTP-Info: url=rtsp://h/trackID=0;seq=65535;rtptime=4294967295")
	m.told(t, "setup session1 cam udp 192.0.2.1:5000 192.0.2.1:5001", "play session1")
	other := s.Accept(alice, server) // has described nothing
	want(t, ask(t, other, 0, "SETUP rtsp://h/trackID=0 RTSP/1.0", "CSeq: 3", udpOffer), StatusNotFound)
}

// Point 8: live555 sends a frame's header and its payload in segments of their own, and a BYE after TEARDOWN.
func TestLive555OverTCP(t *testing.T) {
	m, s := newStage(Config{})
	c := s.Accept(alice, server)
	agent := "User-Agent: openRTSP (LIVE555 Streaming Media v2026.06.24)"
	want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", agent, "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"), StatusOK)
	want(t, ask(t, c, 0, "PLAY "+camURL+"/ RTSP/1.0", "CSeq: 5", agent, "Session: session1", "Range: npt=0.000-"), StatusOK)
	m.log = nil
	for _, segment := range []string{"$\x01\x00\x04", "\x80\xc9", "\x00\x01", "$\x01", "\x00\x02ab$\x00\x00\x01x$\x01\x00\x00"} {
		if out, err := c.Receive(1e9, []byte(segment), nil); err != nil || len(out) != 0 {
			t.Fatalf("Receive(%q) = %q, %v", segment, out, err)
		}
	}
	m.told(t, "rtcp session1 1 80c90001", "rtcp session1 1 6162") // nothing of channel 0, nothing that is empty
	r := askRaw(t, c, 2e9, crlf("TEARDOWN "+camURL+"/ RTSP/1.0", "CSeq: 6", agent, "Session: session1")+"$\x01\x00\x04BYE!")
	want(t, r, StatusOK)
	want(t, ask(t, c, 2e9, "OPTIONS * RTSP/1.0", "CSeq: 7"), StatusOK)
	m.told(t, "end session1 teardown")
}

// Point 10: VLC probes with a SETUP of the stream, without DESCRIBE.
func TestSetupOfBareURL(t *testing.T) {
	for _, url := range []string{camURL, camURL + "/", camURL + "?x=1", "rtsp://cam.example", "rtsp://cam.example/"} {
		m, s := newStage(Config{})
		c := s.Accept(alice, server)
		want(t, ask(t, c, 0, "SETUP "+url+" RTSP/1.0", "CSeq: 1", udpOffer), StatusOK, "Session: session1;timeout=60")
		want(t, ask(t, c, 0, "PLAY "+url+" RTSP/1.0", "CSeq: 2", "Session: session1"), StatusOK,
			"RTP-Info: url="+strings.TrimRight(url, "/")+";seq=65535;rtptime=4294967295")
		m.told(t, "setup session1 cam udp 192.0.2.1:5000 192.0.2.1:5001", "play session1")
	}
}
