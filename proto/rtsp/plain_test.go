package rtsp

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// TestAnswerPlainText has clients speak plain text to a port of TLS.
func TestAnswerPlainText(t *testing.T) {
	for first, want := range map[string]string{
		"OPTIONS rtsp://h/cam RTSP/1.0\r\nUser-Agent: x\r\ncseq: 7\r\n\r\n": "RTSP/1.0 400 Bad Request: this port speaks TLS: use rtsps://\r\nCSeq: 7\r\nConnection: close\r\n\r\n",
		"DESCRIBE rtsp://h/a b RTSP/1.0\nCSeq: 8":                           "RTSP/1.0 400 Bad Request: this port speaks TLS: use rtsps://\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\r\n": "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 35\r\n" +
			"Connection: close\r\n\r\nthis port speaks TLS: use rtsps://\n",
		"GET / HTTP/1.1":                    "", // more of the line may come
		"SSH-2.0-OpenSSH_9.2p1\r\n":         "",
		"OPTIONS * RTSP/one\r\n":            "",
		"$\x00\x00\x04 a b\r\n":             "",
		"\n\n\n":                            "",
		"OPTIONS * RTSP/1.0\r\nCSeq: x\r\n": "RTSP/1.0 400 Bad Request: this port speaks TLS: use rtsps://\r\nConnection: close\r\n\r\n",
	} {
		if got := string(AnswerPlainText([]byte(first))); got != want {
			t.Errorf("%q is answered by %q, want %q", first, got, want)
		}
	}
}

// TestTLSOnThePlainPort has a client send a TLS ClientHello: there is no answer, and the error
// names the right port.
func TestTLSOnThePlainPort(t *testing.T) {
	for port, want := range map[uint16]string{0: "use rtsp://", 8322: "use rtsps:// and port 8322"} {
		_, s := newStage(Config{SecurePort: port})
		out, err := s.Accept(alice, server).Receive(0, []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), nil)
		if len(out) > 0 || !errors.Is(err, ErrTLS) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q, %v; want no answer, and %q", out, err, want)
		}
	}
}

// TestSecureScheme has a browser come by TLS: the URLs that it is shown are rtsps://.
func TestSecureScheme(t *testing.T) {
	_, s := newStage(Config{})
	c := s.Accept(alice, server)
	c.Secure = true
	out, _ := c.Receive(0, []byte("GET / HTTP/1.1\r\nHost: h:1\r\n\r\n"), nil)
	if !bytes.Contains(out, []byte("\nrtsps://h:1/")) || bytes.Contains(out, []byte("rtsp://")) {
		t.Errorf("%q", out)
	}
}
