//go:build browser

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"
)

// The page in real browsers: Chromium by its DevTools, Firefox by Marionette. CAMCAST_AXE is the folder of axe-core,
// CAMCAST_SCREENSHOTS one that screenshots are kept in.

var browserTime = flag.Duration("browser-time", 10*time.Second, "how long pictures are counted in a browser")

// browser is one with a page open.
type browser interface {
	// Open opens a page. Size and Dark choose the window and the colours.
	Open(url string)
	Size(width, height int)
	Dark(isDark bool)
	// Eval runs the body of an async function in the page, and returns what it returns.
	Eval(body string, into any)
	// Screenshot is a PNG of what is seen.
	Screenshot() []byte
}

const (
	deskWidth, deskHeight   = 1280, 800
	phoneWidth, phoneHeight = 390, 844
)

// startPage runs a daemon with a page, and returns its URL.
func startPage(t *testing.T, args ...string) (*daemon, string) {
	t.Helper()
	d := startDaemon(t, args...)
	m := announcedPage.FindStringSubmatch(d.stdout)
	if m == nil {
		t.Fatalf("no page is announced: %s", d.stdout)
	}
	return d, m[1]
}

// widthOf is the width of a tile's picture, 0 if it has none yet.
const widthOf = `const widthOf = e => !e ? 0 : e.tagName === "CANVAS" ? e.width : e.naturalWidth || e.videoWidth || 0;`

// awaitPictures waits until every tile shows a live picture.
const awaitPictures = widthOf + `
	for (let i = 0; ; i++) {
		const all = [...document.querySelectorAll(".tile .open > *")];
		if (all.length >= %d && all.every(e => widthOf(e) > 0)) return all.length;
		if (i > 300) return document.body.innerText;
		await new Promise(done => setTimeout(done, 50));
	}`

// testPage has the page show streams live: 10 different pictures a second at least, and again within 5 s after the
// server was started anew.
//
// flag is --http or --https, and more are further flags.
func testPage(t *testing.T, name string, b browser, flag string, more ...string) {
	sources := []string{"bench=testcard:?fps=25", "roof=testcard:?encode=h264"}
	d, url := startPage(t, slices.Concat(more, []string{flag, "127.0.0.1:0"}, sources)...)
	b.Size(deskWidth, deskHeight)
	b.Open(url)
	var n any
	b.Eval(fmt.Sprintf(awaitPictures, len(sources)), &n)
	if n != float64(len(sources)) {
		t.Fatalf("the page shows %v\n%s", n, d.stderr)
	}
	if said := awaitWays(b, "MJPEG", "MP4"); said != "" {
		t.Fatalf("the page says %s", said)
	}
	tiles := watch(b, *browserTime)
	for stream, w := range tiles {
		t.Logf("%s: %d distinct pictures of %s in %v", name, w.Pictures, stream, *browserTime)
		if w.Pictures < int(10*browserTime.Seconds()) {
			t.Errorf("%s: %d pictures of %s in %v", name, w.Pictures, stream, *browserTime)
		}
	}
	checkAges(t, name+", MJPEG", tiles["bench"], maxAgeMJPEG)
	checkAges(t, name+", MP4", tiles["roof"], maxAgeMP4)
	var figures string
	b.Eval(`return document.querySelector(".tile .figures").innerText`, &figures)
	if !regexp.MustCompile(`(?s)Viewers\s+1\s+Frames/s\s+2[0-9]\.[0-9]\s+Age\s+[0-9.]+ ms\s+Loss`).MatchString(figures) {
		t.Errorf("the figures are %q", figures)
	}
	for _, look := range []struct {
		name          string
		width, height int
		dark          bool
	}{{"desk-light", deskWidth, deskHeight, false}, {"desk-dark", deskWidth, deskHeight, true}, {"phone-light", phoneWidth, phoneHeight, false}, {"phone-dark", phoneWidth, phoneHeight, true}} {
		b.Size(look.width, look.height)
		b.Dark(look.dark)
		var width int
		b.Eval(`await new Promise(done => setTimeout(done, 300)); return document.documentElement.scrollWidth - document.documentElement.clientWidth`, &width)
		if width > 0 {
			t.Errorf("%s: the page is %d pixels wider than the window", look.name, width)
		}
		keepScreenshot(t, name+"-"+look.name, b.Screenshot())
	}
	b.Size(deskWidth, deskHeight)
	restarted(t, d, url, b, len(sources), func(address string) {
		startPage(t, slices.Concat(more, []string{flag, address}, sources)...)
	})
}

// keepScreenshot checks that a screenshot is a picture, and keeps it if that is asked for.
func keepScreenshot(t *testing.T, name string, png []byte) {
	t.Helper()
	if _, _, err := image.DecodeConfig(bytes.NewReader(png)); err != nil {
		t.Error(err)
	}
	if folder := os.Getenv("CAMCAST_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, name+".png"), png, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// restarted ends the daemon, and starts it again at the same port: its pictures are back within 5 s.
func restarted(t *testing.T, d *daemon, url string, b browser, streams int, start func(address string)) {
	t.Helper()
	d.stop()
	var said string
	b.Eval(fmt.Sprintf(`for (let i = 0; i < 200; i++) {
		if (document.querySelectorAll(".tile").length !== %d) return "fewer streams";
		if (document.getElementById("status").innerText === "The server does not answer.") break; // first it says that it is closing
		await new Promise(done => setTimeout(done, 50));
	}
	return document.getElementById("status").innerText`, streams), &said)
	if said != "The server does not answer." {
		t.Errorf("when the server is gone the page says %q", said)
	}
	if b.Eval(`return [".state", "[data-figure=rate]", ".notice"].map(s => document.querySelector(s).innerText).join()`, &said); said != "unknown,–,The server does not answer." {
		t.Errorf("when the server is gone a tile says %q", said)
	}
	start(addressOf(url))
	began := time.Now()
	b.Eval(fmt.Sprintf(widthOf+`for (let i = 0; i < 100; i++) {
		const shown = [...document.querySelectorAll(".tile .open > *")].filter(e => widthOf(e) > 0);
		if (shown.length === %d && !document.getElementById("status").classList.contains("bad")) break;
		await new Promise(done => setTimeout(done, 50));
	}`, streams), nil)
	took := time.Since(began)
	t.Logf("%v after the restart the pictures are back", took.Round(10*time.Millisecond))
	for stream, w := range watch(b, time.Second/2) {
		if w.Pictures < 3 || took > 5*time.Second {
			t.Errorf("%v after a restart %s has shown %d pictures", took, stream, w.Pictures)
		}
	}
}

// checkAxe has axe-core look for what keeps people with a keyboard or a screen reader out.
func checkAxe(t *testing.T, b browser) {
	t.Helper()
	folder := os.Getenv("CAMCAST_AXE")
	if folder == "" {
		t.Log("CAMCAST_AXE is not set: axe-core is not run")
		return
	}
	script, err := os.ReadFile(filepath.Join(folder, "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML string }
	}
	b.Eval(string(script)+"\nconst r = await axe.run(document); return r.violations;", &found)
	for _, f := range found {
		t.Errorf("axe: %s (%s): %s: %+v", f.ID, f.Impact, f.Help, f.Nodes)
	}
}

// unmarshal is json.Unmarshal for what a browser has returned, which a test may not want (nil).
func unmarshal(t *testing.T, p []byte, into any) {
	t.Helper()
	if into == nil {
		return
	}
	if err := json.Unmarshal(p, into); err != nil {
		t.Fatalf("%s: %v", p, err)
	}
}

// withTimeout is the time that a test in a browser may take.
func withTimeout(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), *browserTime+10**filmTime+2*time.Minute)
	t.Cleanup(stop)
	return ctx
}
