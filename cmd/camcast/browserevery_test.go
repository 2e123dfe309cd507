//go:build browser

package main

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// otherAnswers has the page be told that cam is a camera with a control, and that idle is idle; it keeps what it changes.
const otherAnswers = `
	const real = window.fetch;
	window.changed = [];
	window.fetch = async (url, options) => {
		const path = new URL(url).pathname;
		if (options?.method === "PUT") {
			changed.push(path + " " + options.body);
			return new Response("{}");
		}
		if (path.endsWith("/cam/controls")) return Response.json({ controls: [
			{ name: "brightness", title: "Brightness", kind: "integer", value: 128, least: 0, most: 255, step: 1, default: 128 }] });
		const answer = await real(url, options);
		if (path !== "/api/v1/streams") return answer;
		const all = await answer.json();
		for (const s of all.streams) {
			if (s.name === "cam") s.controls = true;
			if (s.name === "idle") s.state = "idle";
		}
		return Response.json(all);
	};`

// TestPageForEverybody has axe-core look at the page, and the keyboard alone reach and do all. Six streams are on it, one
// of which is not there.
func TestPageForEverybody(t *testing.T) {
	b := newChromium(t)
	b.Size(deskWidth, 3*deskHeight) // all of the page
	b.inject(otherAnswers)
	small := "=testcard:?size=160x120&fps=5"
	_, url := startPage(t, "--http", "127.0.0.1:0", "--webrtc", "off", "testcard:?size=320x240", "desk=/dev/video77", "third"+small, "idle"+small, "fifth"+small, "last"+small)
	var isSo bool
	await := func(format string, args ...any) { // it goes by events
		t.Helper()
		condition := fmt.Sprintf(format, args...)
		b.Eval(widthOf+`const live = name => document.querySelector("[data-stream=" + name + "] canvas");
		for (let i = 0; i < 250 && !(`+condition+`); i++) await new Promise(done => setTimeout(done, 20));
		return Boolean(`+condition+`)`, &isSo)
		if !isSo {
			t.Error("does not come true: " + condition)
		}
	}
	for _, isDark := range []bool{false, true} {
		b.Dark(isDark)
		b.Open(url)
		await(`["cam", "third", "idle", "fifth"].every(name => widthOf(live(name)) > 0) && document.querySelector("[data-stream=last] img")?.naturalWidth === 160`)
		await(`document.querySelector("[data-stream=desk] .notice").innerText.startsWith("No picture comes from the source.")`)
		await(`document.querySelector("[data-stream=idle] .notice").innerText.startsWith("Idle:")`)
		b.Eval(`document.querySelector(".players").open = true`, nil)
		checkAxe(t, b)
	}
	press := func(keys string) { b.run(chromedp.KeyEvent(keys)) }
	reach := func(want string) {
		t.Helper()
		await(`(document.activeElement.getAttribute("aria-label") ?? document.activeElement.innerText) === %q`, want)
	}
	press(kb.Tab)
	reach("Show cam in full size")
	press(kb.Enter)
	await(`document.getElementById("large").open && widthOf(document.querySelector("#large .stage > *")) === 320`)
	press(kb.Escape)
	await(`!document.getElementById("large").open && widthOf(live("cam")) === 320`)
	reach("Show cam in full size")
	press(kb.Tab)
	reach("Snapshot of cam")

	b.Eval(`document.querySelector("[data-stream=cam] .controls summary").focus()`, nil)
	reach("Camera")
	press(kb.Enter)
	await(`document.querySelector("[data-stream=cam] .controls input")`)
	press(kb.Tab)
	press(kb.ArrowRight)
	await(`changed.join() === '/api/v1/streams/cam/controls/brightness {"value":129}'`)

	b.Eval(`document.querySelector("[data-stream=last] .open").focus()`, nil)
	await(`widthOf(live("last")) === 160 && document.querySelectorAll("canvas").length === 4`)

	b.Eval(`document.querySelector("[data-stream=desk] .open").click()`, nil) // what is wrong with it is said there, too
	await(`document.querySelector("#large .notice").innerText.startsWith("No picture comes from the source.")`)
	checkAxe(t, b)
	press(kb.Escape)
	await(`document.querySelector("[data-stream=desk] .notice")`)
}
