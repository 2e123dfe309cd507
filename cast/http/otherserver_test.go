package http_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
)

// TestOtherServer has a program's own server ask the handler: pictures are answered, streams are refused, and no session is
// left open.
func TestOtherServer(t *testing.T) {
	w := newSite(t, nil)
	w.publish(media.JPEG, jpegOf(t, 64, 48, 0), 64, 48)
	other := httptest.NewServer(http.StripPrefix("/cams", w.s))
	defer other.Close()
	client := http.Client{Timeout: 20 * time.Second} // a connection that is taken and left would stay open
	for path, want := range map[string]int{"/cam.jpg": http.StatusOK, "/api/v1/streams": http.StatusOK, "/cam.mjpg": http.StatusNotAcceptable} {
		answer, err := client.Get(other.URL + "/cams" + path)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want || want == http.StatusNotAcceptable && !strings.Contains(string(text), "HTTP port") {
			t.Errorf("%s: %v, %.80q; want %d", path, answer.Status, text, want)
		}
	}
	w.do(func() {
		for s := range w.b.Sessions() {
			t.Errorf("session %d is left open", s.ID())
		}
	})
}

// TestSessionsOfOtherServers has offers be posted to a program's own server, at paths of its own: a player finds its session, and ends it.
func TestSessionsOfOtherServers(t *testing.T) {
	w, booth := newBooth(t, nil)
	for folder, want := range map[string]string{"/cams": "/cams", "/my cams": "/my%20cams", "/": "", "/a/b/": "/a/b"} {
		other := httptest.NewServer(http.StripPrefix(folder, w.s))
		asker := &site{t: t, url: other.URL}
		answer, text := asker.ask("POST", strings.ReplaceAll(folder, " ", "%20")+"/film/whep", chromium(t), contentType, sdp)
		location := answer.Header.Get("Location")
		if answer.StatusCode != http.StatusCreated || !strings.HasPrefix(location, want+"/film/whep/session") {
			t.Errorf("%s: %v, %q: %s", folder, answer.Status, location, text)
		}
		session, err := answer.Request.URL.Parse(location)
		if err != nil || session.Host != answer.Request.URL.Host {
			t.Errorf("%s: %v, %v", folder, session, err)
		}
		if !strings.HasSuffix(folder, "/") { // then the offer's URL has two slashes, and the session's one
			if answer, text := asker.ask("DELETE", location, ""); answer.StatusCode != http.StatusOK {
				t.Errorf("DELETE %s: %v %s", location, answer.Status, text)
			}
		}
		other.Close()
	}
	w.do(func() {
		if len(booth.sessions) != 2 {
			t.Errorf("%d sessions are left", len(booth.sessions))
		}
	})
}

// TestUnixSocket has a program's own server listen on a Unix socket: no address that is none is told.
func TestUnixSocket(t *testing.T) {
	w, booth := newBooth(t, nil)
	w.publish(media.JPEG, jpegOf(t, 64, 48, 0), 64, 48)
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	other := httptest.Server{Listener: listener, Config: &http.Server{Handler: w.s}}
	other.Start()
	defer other.Close()
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	defer transport.CloseIdleConnections()
	client := http.Client{Transport: transport, Timeout: 20 * time.Second}
	answer, err := client.Get("http://localhost/cam.sdp")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(text), "IN IP4 0.0.0.0\r\n") || strings.Contains(string(text), "invalid") {
		t.Errorf("%v: %s", answer.Status, text)
	}
	answer, err = client.Post("http://localhost/film/whep", sdp, strings.NewReader(chromium(t)))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	w.do(func() {
		if answer.StatusCode != http.StatusCreated || len(booth.asked) != 1 || booth.asked[0].Local.IsValid() {
			t.Errorf("%v: %+v", answer.Status, booth.asked)
		}
	})
}
