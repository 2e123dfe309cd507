package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestBrowsers has a browser ask for the page, and for the stream by WebRTC, whose H.264 is made for it.
func TestBrowsers(t *testing.T) {
	p := start(t, options{})
	p.watchWhenPublished().more(1)
	page, err := http.Get(p.page)
	if err != nil || page.StatusCode != http.StatusOK {
		t.Fatalf("the page: %v, %v", page, err)
	}
	page.Body.Close()
	offer, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(p.page+"clock/whep", "application/sdp", bytes.NewReader(offer))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated || !strings.Contains(string(text), "H264/90000") || !strings.Contains(string(text), "a=candidate:1 1 udp") {
		t.Errorf("%v, %v: %s", answer.Status, err, text)
	}
}
