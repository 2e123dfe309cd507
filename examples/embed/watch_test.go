package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// post posts an offer to the program's own path, with a password or none.
func (p *program) post(stream, password string) (answer *http.Response, body string) {
	p.t.Helper()
	return p.request("POST", watchAt+stream, password, p.offer())
}

// offer is Chromium's.
func (p *program) offer() []byte {
	p.t.Helper()
	offer, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		p.t.Fatal(err)
	}
	return offer
}

// request makes an HTTP request, as the user guest if there is a password.
func (p *program) request(method, path, password string, text []byte) (answer *http.Response, body string) {
	p.t.Helper()
	request, err := http.NewRequest(method, p.http+path, bytes.NewReader(text))
	if err != nil {
		p.t.Fatal(err)
	}
	if password != "" {
		request.SetBasicAuth(guest, password)
	}
	answer, err = http.DefaultClient.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer, string(all)
}

// TestWatch has a browser watch at the program's own path: the session is listed, and ended by its URL.
func TestWatch(t *testing.T) {
	p := start(t, options{})
	p.watchWhenPublished()
	answer, text := p.post("clock", "")
	if answer.StatusCode != http.StatusCreated || !strings.Contains(text, "H264/90000") || !strings.Contains(text, "a=candidate:1 1 udp") {
		t.Fatalf("%v: %s", answer.Status, text)
	}
	session := answer.Header.Get("Location")
	if !strings.HasPrefix(session, watchAt+"clock/") {
		t.Errorf("Location: %s", session)
	}
	if _, list := p.ask("GET", "/sessions"); !strings.Contains(list, " clock guest webrtc ") {
		t.Errorf("the list of sessions is\n%s", list)
	}
	for _, want := range []int{http.StatusOK, http.StatusBadRequest} { // the second time it is gone
		if answer, text := p.request("DELETE", session, "", nil); answer.StatusCode != want {
			t.Errorf("DELETE: %v, %s; want %d", answer.Status, text, want)
		}
	}
}

// TestWatchRefuses has offers refused, each by its status.
func TestWatchRefuses(t *testing.T) {
	p := start(t, options{password: "secret"})
	offerOf := func(codec string) []byte { return bytes.ReplaceAll(p.offer(), []byte("H264"), []byte(codec)) }
	status := func(answer *http.Response, _ string) int { return answer.StatusCode }
	for name, one := range map[string]struct{ got, want int }{
		"no password":               {status(p.post("clock", "")), http.StatusUnauthorized},
		"wrong password":            {status(p.post("clock", "wrong")), http.StatusUnauthorized},
		"no password and no stream": {status(p.post("other", "")), http.StatusUnauthorized},
		"no stream":                 {status(p.post("other", "secret")), http.StatusNotFound},
		"no password and no offer":  {status(p.request("POST", watchAt+"clock", "", []byte("hello"))), http.StatusUnauthorized},
		"no H.264 in the offer":     {status(p.request("POST", watchAt+"clock", "secret", offerOf("VP8"))), http.StatusNotAcceptable},
		"no offer":                  {status(p.request("POST", watchAt+"clock", "secret", []byte("hello"))), http.StatusBadRequest},
	} {
		if one.got != one.want {
			t.Errorf("%s: %d, want %d", name, one.got, one.want)
		}
	}
}
