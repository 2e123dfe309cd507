//go:build browser

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// fault is what a proxy answers where a path has a part.
type fault struct {
	part   string
	status int
}

// brokenProxy is a proxy before a server, which answers some paths with a page of its own, as nginx does when the server is down.
func brokenProxy(t *testing.T, server string) (page string, broken *atomic.Pointer[fault]) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	broken = new(atomic.Pointer[fault])
	broken.Store(&fault{part: "none"})
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.FlushInterval = -1
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := broken.Load()
		if !strings.Contains(r.URL.Path, f.part) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n</html>")
	}))
	t.Cleanup(func() { // streams are still open
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL + "/", broken
}

// watchOutside watches a stream until the test ends, so that its source is open.
func watchOutside(t *testing.T, url string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
}

// slowLooks has each look at the figures that fails last 10 s by the page's clock; lost is how long they have all lasted.
const slowLooks = `
	const realFetch = window.fetch, now = Date.now.bind(Date);
	window.lost = 0;
	Date.now = () => now() + lost;
	window.fetch = async (...all) => {
		const answer = await realFetch(...all);
		if (String(all[0]).includes("/api/v1/streams") && !answer.headers.get("Content-Type").includes("json")) lost += 10000;
		return answer;
	};`

// reasonsOfControls are what a camera's form says when its controls cannot be read, and when one cannot be changed.
const reasonsOfControls = `
	const { showControls } = await import("/page/controls.js");
	const { fetch } = window, form = document.createElement("form"), said = [];
	await showControls(form, "cam");
	said.push(form.innerText);
	window.fetch = (url, options) => options.method ? fetch(url, options) : Promise.resolve(Response.json({ controls: [
		{ name: "brightness", title: "Brightness", kind: "integer", value: 1, least: 0, most: 9, step: 1 }] }));
	await showControls(form, "cam");
	window.fetch = fetch;
	form.querySelector("input").dispatchEvent(new Event("change"));
	const alert = form.querySelector("[role=alert]");
	for (let i = 0; i < 250 && !alert.textContent; i++) await new Promise(done => setTimeout(done, 20));
	said.push(alert.textContent);
	return said;`

// TestPageBehindAProxyWhoseServerIsDown has a proxy answer for the server, with pages of HTML: the page says that the server
// does not answer. That is no sleep: what plays by WebRTC goes on, though the looks at the figures fail for long.
func TestPageBehindAProxyWhoseServerIsDown(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	b.inject(slowLooks)
	_, server := startPage(t, "--http", "127.0.0.1:0", "cam=testcard:?encode=h264&keyframe=1s")
	page, broken := brokenProxy(t, server)
	const noAnswer = "The server does not answer (502)."
	notice := fmt.Sprintf(`document.querySelector(".notice")?.innerText === %q`, noAnswer)
	status := func(text string) string {
		return fmt.Sprintf(`document.getElementById("status").innerText === %q`, text)
	}
	watchOutside(t, server+"cam.mp4")
	broken.Store(&fault{"/whep", http.StatusBadGateway})
	b.Open(page)
	holds(t, b, notice)
	broken.Store(&fault{part: "none"})
	b.Eval(`dispatchEvent(new Event("online"))`, nil) // it may have given up WebRTC
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Fatalf("the page says %s", said)
	}
	before := pageReaders(t, server)
	b.Eval(`window.first = document.querySelector(".tile video")`, nil)
	for _, f := range []struct {
		status int
		says   string
	}{{http.StatusBadGateway, noAnswer}, {http.StatusOK, "The server does not answer."}} {
		broken.Store(&fault{"/", f.status})
		holds(t, b, status(f.says)+` && lost > 40000`)
		broken.Store(&fault{part: "none"})
		holds(t, b, status("1 stream"))
		b.Eval(`lost = 0`, nil)
	}
	holds(t, b, `document.querySelector(".tile video") === first`)
	moves(t, b, "cam")
	if after := pageReaders(t, server); !slices.Equal(before, after) {
		t.Errorf("the readers were %v, and are %v", before, after)
	}

	var said []string
	broken.Store(&fault{"/controls", http.StatusBadGateway})
	if b.Eval(reasonsOfControls, &said); !slices.Equal(said, []string{noAnswer, noAnswer}) {
		t.Errorf("the form of controls says %q", said)
	}

	_, server = startPage(t, "--http", "127.0.0.1:0", "--webrtc", "off", "cam=testcard:?size=320x240")
	watchOutside(t, server+"cam.mjpg")
	page, broken = brokenProxy(t, server)
	broken.Store(&fault{".mjpg", http.StatusBadGateway})
	b.Open(page)
	holds(t, b, notice)
	broken.Store(&fault{part: "none"})
	moves(t, b, "cam")
}
