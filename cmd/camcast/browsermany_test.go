//go:build browser

package main

import (
	"slices"
	"testing"
)

// TestPageForEverybodyByWebRTC has axe-core look at the page while six streams play by WebRTC, with all that can be
// opened open, and with one in full size. All six are live, as none takes a connection. Its screenshot is docs/page.png.
func TestPageForEverybodyByWebRTC(t *testing.T) {
	needInterface(t)
	b := newChromium(t)
	b.Size(deskWidth, 1000)
	const h264 = "=testcard:?size=640x360&fps=10&bitrate=1M&encode=h264"
	args := []string{"--http", "127.0.0.1:0"}
	for _, name := range []string{"cam", "porch", "garden", "workshop", "roof", "gate"} {
		args = append(args, name+h264)
	}
	d, url := startPage(t, args...)
	play := func() {
		b.Open(url)
		if said := awaitWays(b, slices.Repeat([]string{"WebRTC"}, 6)...); said != "" {
			t.Fatalf("the page says %s\n%s", said, d.stderr)
		}
		holds(t, b, `[...document.querySelectorAll(".way")].every(e => parseInt(e.innerText.slice("WebRTC · ".length)) >= 20)`)
	}
	play()
	keepScreenshot(t, "page", b.Screenshot())
	b.inject(otherAnswers) // a camera has controls
	play()
	for _, isDark := range []bool{false, true} {
		b.Dark(isDark)
		b.Eval(`for (const e of document.querySelectorAll("details")) e.open = true`, nil)
		holds(t, b, `document.querySelector(".controls input")`)
		checkAxe(t, b)
		b.Eval(`document.querySelector("[data-stream=gate] .open").click()`, nil)
		holds(t, b, `document.querySelector("#large video")?.videoWidth === 640`)
		checkAxe(t, b)
		b.Eval(`document.getElementById("close").click()`, nil)
		moves(t, b, "gate")
	}
}
