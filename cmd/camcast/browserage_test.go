//go:build browser

package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// watchTiles reads the strip (testcard) of each tile's picture at every frame of the page for a while. A picture is on
// the screen when the page's next frame begins; its age is then counted from when it was drawn.
const watchTiles = widthOf + `
	const square = 8, stripBits = 88, canvas = document.createElement("canvas");
	const c = canvas.getContext("2d", { willReadFrequently: true });
	const read = picture => {
		const width = widthOf(picture), height = picture.naturalHeight || picture.videoHeight || picture.height;
		const across = Math.floor(width / square);
		if (!across) return null;
		const rows = Math.ceil(stripBits / across), columns = Math.ceil(stripBits / rows);
		const left = Math.floor((across - columns) / 2) * square;
		let top = (Math.floor(height / square) - rows) * square;
		if (top > height / 2 + square) top -= square;
		c.drawImage(picture, left, top, columns * square, rows * square, 0, 0, columns, rows);
		const pixels = c.getImageData(0, 0, columns, rows).data, bytes = new Uint8Array(stripBits / 8);
		for (let i = 0; i < stripBits; i++) if (pixels[4 * i] > 125) bytes[i >> 3] |= 128 >> (i & 7);
		let sum = 0xa5;
		for (let i = 0; i < 10; i++) sum = (sum * 31 + bytes[i]) & 255;
		if (sum !== bytes[10]) return null;
		const number = n => bytes.slice(n[0], n[1]).reduce((v, b) => v * 256 + b, 0);
		return { number: number([0, 4]), drawn: number([4, 10]) };
	};
	canvas.width = 88; canvas.height = 12;
	const seen = {};
	for (const t of document.querySelectorAll(".tile")) seen[t.dataset.stream] = { tile: t, last: -1, waiting: null, pictures: 0, ages: [] };
	for (const end = performance.now() + %d; performance.now() < end; ) {
		const now = await new Promise(done => requestAnimationFrame(() => done(Date.now())));
		for (const s of Object.values(seen)) {
			if (s.waiting !== null) s.ages.push(now - s.waiting);
			s.waiting = null;
			const picture = s.tile.querySelector(".open > *"), said = picture && read(picture);
			if (!said || said.number === s.last) continue;
			s.last = said.number;
			s.waiting = said.drawn;
			s.pictures++;
		}
	}
	return Object.fromEntries(Object.entries(seen).map(([name, s]) => [name, { pictures: s.pictures, ages_ms: s.ages }]));`

// watched is what a tile has shown.
type watched struct {
	Pictures int       `json:"pictures"`
	Ages     []float64 `json:"ages_ms"` // of each picture, from when it was drawn to when it was on the screen
}

// watch has a browser read what the tiles show.
func watch(b browser, t time.Duration) (tiles map[string]watched) {
	b.Eval(fmt.Sprintf(watchTiles, t.Milliseconds()), &tiles)
	return tiles
}

// median is in ms.
func median(ages []float64) float64 {
	sorted := slices.Sorted(slices.Values(ages))
	return sorted[len(sorted)/2]
}

// The ages that pictures may have on the screen in the median, of which a busy machine takes a multiple: tests in a
// browser are run beside others. What is measured on a quiet one stands in README.
const (
	maxAgeMJPEG, maxAgeMP4 = 60, 150
	busy                   = 4
)

// checkAges checks the ages of a tile's pictures, and that they do not grow.
func checkAges(t *testing.T, name string, w watched, most float64) {
	t.Helper()
	tenth := len(w.Ages) / 10
	if tenth < 5 {
		t.Errorf("%s: the ages of only %d pictures were read", name, len(w.Ages))
		return
	}
	sorted := slices.Sorted(slices.Values(w.Ages))
	at := func(part float64) float64 { return sorted[int(part*float64(len(sorted)-1))] }
	first, last := median(w.Ages[tenth:2*tenth]), median(w.Ages[len(w.Ages)-tenth:])
	t.Logf("%s: capture to screen of %d pictures: 5%% %.0f ms, median %.0f ms, 95%% %.0f ms, 99%% %.0f ms; median of the second tenth %.0f ms, of the last %.0f ms",
		name, len(sorted), at(0.05), at(0.5), at(0.95), at(0.99), first, last)
	if at(0.5) > busy*most {
		t.Errorf("%s: the median is %.0f ms, more than %.0f ms", name, at(0.5), busy*most)
	}
	if last > first+most {
		t.Errorf("%s: the delay grows from %.0f to %.0f ms", name, first, last)
	}
}
