//go:build browser

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// pageReaders are the sessions that a server's API lists.
func pageReaders(t *testing.T, url string) []pageReader {
	t.Helper()
	answer, err := http.Get(url + "api/v1/readers")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all struct{ Readers []pageReader }
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.Readers
}

type pageReader struct {
	ID       int
	Protocol string
}

// TestPageOfBlockedUDP has the page show MP4, as nothing comes by UDP: 3 s after it has begun. In another network it plays by
// WebRTC again, and goes on when the server has ended its session. When pictures stop then, though the connection is there,
// it says so and shows MP4.
func TestPageOfBlockedUDP(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	d, url := startPage(t, "--http", "127.0.0.1:0", "testcard:?encode=h264")
	port := announcedRTP.FindStringSubmatch(d.stdout)[1]
	end := drop(t, port, "")
	b.Open(url)
	shows := func(way, why string) {
		t.Helper()
		if said := awaitWays(b, way); said != "" {
			t.Fatalf("the page says %s\n%s", said, d.stderr)
		}
		var said string
		if b.Eval(`return document.querySelector(".way").innerText`, &said); !strings.Contains(said, why) {
			t.Errorf("the page says %q", said)
		}
	}
	shows("MP4", "WebRTC: No picture has come by UDP within 3 s")
	if readers := pageReaders(t, url); len(readers) != 1 || readers[0].Protocol != "http" { // the session that nobody has used is given up
		t.Errorf("readers %+v", readers)
	}
	end()
	b.Eval(`dispatchEvent(new Event("online"))`, nil)
	shows("WebRTC", "")
	for _, r := range pageReaders(t, url) {
		request, err := http.NewRequest(http.MethodDelete, fmt.Sprintf("%sapi/v1/readers/%d", url, r.ID), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	d.awaitLog("reader left", "protocol=webrtc", "reason=\"ended by an admin")
	d.awaitLog("reader joined", "protocol=webrtc")
	moves(t, b, "cam")
	holds(t, b, `document.querySelector(".notice").innerText === ""`)
	shows("WebRTC", "")
	drop(t, port, "udp length > 800")
	holds(t, b, `picture("cam").tagName === "VIDEO" && document.querySelector(".way").innerText.startsWith("MP4")`)
	shows("MP4", "WebRTC: No picture has come for 3 s")
}
