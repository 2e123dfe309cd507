package view

import (
	"cmp"
	"slices"
	"time"
)

// History keeps the last pictures, so that a viewer can go back and forth: the newest is
// shown as it comes, until the viewer goes back, from where it goes on at the pace at
// which it was recorded. When that has caught up with the newest, it is live again.
type History struct {
	span      time.Duration
	bytesMost int

	pictures []picture // oldest first
	spare    [][]byte  // buffers to be used again
	bytes    int
	dropped  int // how many pictures have gone: picture i is the one of number dropped+i

	mode  mode
	shown int // the number of the picture that was shown last, -1 before the first
	// shift is how much later than it was recorded a picture is shown again.
	shift time.Duration
	// pending: Pop returns the picture shown, whatever the time.
	pending bool
}

type picture struct {
	at   time.Duration
	jpeg []byte
}

type mode uint8

const (
	live mode = iota
	replaying
	paused
)

// NewHistory keeps the pictures of so long, and no more bytes than bytesMost.
func NewHistory(span time.Duration, bytesMost int) *History {
	return &History{span: span, bytesMost: bytesMost, shown: -1}
}

// Add takes a picture that is due now, and copies it.
func (h *History) Add(now time.Duration, jpeg []byte) {
	var room []byte
	if n := len(h.spare); n > 0 {
		room, h.spare = h.spare[n-1], h.spare[:n-1]
	}
	h.pictures = append(h.pictures, picture{now, append(room[:0], jpeg...)})
	h.bytes += len(jpeg)
	for len(h.pictures) > 1 && (now-h.pictures[0].at > h.span || h.bytes > h.bytesMost) {
		h.forget()
	}
	if h.mode == live {
		h.pending = true
	}
}

// forget drops the oldest picture.
func (h *History) forget() {
	h.bytes -= len(h.pictures[0].jpeg)
	h.spare = append(h.spare, h.pictures[0].jpeg)
	h.pictures = slices.Delete(h.pictures, 0, 1)
	h.dropped++
	if h.shown < h.dropped && h.mode != live {
		// What was shown is gone: on with the oldest there is.
		h.shown, h.pending = h.dropped, true
	}
}

func (h *History) newest() int { return h.dropped + len(h.pictures) - 1 }

func (h *History) picture(number int) *picture { return &h.pictures[number-h.dropped] }

// Pop returns the picture to show now, if it is another than before. The picture is valid
// until the next Add.
func (h *History) Pop(now time.Duration) ([]byte, bool) {
	if len(h.pictures) == 0 {
		return nil, false
	}
	switch h.mode {
	case live:
		h.shown = h.newest()
	case replaying:
		for h.shown < h.newest() && h.picture(h.shown+1).at+h.shift <= now {
			h.shown++
			h.pending = true
		}
		if h.shown == h.newest() {
			h.mode = live
		}
	}
	if !h.pending {
		return nil, false
	}
	h.pending = false
	return h.picture(h.shown).jpeg, true
}

// Next is when Pop may have a picture. It is false if that depends on Add or on the
// viewer.
func (h *History) Next() (time.Duration, bool) {
	switch {
	case h.pending && len(h.pictures) > 0:
		return h.picture(h.newest()).at, true // at once
	case h.mode == replaying && h.shown < h.newest():
		return h.picture(h.shown+1).at + h.shift, true
	}
	return 0, false
}

// Seek goes forth by some time, or back if it is negative, as far as there are pictures.
// Beyond the newest it is live again, unless paused.
func (h *History) Seek(now, by time.Duration) {
	if len(h.pictures) == 0 || h.shown < 0 {
		return
	}
	want := h.picture(h.shown).at + by
	i, exact := slices.BinarySearchFunc(h.pictures, want, func(p picture, at time.Duration) int { return cmp.Compare(p.at, at) })
	if by < 0 && !exact {
		i--
	}
	h.show(now, h.dropped+i)
}

// Step goes forth by some pictures, or back, and pauses.
func (h *History) Step(now time.Duration, pictures int) {
	if len(h.pictures) == 0 || h.shown < 0 {
		return
	}
	h.mode = paused
	h.show(now, h.shown+pictures)
}

// show goes on with a picture.
func (h *History) show(now time.Duration, number int) {
	if number >= h.newest() && h.mode != paused {
		h.Live()
		return
	}
	h.shown, h.pending = max(h.dropped, min(number, h.newest())), true
	if h.mode != paused {
		h.replay(now)
	}
}

// replay goes on from the picture shown.
func (h *History) replay(now time.Duration) {
	h.mode, h.shift = replaying, now-h.picture(h.shown).at
}

// Pause stays at the picture shown, and Resume goes on from there.
func (h *History) Pause() {
	if h.shown >= 0 {
		h.mode = paused
	}
}

// Resume goes on from the picture shown.
func (h *History) Resume(now time.Duration) {
	if h.mode == paused {
		h.replay(now)
	}
}

// Live goes on with the newest picture.
func (h *History) Live() { h.mode, h.pending = live, true }

// Paused reports whether it is.
func (h *History) Paused() bool { return h.mode == paused }

// Behind is how much older than the newest the picture shown is.
func (h *History) Behind() time.Duration {
	if len(h.pictures) == 0 || h.shown < 0 || h.mode == live {
		return 0
	}
	return h.picture(h.newest()).at - h.picture(h.shown).at
}
