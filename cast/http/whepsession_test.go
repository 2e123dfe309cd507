package http_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/cast"
)

// TestWHEP opens a session, asks about it, and ends it.
func TestWHEP(t *testing.T) {
	w, booth := newBooth(t, nil)
	answer, text := w.ask("POST", "/film/whep", chromium(t), contentType, sdp)
	location := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusCreated || text != "v=0\r\n" || answer.Header.Get(contentType) != sdp || location != "/film/whep/session1" || answer.Header.Get("ETag") != `"tag"` {
		t.Fatalf("%v %q %v", answer.Status, text, answer.Header)
	}
	w.do(func() {
		if r := booth.asked[0]; r.Protocol != cast.WebRTC || !r.Peer.Addr().IsLoopback() || r.Local.Port() != w.s.Port() || r.Secure {
			t.Errorf("%+v", r)
		}
	})
	if _, list := w.ask("GET", "/api/v1/readers", ""); !strings.Contains(list, `"protocol":"webrtc"`) || !strings.Contains(list, `"srtp":true`) {
		t.Errorf("readers: %s", list)
	}
	candidate := "a=ice-ufrag:" + boothUfrag + "\r\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\r\n"
	for _, c := range []struct {
		method, path, body string
		header             []string
		want               int
	}{
		{"PATCH", location, candidate, []string{contentType, fragment, "If-Match", `"tag"`}, 204},
		{"PATCH", location, "a=end-of-candidates\r\n", []string{contentType, fragment, "If-Match", `"tag"`}, 204},
		{"PATCH", location, candidate, []string{contentType, fragment}, 428},
		{"PATCH", location, candidate, []string{contentType, fragment, "If-Match", `"other"`}, 412},
		{"PATCH", location, candidate, []string{contentType, fragment, "If-Match", "*"}, 204}, // as mediamtx's player sends candidates
		{"PATCH", location, candidate, []string{contentType, fragment, "If-Match", `"other", "tag"`}, 204},
		{"PATCH", location, candidate, []string{contentType, fragment, "If-Match", `W/"tag"`}, 412},
		{"PATCH", location, restart("ysXw"), []string{contentType, fragment, "If-Match", "*"}, 200},
		{"PATCH", location, restart("ysXx"), []string{contentType, fragment, "If-Match", `"*"`}, 200},
		{"PATCH", location, restart("ysXy"), []string{contentType, fragment, "If-Match", `"tag"`}, 200},
		{"PATCH", location, restart("ysXz"), []string{contentType, fragment}, 428},
		{"PATCH", location, restart("ysXz"), []string{contentType, fragment, "If-Match", `"older"`}, 412},
		{"PATCH", location, restart("late"), []string{contentType, fragment, "If-Match", "*"}, 406},
		{"PATCH", location, "a=ice-ufrag:other\r\n", []string{contentType, fragment, "If-Match", "*"}, 400},
		{"PATCH", location, candidate, []string{contentType, sdp, "If-Match", `"tag"`}, 415},
		{"PATCH", location, "nonsense", []string{contentType, fragment, "If-Match", `"tag"`}, 400},
		{"PATCH", location, strings.Repeat("a=x\r\n", 10_000), []string{contentType, fragment, "If-Match", `"tag"`}, 413},
		{"PATCH", location + "0", candidate, []string{contentType, fragment, "If-Match", `"tag"`}, 404},
		{"PATCH", "/film/whep", candidate, nil, 405}, {"DELETE", "/film/whep", "", nil, 405}, {"POST", location, "", nil, 405}, {"PUT", location, "", nil, 405},
		{"GET", location, "", nil, 204}, {"HEAD", location, "", nil, 204}, {"GET", location + "0", "", nil, 404},
		{"DELETE", "/cam/whep/session1", "", nil, 404}, {"DELETE", location + "0", "", nil, 404}, {"DELETE", "/film/whep/", "", nil, 405},
		{"DELETE", location, "", []string{"Origin", "http://evil.example"}, 403},
		{"DELETE", location, "", nil, 200}, {"DELETE", location, "", nil, 404},
	} {
		if answer, text := w.ask(c.method, c.path, c.body, c.header...); answer.StatusCode != c.want {
			t.Errorf("%s %s %v: %v %q, want %d", c.method, c.path, c.header, answer.Status, text, c.want)
		}
	}
	w.do(func() {
		if len(booth.sessions) > 0 {
			t.Errorf("%d sessions", len(booth.sessions))
		}
		if want := []string{"session1 ysXw 127.0.0.1", "session1 ysXx 127.0.0.1", "session1 ysXy 127.0.0.1"}; !slices.Equal(booth.restarted, want) {
			t.Errorf("restarts: %q, want %q", booth.restarted, want)
		}
	})
}

// restart is the fragment of a viewer that restarts ICE.
func restart(ufrag string) string {
	return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:vw5LmwG4y/e6dPP/zAP9Gp5k\r\n"
}

// TestWHEPHeaders has what else is said in answers: the tag of an ICE session that has restarted, and that GET has nothing to give.
func TestWHEPHeaders(t *testing.T) {
	w, _ := newBooth(t, nil)
	answer, _ := w.ask("POST", "/film/whep", chromium(t), contentType, sdp+"; charset=utf-8")
	location := answer.Header.Get("Location")
	answer, text := w.ask("PATCH", location, restart("ysXw"), contentType, fragment, "If-Match", "*")
	if answer.StatusCode != http.StatusOK || text != "a=ice-lite\r\n" || answer.Header.Get("ETag") != `"newtag"` || answer.Header.Get(contentType) != fragment {
		t.Errorf("%v %q %v", answer.Status, text, answer.Header)
	}
	answer, _ = w.ask("PATCH", location, "a=end-of-candidates\r\n", contentType, fragment, "If-Match", `"tag"`)
	if answer.StatusCode != http.StatusNoContent || answer.Header.Get("ETag") != "" {
		t.Errorf("%v %v", answer.Status, answer.Header)
	}
	for _, path := range []string{"/film/whep", location} {
		answer, text := w.ask("GET", path, "")
		if answer.StatusCode != http.StatusNoContent || text != "" {
			t.Errorf("GET %s: %v %q", path, answer.Status, text)
		}
		answer, text = w.ask("GET", path, "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8") // a browser's address bar
		if answer.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(text, "WHEP") || strings.Contains(answer.Header.Get("Allow"), "GET") {
			t.Errorf("GET %s in a browser: %v %q %v", path, answer.Status, text, answer.Header)
		}
		if answer, _ = w.ask("HEAD", path, "", "Accept", "text/html"); answer.StatusCode != http.StatusNoContent {
			t.Errorf("HEAD %s: %v", path, answer.Status)
		}
		if answer, _ = w.ask("GET", path, "", "Accept", "*/*"); answer.StatusCode != http.StatusNoContent {
			t.Errorf("GET %s of a player: %v", path, answer.Status)
		}
		if answer, _ = w.ask("PUT", path, ""); answer.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(answer.Header.Get("Allow"), "OPTIONS") {
			t.Errorf("PUT %s: %v %v", path, answer.Status, answer.Header)
		}
	}
	if answer, _ := w.ask("GET", "/none/whep", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("GET of a stream that there is not: %v", answer.Status)
	}
}

// TestWHEPNotThere asks for a stream whose source has not come yet.
func TestWHEPNotThere(t *testing.T) {
	w, _ := newBooth(t, nil)
	answer, text := w.ask("POST", "/cam/whep", chromium(t), contentType, sdp)
	if answer.StatusCode != http.StatusConflict || answer.Header.Get("Retry-After") == "" || text == "" {
		t.Errorf("%v %q %v", answer.Status, text, answer.Header)
	}
}
