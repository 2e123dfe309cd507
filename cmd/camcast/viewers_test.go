package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestViewersOfWhatIsEncoded watches the H.264 that is made of the test card, as browsers do: the API and the figures for
// Prometheus count that viewer, and what it was sent.
func TestViewersOfWhatIsEncoded(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "testcard:")
	at, err := url.Parse(d.pictureURL())
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) *http.Response {
		answer, err := http.Get(fmt.Sprintf("http://%s%s", at.Host, path))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	if _, err := io.ReadFull(get("/cam.mp4").Body, make([]byte, 20_000)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/api/v1/streams": `"readers":1,`, "/metrics": `camcast_stream_readers{stream="cam"} 1` + "\n"} {
		text, err := io.ReadAll(get(path).Body)
		if err != nil || !strings.Contains(string(text), want) || strings.Contains(string(text), `"bytes_delivered":0,`) ||
			strings.Contains(string(text), `delivered_bytes_total{stream="cam"} 0`) {
			t.Errorf("%s: no %q, or nothing was delivered: %v\n%s", path, want, err, text)
		}
	}
}
