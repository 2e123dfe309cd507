package main

import (
	"image/jpeg"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var announcedHTTP = regexp.MustCompile(`http://\S+/cam\.mjpg`)

// pictureURL is where a daemon with --http says that its stream is, without ".mjpg".
func (d *daemon) pictureURL() string {
	d.t.Helper()
	u := announcedHTTP.FindString(d.stdout)
	if u == "" {
		d.t.Fatalf("no URL is announced: %s", d.stdout)
	}
	return strings.TrimSuffix(u, ".mjpg")
}

// TestHTTP has a daemon answer HTTP.
func TestHTTP(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "testcard:?size=320x240")
	answer, err := http.Get(d.pictureURL() + ".jpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if size, err := jpeg.DecodeConfig(answer.Body); err != nil || size.Width != 320 || size.Height != 240 {
		t.Errorf("%v: %v, %v", answer.Status, size, err)
	}
	stream, err := http.Get(d.pictureURL() + ".mjpg")
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", stream, err)
	}
	d.awaitLog("reader joined", "stream=cam", "protocol=http", "transport=tcp")
	stream.Body.Close()
	d.awaitLog("reader left", "stream=cam", "protocol=http")
}
