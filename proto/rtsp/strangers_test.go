package rtsp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// listing is a stage with other streams.
type listing struct {
	*stage
	paths []string
}

func (l listing) Paths() iter.Seq[string] { return slices.Values(l.paths) }

// A browser is told in its own words what this is, and where; then the connection is to be closed.
func TestHTTP(t *testing.T) {
	const urls = "\nrtsp://HOST/cam\nrtsp://HOST/a%3F\n"
	local := "198.51.100.1:8554"
	for _, c := range []struct{ request, host string }{
		{"GET / HTTP/1.1\r\nHost: cam.example:8554\r\n\r\n", "cam.example:8554"},
		{"GET /cam?x HTTP/1.0\r\nHost: 10.0.0.1:80\r\nConnection: keep-alive\r\n\r\n", "10.0.0.1:80"},
		{"GET / HTTP/1.1\r\nHost: [fe80::1%25eth0]:99\r\n\r\n", "[fe80::1]:99"},
		{"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", "[::1]:8554"},
		{"GET / HTTP/1.1\r\nhost:cam\r\n\r\n", "cam:8554"},
		{"POST / HTTP/1.1\r\nHost: cam:1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "cam:1"},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", local},
		{"GET / HTTP/1.0\n\n", local},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: me:pw@cam\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: cam:123456\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: b\xc3\xbccher\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: b%C3%BCcher\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: " + strings.Repeat("x", 256) + "\r\n\r\n", local},
		{"GET / HTTP/1.1\r\nHost: cam\r\nnonsense\r\n\r\n", "cam:8554"},
		{"GET / HTTP/1.1\r\nHost: cam\r\nCookie: " + strings.Repeat("x", 9000) + "\r\n\r\n", "cam:8554"},
	} {
		m, s := newStage(Config{Server: "camcast/1.0"})
		s.media = listing{m, []string{"cam", "a?"}}
		conn := s.Accept(alice, server)
		out, err := conn.Receive(0, []byte(c.request), nil)
		if !errors.Is(err, errHTTP) {
			t.Errorf("%q: %v", c.request, err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil)
		if err != nil {
			t.Fatalf("%q: %q: %v", c.request, out, err)
		}
		body, err := io.ReadAll(answer.Body)
		if want := strings.ReplaceAll(urls, "HOST", c.host); err != nil || !strings.HasSuffix(string(body), want) || !strings.Contains(string(body), "RTSP server") {
			t.Errorf("%q: %v, body %q, want %q", c.request, err, body, want)
		}
		h := answer.Header
		if answer.StatusCode != 400 || !answer.Close || h.Get("Server") != "camcast/1.0" || h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(h.Get("Content-Type"), "text/plain") {
			t.Errorf("%q: %v", c.request, answer)
		}
		if _, err := conn.Receive(0, []byte("x"), nil); err != ErrClosed {
			t.Errorf("%q: after that %v", c.request, err)
		}
		if stats := s.Stats(); stats.Requests != 1 || stats.Refused != 1 {
			t.Errorf("%q: counted %+v", c.request, stats)
		}
	}
	m, s := newStage(Config{})
	s.media = listing{m, nil}
	c := s.Accept(alice, netip.MustParseAddrPort("[fe80::1%2]:8554"))
	if out, _ := c.Receive(0, []byte("GET / HTTP/1.1\r\n\r\n"), nil); !strings.HasSuffix(string(out), "\nrtsp://[fe80::1]:8554/\n") {
		t.Errorf("without a stream: %q", out)
	}
	c = s.Accept(alice, server)
	if out, _ := c.Receive(0, []byte("HEAD / HTTP/1.1\r\n\r\n"), nil); !strings.HasSuffix(string(out), "\r\n\r\n") || bytes.Contains(out, []byte("RTSP server")) {
		t.Errorf("HEAD: %q", out)
	}
}

// The answer to a path that no stream has lists those that there are, as far as there is room.
func TestStreamsAreListed(t *testing.T) {
	list := func(paths []string, request ...string) (status int, body string) {
		m, s := newStage(Config{})
		m.only = ""
		s.media = listing{m, paths}
		r := ask(t, s.Accept(alice, server), 0, request...)
		if got := r.Header["Content-Type"]; len(r.Body) > 0 && (len(got) != 1 || got[0] != "text/plain; charset=utf-8") {
			t.Errorf("%q: Content-Type %q", request, got)
		}
		return int(r.StatusCode), string(r.Body)
	}
	two := []string{"cam", "my cam"}
	for _, url := range []string{"rtsp://me:pw@h:1", "rtsp://h:1/", "rtsp://h:1/none?x", "rtsp://h:1/none/trackID=0"} {
		for _, method := range []string{"DESCRIBE", "SETUP"} {
			status, body := list(two, method+" "+url+" RTSP/1.0", "CSeq: 1", udpOffer)
			if status != 404 || body != "rtsp://h:1/cam\nrtsp://h:1/my%20cam\n" {
				t.Errorf("%s %s: %d, %q", method, url, status, body)
			}
		}
	}
	if status, body := list(nil, "DESCRIBE rtsp://h/ RTSP/1.0", "CSeq: 1"); status != 404 || body != "" {
		t.Errorf("without a stream: %d, %q", status, body)
	}
	many := make([]string, 10000)
	for i := range many {
		many[i] = strings.Repeat("x", 50)
	}
	status, body := list(many, "DESCRIBE rtsp://h/ RTSP/1.0", "CSeq: 1")
	if status != 404 || len(body) > maxListBytes+4 || len(body) < maxListBytes-100 || !strings.HasSuffix(body, "x\n...\n") {
		t.Errorf("many streams: %d, %d bytes, %q", status, len(body), body[max(0, len(body)-100):])
	}
}

// A keep-alive that names no session counts for the only one that was set up on its connection.
func TestKeepAliveWithoutSession(t *testing.T) {
	for _, offer := range []string{udpOffer, tcpOffer} {
		for _, c := range []struct {
			method string
			alive  []string
		}{
			{"OPTIONS", []string{"session1"}}, {"GET_PARAMETER", []string{"session1"}}, {"SET_PARAMETER", []string{"session1"}},
			{"DESCRIBE", nil}, {"PAUSE", nil},
		} {
			m, s := newStage(Config{})
			conn, other := s.Accept(alice, server), s.Accept(alice, server)
			ask(t, conn, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", offer)
			m.alive = nil
			r := ask(t, conn, time.Second, c.method+" "+camURL+" RTSP/1.0", "CSeq: 2")
			if !slices.Equal(m.alive, c.alive) || len(r.Header["Session"]) > 0 {
				t.Errorf("%s: signs of life of %q, want %q; answered by %v", c.method, m.alive, c.alive, r.Header)
			}
			m.alive = nil
			ask(t, other, time.Second, c.method+" "+camURL+" RTSP/1.0", "CSeq: 2")
			if len(m.alive) > 0 {
				t.Errorf("%s on another connection: signs of life of %q", c.method, m.alive)
			}
		}
	}
}
