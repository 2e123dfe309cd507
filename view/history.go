package view

import (
	"cmp"
	"slices"
	"time"
)

// History keeps the last pictures, so that a viewer can go back and forth: the newest is
// shown as it comes, until the viewer goes back, from where it goes on at the pace at
// which it was recorded. When that has caught up with the newest, it is live again.
//
// Pictures that need others to be decoded are kept from a key frame on, and forgotten by groups:
// a key frame and all up to the next one. Pop gives whatever must be decoded before a picture.
type History struct {
	span      time.Duration
	bytesMost int

	pictures []picture // oldest first; the oldest is a key frame
	spare    [][]byte  // buffers to be used again
	bytes    int
	dropped  int  // how many pictures have gone: picture i is the one of number dropped+i
	needsKey bool // the group of the next picture is not kept from its beginning

	mode  mode
	shown int // the number of the picture that was shown last, -1 before the first
	// decoded is the number of the picture that Pop has returned last, -1 if what a decoder has
	// got is not known.
	decoded int
	popped  []Frame // what Pop has returned
	// shift is how much later than it was recorded a picture is shown again.
	shift time.Duration
	// pending: Pop returns the picture shown, whatever the time.
	pending bool
}

type picture struct {
	at    time.Duration
	frame Frame
}

// isKey reports whether a picture needs no other one.
func (p *picture) isKey() bool { return p.frame.Key || !p.frame.Format.Dependent() }

type mode uint8

const (
	live mode = iota
	replaying
	paused
)

// NewHistory keeps the pictures of so long, and no more bytes than bytesMost. Of pictures that need
// others the newest group is kept even if it takes longer.
func NewHistory(span time.Duration, bytesMost int) *History {
	return &History{span: span, bytesMost: bytesMost, shown: -1, decoded: -1}
}

// Add takes a picture that is due now, and copies it. Frames come in the order in which they are
// decoded, and none that one of them needs is missing.
func (h *History) Add(now time.Duration, f Frame) {
	p := picture{now, f}
	if h.needsKey = h.needsKey && !p.isKey() || len(h.pictures) == 0 && !p.isKey(); h.needsKey {
		return
	}
	var room []byte
	if n := len(h.spare); n > 0 {
		room, h.spare = h.spare[n-1], h.spare[:n-1]
	}
	p.frame.Bytes = append(room[:0], f.Bytes...)
	h.pictures = append(h.pictures, p)
	h.bytes += len(f.Bytes)
	for len(h.pictures) > 1 && (now-h.pictures[0].at > h.span || h.bytes > h.bytesMost) && h.forget() {
	}
	if h.mode == live {
		h.pending = true
	}
}

// forget drops the oldest group. The newest one is dropped only if it has too many bytes. It returns
// false if nothing was dropped.
func (h *History) forget() bool {
	n := 1
	for n < len(h.pictures) && !h.pictures[n].isKey() {
		n++
	}
	if n == len(h.pictures) {
		if h.bytes <= h.bytesMost {
			return false
		}
		h.needsKey = !h.pictures[0].isKey() || n > 1
	}
	for _, p := range h.pictures[:n] {
		h.bytes -= len(p.frame.Bytes)
		h.spare = append(h.spare, p.frame.Bytes)
	}
	h.pictures = slices.Delete(h.pictures, 0, n)
	h.dropped += n
	if h.shown < h.dropped && h.mode != live {
		// What was shown is gone: on with the oldest there is.
		h.shown, h.pending = h.dropped, true
	}
	return true
}

func (h *History) newest() int { return h.dropped + len(h.pictures) - 1 }

func (h *History) picture(number int) *picture { return &h.pictures[number-h.dropped] }

// Pop returns the picture to show now, if it is another than before: the last of the frames. The
// others are to be decoded before it, in their order, and not to be shown; a decoder that has got
// what Pop has returned before can do that. All of them are valid until the next Add or Pop.
func (h *History) Pop(now time.Duration) ([]Frame, bool) {
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
	return h.toDecode(), true
}

// toDecode is the picture shown, and those that a decoder needs before it.
func (h *History) toDecode() []Frame {
	first := h.shown
	for first > h.dropped && first != h.decoded+1 && !h.picture(first).isKey() {
		first--
	}
	h.popped, h.decoded = h.popped[:0], h.shown
	for n := first; n <= h.shown; n++ {
		h.popped = append(h.popped, h.picture(n).frame)
	}
	return h.popped
}

// Missed says that a decoder did not get what Pop has returned last: the next Pop begins with a key
// frame.
func (h *History) Missed() { h.decoded = -1 }

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
