package http_test

import (
	"io"
	"net/http"
	"net/http/httptest"
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
