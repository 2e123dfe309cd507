package client_test

import (
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/rtsp/client"
)

// TestURLs asks for streams by URLs as people write them, of a server that wants the password: no
// request shows it, and the password is right.
func TestURLs(t *testing.T) {
	wants := "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n"
	for _, c := range []struct{ url, asked, basic string }{
		{"rtsp://me:pw@192.0.2.1:8554/cam", "rtsp://192.0.2.1:8554/cam", "bWU6cHc="},
		{"rtsp://me:pw@[fe80::1%eth0]:8554/cam?x=/y", "rtsp://[fe80::1]:8554/cam?x=/y", "bWU6cHc="},
		{"rtsp://me:pw@[fe80::1%25eth0]/my cam", "rtsp://[fe80::1]/my%20cam", "bWU6cHc="},
		{"rtsp://me:a#b%c[d]e?f@g h@h/x@y/%2f", "rtsp://h/x@y/%2f", "bWU6YSNiJWNbZF1lP2ZAZyBo"},
		{"rtsp://me:a%23b%25c%40@h/50%", "rtsp://h/50%25", "bWU6YSNiJWNA"},
		{"RTSP://me:a/b@h:1", "rtsp://h:1", "bWU6YS9i"},
	} {
		_, _, asked, err := script(t, client.Config{URL: c.url, AllowBasic: true}, wants, public, described("Content-Base: "+c.asked+"/\r\n", jpeg))
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		for i, request := range asked {
			want := " " + c.asked
			if i == 3 { // SETUP
				want = " " + c.asked + "/track1"
			}
			line, _, _ := strings.Cut(request, "\r\n")
			if !strings.Contains(line, want+" RTSP/1.0") {
				t.Errorf("%s: asked %q, want %q", c.url, line, want)
			}
		}
		if !strings.Contains(asked[1], "Authorization: Basic "+c.basic+"\r\n") {
			t.Errorf("%s: with the password it asks %q", c.url, asked[1])
		}
	}
}

// TestServersURLs has servers name the base and the track in ways that net/url would refuse.
func TestServersURLs(t *testing.T) {
	track := func(control string) string { return "m=video 0 RTP/AVP 26\r\na=control:" + control + "\r\n" }
	for _, c := range []struct{ base, control, track string }{
		{"rtsp://[fe80::7%eth1]:8554/cam/", "trackID=0", "rtsp://192.0.2.1:8554/cam/trackID=0"},
		{"rtsp://cam/cam/", "rtsp://me:p#w@[fe80::7%eth1]:8554/cam/t%", "rtsp://192.0.2.1:8554/cam/t%25"},
		{"rtsp://me:p[w@cam/a@b%20c/d/", "t", "rtsp://192.0.2.1:8554/a@b%20c/d/t"},
		{"not a URL", "RTSP://cam/x", "rtsp://192.0.2.1:8554/x"},
		{"rtsp://cam/cam?x=1", "trackID=0", "rtsp://192.0.2.1:8554/cam?x=1/trackID=0"},
		{"rtsp://cam/cam", "?t=1", "rtsp://192.0.2.1:8554/cam?t=1"},
	} {
		_, _, asked, err := script(t, client.Config{URL: url}, public, described("Content-Base: "+c.base+"\r\n", track(c.control)))
		if err != nil || !strings.HasPrefix(asked[len(asked)-1], "SETUP "+c.track+" RTSP/1.0\r\n") {
			t.Errorf("%s and %s: asked %q, %v; want SETUP %s", c.base, c.control, asked[len(asked)-1], err, c.track)
		}
	}
}

// TestErrorsHideThePassword gives URLs that cannot be used.
func TestErrorsHideThePassword(t *testing.T) {
	for _, text := range []string{"http://me:secret@h/x", "rtsp://me:secret@h:x/y", "rtsp://me:secret@/x", "rtsp://me:secret\n@h/x", "me:secret@h"} {
		_, err := client.New(client.Config{URL: text})
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
