package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
)

// TestAbsentCamera names a camera that is not there beside a test card, which plays. A viewer
// of the camera is told to come back.
func TestAbsentCamera(t *testing.T) {
	d := startDaemon(t, "desk=/dev/video77", "bench=testcard:?size=64x48")
	d.awaitLog("source is not available yet; waiting for it", "stream=desk", "/dev/video77", "not found")
	u, err := url.Parse(d.url())
	if err != nil {
		t.Fatal(err)
	}
	status, header := askDescription(t, u.Host, "/desk")
	if !strings.HasPrefix(status, "RTSP/1.0 503 ") || header.Get("Retry-After") == "" {
		t.Errorf("%s, %v; want 503 with Retry-After", status, header)
	}
	if status, _ := askDescription(t, u.Host, "/bench"); status != "RTSP/1.0 200 OK" {
		t.Errorf("the stream beside it: %s", status)
	}
	if !strings.Contains(d.stdout, "desk: /dev/video77, not available yet") {
		t.Errorf("announced %q", d.stdout)
	}
}

// askDescription asks for a stream's description.
func askDescription(t *testing.T, host, path string) (status string, header http.Header) {
	t.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "DESCRIBE rtsp://%s%s RTSP/1.0\r\nCSeq: 1\r\n\r\n", host, path)
	answer := textproto.NewReader(bufio.NewReader(conn))
	if status, err = answer.ReadLine(); err != nil {
		t.Fatal(err)
	}
	lines, err := answer.ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	return status, http.Header(lines)
}
