//go:build browser

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// The page when nobody sees it, beside others, after the machine was asleep, and behind a proxy.

// hide has a page be hidden, or be seen again.
func hide(b browser, isHidden bool) {
	b.Eval(fmt.Sprintf(`Object.defineProperty(document, "hidden", { configurable: true, get: () => %t });
		document.dispatchEvent(new Event("visibilitychange"))`, isHidden), nil)
}

// later has a clock of a page, "Date" or "performance", be some ms ahead from now on.
func later(b browser, clock string, ms int) {
	b.Eval(fmt.Sprintf(`const now = %[1]s.now.bind(%[1]s); %[1]s.now = () => now() + %[2]d`, clock, ms), nil)
}

// holds waits until a condition in JavaScript is true, for 10 s.
func holds(t *testing.T, b browser, condition string) {
	t.Helper()
	var said string
	b.Eval(widthOf+`const picture = name => document.querySelector("[data-stream=" + name + "] .open > *");
		const live = () => document.querySelectorAll(".open > :is(canvas, video)").length;
		for (let i = 0; i < 500; i++) {
			if (`+condition+`) return "";
			await new Promise(done => setTimeout(done, 20));
		}
		return document.body.innerText`, &said)
	if said != "" {
		t.Fatalf("it does not come true that %s: the page says %s", condition, said)
	}
}

// moves waits until the tile of a stream shows a picture that is another one some time later.
func moves(t *testing.T, b browser, stream string) {
	t.Helper()
	var isSo bool
	b.Eval(fmt.Sprintf(widthOf+`const c = document.createElement("canvas").getContext("2d");
		const shown = () => {
			const picture = document.querySelector("[data-stream=%s] .open > *");
			if (widthOf(picture) === 0) return "";
			c.drawImage(picture, 0, 0, 64, 48);
			return c.getImageData(0, 0, 64, 48).data.join();
		};
		let first = "";
		for (let i = 0; i < 500; i++) {
			const now = shown();
			if (first && now && now !== first) return true;
			first ||= now;
			await new Promise(done => setTimeout(done, 20));
		}
		return false`, stream), &isSo)
	if !isSo {
		t.Fatalf("the picture of %s does not move", stream)
	}
}

// TestPageOfHiddenTab has two tabs show more streams than a browser has connections for: they share these. One that is hidden
// gives its own back, and shows pictures again when it is seen.
func TestPageOfHiddenTab(t *testing.T) {
	first := newChromium(t)
	args := []string{"--http", "127.0.0.1:0", "--webrtc", "off"}
	for i := range 6 {
		args = append(args, fmt.Sprintf("s%d=testcard:?size=160x120&fps=10", i))
	}
	_, url := startPage(t, args...)
	first.Size(deskWidth, 3*deskHeight)
	first.Open(url)
	holds(t, first, `live() === 4`)
	second := newTab(t, first.ctx)
	second.Size(deskWidth, 3*deskHeight)
	second.Open(url)
	hide(second, false) // whatever the browser thinks of two tabs
	hide(first, false)
	for _, b := range []browser{first, second} {
		holds(t, b, `live() === 2`)
		moves(t, b, "s0")
	}
	hide(first, true)
	holds(t, second, `live() === 4`)
	moves(t, second, "s3")
	hide(first, false)
	holds(t, first, `live() === 2`)
	moves(t, first, "s0")
}

// folderProxy is a proxy that has a server at url below the folder /cams/. While isDead is true nothing comes through of
// the streams that are asked for meanwhile.
func folderProxy(t *testing.T, server string) (page string, isDead *atomic.Bool) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	isDead = new(atomic.Bool)
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/cams")
		},
		ModifyResponse: func(r *http.Response) error {
			if isDead.Load() && strings.HasSuffix(r.Request.URL.Path, ".mjpg") {
				r.Body = silent{r.Body, r.Request.Context().Done()}
			}
			return nil
		},
	}
	mux := http.NewServeMux()
	mux.Handle("/cams/", proxy)
	s := httptest.NewServer(mux)
	t.Cleanup(func() { // streams are still open
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL + "/cams/", isDead
}

// silent is a body of which nothing comes until its reader is gone.
type silent struct {
	io.ReadCloser
	gone <-chan struct{}
}

func (s silent) Read([]byte) (int, error) {
	<-s.gone
	return 0, io.EOF
}

// TestPageInAFolder has a proxy serve the page in a folder: all that it asks for is in that folder. After the machine was
// asleep pictures begin anew, and so they do when a connection is dead. When the page is hidden for a minute, or left, its
// session ends.
func TestPageInAFolder(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	b.inject(`const after = window.setTimeout; window.setTimeout = (f, ms) => after(f, ms === 60000 ? 100 : ms)`)
	d, server := startPage(t, "--http", "127.0.0.1:0", "cam=testcard:?encode=h264&keyframe=1s")
	page, _ := folderProxy(t, server)
	b.Open(page)
	if said := awaitWays(b, "WebRTC"); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	var urls []string
	b.Eval(`return [document.querySelector(".snapshot").href, ...[...document.querySelectorAll(".players code")].map(e => e.innerText).filter(s => s.includes("http"))]`, &urls)
	for _, one := range urls {
		if !strings.Contains(one, page) {
			t.Errorf("%s is not in the folder", one)
		}
	}
	later(b, "Date", 30000)
	d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
	moves(t, b, "cam")
	hide(b, true)
	d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
	hide(b, false)
	moves(t, b, "cam")
	b.Open("about:blank")
	d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
	d.stop()

	d, server = startPage(t, "--http", "127.0.0.1:0", "--webrtc", "off", "cam=testcard:?size=320x240")
	page, isDead := folderProxy(t, server)
	isDead.Store(true)
	b.Open(page)
	d.awaitLog("reader joined")
	isDead.Store(false)
	holds(t, b, `document.querySelector("[data-figure=rate]")?.innerText > "1"`)
	later(b, "performance", 13000)
	moves(t, b, "cam")
}

// keepConnections has a page keep its WebRTC connections, and has it see no picture of theirs while isBlind is true.
const keepConnections = `
	window.connections = [];
	const Real = RTCPeerConnection;
	window.RTCPeerConnection = class extends Real {
		constructor(...all) { super(...all); connections.push(this); }
		getStats() { return window.isBlind ? Promise.resolve(new Map()) : super.getStats(); }
	};`

// failsHidden has the newest connection of a hidden page fail, and returns what begins then. When its timers of now are over all
// has begun that does.
const failsHidden = `
	const connection = connections.at(-1), shown = document.querySelector(".open > *"), before = connections.length;
	Object.defineProperty(connection, "connectionState", { get: () => "failed" });
	connection.dispatchEvent(new Event("connectionstatechange"));
	await new Promise(done => setTimeout(done));
	return [
		connections.length > before ? "another connection" : "",
		document.querySelector(".open > *") !== shown ? "another player" : "",
	].join("");`

// TestPageOfHiddenTabWithoutNetwork has the connection of a hidden page fail, after it has had pictures and before: nothing
// begins until the page is seen.
func TestPageOfHiddenTabWithoutNetwork(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	b.inject(keepConnections)
	d, url := startPage(t, "--http", "127.0.0.1:0", "testcard:?encode=h264&keyframe=1s")
	for _, isBlind := range []bool{false, true} {
		b.inject(fmt.Sprintf(`window.isBlind = %t`, isBlind))
		b.Open(url)
		holds(t, b, fmt.Sprintf(`widthOf(picture("cam")) > 0 && (%t || parseInt(document.querySelector(".way").innerText.slice("WebRTC · ".length)) > 0)`, isBlind))
		hide(b, true)
		var begun string
		if b.Eval(failsHidden, &begun); begun != "" {
			t.Errorf("while nobody sees the page %s begins (blind: %t)", begun, isBlind)
		}
		d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
		b.Eval(`window.isBlind = false`, nil)
		hide(b, false)
		if said := awaitWays(b, "WebRTC"); said != "" {
			t.Errorf("when it is seen again the page says %s (blind: %t)", said, isBlind)
		}
		moves(t, b, "cam")
		b.Open("about:blank")
		d.awaitLog("reader left", "protocol=webrtc", "reason=closed")
	}
}

// TestPageOfNoAutoplay has a Firefox that starts no video by itself: the page says so, and shows pictures after a click.
func TestPageOfNoAutoplay(t *testing.T) {
	host := needInterface(t)
	b := newFirefox(t, "media.webrtc.hw.h264.enabled", true, "gfx.blacklist.webrtc.hw.acceleration.h264", 1, "media.autoplay.default", 5)
	for _, way := range []struct{ title, flag string }{{"WebRTC", "on"}, {"MP4", "off"}} {
		_, url := startPage(t, "--http", host+":0", "--rtp", host+":0", "--webrtc", way.flag, "testcard:?encode=h264")
		b.Open(url)
		holds(t, b, `document.querySelector(".notice")?.innerText.startsWith("This browser starts no picture by itself")`)
		if said := awaitWays(b, way.title); said != "" {
			t.Fatalf("the page says %s", said)
		}
		b.click("h1")
		holds(t, b, `document.querySelector(".notice").innerText === "" && !document.querySelector(".tile video").paused`)
		moves(t, b, "cam")
	}
}

// click clicks on what a selector names.
func (b *firefox) click(selector string) {
	var found map[string]string
	b.call("WebDriver:FindElement", map[string]any{"using": "css selector", "value": selector}, &found)
	for _, id := range found {
		b.call("WebDriver:ElementClick", map[string]any{"id": id}, nil)
	}
}
