//go:build browser

package main

import (
	"fmt"
	"testing"
)

// TestPageForEverybodyByWebRTC has axe-core look at the page while six streams play by WebRTC, with all that can be
// opened open, and with one in full size. All six are live, as none takes a connection. Its screenshot is docs/page.png.
func TestPageForEverybodyByWebRTC(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	b.inject(otherAnswers)
	b.Size(deskWidth, 1010)
	const h264 = "=testcard:?size=640x480&fps=10&bitrate=1M&encode=h264"
	args := []string{"--http", "127.0.0.1:0"}
	for _, name := range []string{"cam", "porch", "garden", "workshop", "roof", "gate"} {
		args = append(args, name+h264)
	}
	d, url := startPage(t, args...)
	b.Open(url)
	ways := make([]string, 6)
	for i := range ways {
		ways[i] = "WebRTC"
	}
	if said := awaitWays(b, ways...); said != "" {
		t.Fatalf("the page says %s\n%s", said, d.stderr)
	}
	moves(t, b, "gate")
	keepScreenshot(t, "page", b.Screenshot())
	for _, isDark := range []bool{false, true} {
		b.Dark(isDark)
		b.Eval(`for (const e of document.querySelectorAll("details")) e.open = true`, nil)
		holds(t, b, `document.querySelector(".controls input")`)
		checkAxe(t, b)
		keepScreenshot(t, fmt.Sprintf("open-dark-%t", isDark), b.Screenshot())
		b.Eval(`document.querySelector("[data-stream=gate] .open").click()`, nil)
		holds(t, b, `document.querySelector("#large video")?.videoWidth === 640`)
		checkAxe(t, b)
		b.Eval(`document.getElementById("close").click()`, nil)
		moves(t, b, "gate")
	}
}
