package http_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
)

// TestWHEPBrokenBodies has requests come whose bodies cannot be read: the answers say so.
func TestWHEPBrokenBodies(t *testing.T) {
	w, _ := newBooth(t, nil)
	opened, _ := w.ask("POST", "/film/whep", chromium(t), contentType, sdp)
	for _, request := range []string{
		"POST /film/whep HTTP/1.1\r\nContent-Type: " + sdp,
		"PATCH " + opened.Header.Get("Location") + " HTTP/1.1\r\nContent-Type: " + fragment,
	} {
		for body, says := range map[string]string{
			"Transfer-Encoding: chunked\r\n\r\nno number\r\n": "chunk length",
			"Content-Length: 100\r\n\r\nv=0\r\n":              "unexpected EOF",
		} {
			answer, text := w.sendBroken(request + "\r\nHost: localhost\r\n" + body)
			if answer.StatusCode != http.StatusBadRequest || !strings.Contains(text, "the body cannot be read") || !strings.Contains(text, says) {
				t.Errorf("%q %q: %v %q, want %q", request, body, answer.Status, text, says)
			}
		}
	}
}

// sendBroken sends what is no whole request, and then nothing more.
func (w *site) sendBroken(request string) (*http.Response, string) {
	w.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		w.t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		w.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(answer)
}

// TestWHEPSaysWhatItTakes asks for the methods and the type of body of each URL, and sends bodies of no type.
func TestWHEPSaysWhatItTakes(t *testing.T) {
	w, _ := newBooth(t, nil)
	opened, _ := w.ask("POST", "/film/whep", chromium(t), contentType, sdp)
	for _, c := range []struct{ path, allow, method, header, bodyType, other string }{
		{"/film/whep", "GET, HEAD, POST, OPTIONS", "POST", "Accept-Post", sdp, "Accept-Patch"},
		{opened.Header.Get("Location"), "GET, HEAD, PATCH, DELETE, OPTIONS", "PATCH", "Accept-Patch", fragment, "Accept-Post"},
	} {
		answer, _ := w.ask("OPTIONS", c.path, "")
		if h := answer.Header; answer.StatusCode != http.StatusOK || h.Get("Allow") != c.allow || h.Get(c.header) != c.bodyType || h.Get(c.other) != "" {
			t.Errorf("OPTIONS %s: %v %v", c.path, answer.Status, h)
		}
		answer, text := w.ask(c.method, c.path, "v=0\r\n")
		if h := answer.Header; answer.StatusCode != http.StatusUnsupportedMediaType || h.Get(c.header) != c.bodyType || h.Get(c.other) != "" || !strings.Contains(text, c.bodyType) {
			t.Errorf("%s %s: %v %v %q", c.method, c.path, answer.Status, h, text)
		}
	}
}

// TestOffersOfStrangers has somebody who may not watch send offers: they are not read, so that they cost no more than other requests.
func TestOffersOfStrangers(t *testing.T) {
	w, _ := newBooth(t, func(c *cast.Config) { c.Gate = &named{} })
	cost := func(body string) uint64 {
		const times = 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			if answer, _ := w.ask("POST", "/film/whep", body, contentType, sdp); answer.StatusCode != http.StatusUnauthorized {
				t.Fatal(answer.Status)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / times
	}
	small, large := cost("nonsense"), cost(strings.Replace(chromium(t), "SAVPF 96", "SAVPF 96"+strings.Repeat(" 96", 7000), 1))
	if large > small+100_000 {
		t.Errorf("an offer takes %d bytes of memory, nonsense %d", large, small)
	}
}
