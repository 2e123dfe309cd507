package v4l2

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/camcast/camcast/capture/encode"
)

// sizeRange is the sizes that a camera has in one format: one size, or all from the
// least to the most in steps.
type sizeRange struct {
	minWidth, maxWidth, stepWidth    int
	minHeight, maxHeight, stepHeight int
}

func (r sizeRange) isOne() bool { return r.minWidth == r.maxWidth && r.minHeight == r.maxHeight }

func (r sizeRange) has(width, height int) bool {
	return inSteps(width, r.minWidth, r.maxWidth, r.stepWidth) && inSteps(height, r.minHeight, r.maxHeight, r.stepHeight)
}

func inSteps(n, least, most, step int) bool {
	return n >= least && n <= most && (n-least)%max(step, 1) == 0
}

func (r sizeRange) String() string {
	if r.isOne() {
		return fmt.Sprintf("%dx%d", r.minWidth, r.minHeight)
	}
	return fmt.Sprintf("%dx%d to %dx%d in steps of %dx%d", r.minWidth, r.minHeight, r.maxWidth, r.maxHeight, max(r.stepWidth, 1), max(r.stepHeight, 1))
}

// below returns the largest size of the range that is at most width by height.
func (r sizeRange) below(width, height int) (w, h int, ok bool) {
	w, okW := stepBelow(width, r.minWidth, r.maxWidth, r.stepWidth)
	h, okH := stepBelow(height, r.minHeight, r.maxHeight, r.stepHeight)
	return w, h, okW && okH
}

func stepBelow(limit, least, most, step int) (int, bool) {
	if limit < least {
		return 0, false
	}
	limit, step = min(limit, most), max(step, 1)
	return limit - (limit-least)%step, true
}

// coding is a format that can be broadcast, by its four-character code.
type coding struct {
	name, fourCC  string
	width, height int // the size to take without a wish
}

// codings are these formats, in the order of preference. First those that need no encoding: MJPEG, which
// every player can begin with at any frame, then H.264, then H.265, which fewer play. Of the raw ones
// first those that have the most colour, 4:2:2, then 4:2:0, which takes fewer bytes and is as good once
// it is a JPEG of 4:2:0; then RGB, which takes twice as many bytes, and work to convert; and grey last.
// Some drivers call MJPEG JPEG.
var codings = []coding{
	{"mjpeg", "MJPG", 1280, 720},
	{"mjpeg", "JPEG", 1280, 720},
	{"h264", "H264", 1280, 720},
	{"h265", "HEVC", 1280, 720},
	raw(encode.YUYV, "YUYV"),
	raw(encode.UYVY, "UYVY"),
	raw(encode.NV12, "NV12"),
	raw(encode.NV21, "NV21"),
	raw(encode.I420, "YU12"),
	raw(encode.RGB24, "RGB3"),
	raw(encode.BGR24, "BGR3"),
	raw(encode.Grey, "GREY"),
}

// raw is a format of pixels, of which USB cameras have few frames a second at larger sizes.
func raw(format encode.Format, fourCC string) coding {
	return coding{name: string(format), fourCC: fourCC, width: 640, height: 480}
}

// Formats are the names of the formats that Options.Format can name, in the order of preference.
func Formats() (names []string) {
	for _, c := range codings {
		if !slices.Contains(names, c.name) {
			names = append(names, c.name)
		}
	}
	return names
}

// isRaw reports whether a format is pixels, which have to be encoded.
func isRaw(coding string) bool { return slices.Contains(encode.Formats(), encode.Format(coding)) }

// mode is a format and a size.
type mode struct {
	coding, fourCC string
	width, height  int
}

// rateSlack is the part of the rate asked for that is as good as all of it: cameras say 29.97 for 30.
const rateSlack = 0.99

// choose picks the mode to ask a camera for: the first of codings that has the size and the rate
// asked for, and why it is that one. has is what the camera offers: its formats by four-character
// code, and each one's sizes. fastest is the highest rate of a mode, 0 if the camera does not tell.
// If no mode is fast enough it is the fastest. The error lists what there is.
func choose(o Options, has map[string][]sizeRange, fastest func(mode) float64) (best mode, why string, err error) {
	var refusal error // of the first format
	var skipped []string
	bestRate := 0.0
	for _, c := range codings {
		sizes, offered := has[c.fourCC]
		if !offered || o.Format != "" && o.Format != c.name {
			continue
		}
		m := mode{coding: c.name, fourCC: c.fourCC, width: o.Width, height: o.Height}
		if o.Width == 0 {
			m.width, m.height = preferred(sizes, c.width, c.height)
		}
		if len(sizes) > 0 && !slices.ContainsFunc(sizes, func(r sizeRange) bool { return r.has(m.width, m.height) }) {
			skipped = append(skipped, fmt.Sprintf("%s has no size %dx%d", c.name, m.width, m.height))
			refusal = cmp.Or(refusal, fmt.Errorf("has no size %dx%d in %s: it has %s", m.width, m.height, c.name, list(sizes)))
			continue
		}
		rate := fastest(m)
		if o.FramesPerSecond == 0 || rate == 0 || rate >= rateSlack*o.FramesPerSecond {
			return m, reason(m, skipped), nil
		}
		skipped = append(skipped, fmt.Sprintf("%s has at most %.4g frames/s at %dx%d", c.name, rate, m.width, m.height))
		if rate > bestRate {
			best, bestRate = m, rate
		}
	}
	switch {
	case bestRate > 0:
		return best, "the fastest: " + strings.Join(skipped, ", "), nil
	case refusal != nil:
		return mode{}, "", refusal
	}
	return mode{}, "", fmt.Errorf("has no %s: it has %s", wanted(o.Format), formats(has))
}

// reason says why a mode was chosen, and others before it were not.
func reason(m mode, skipped []string) string {
	switch {
	case len(skipped) > 0:
		return strings.Join(skipped, ", ")
	case isRaw(m.coding):
		return "the camera encodes nothing itself, and " + m.coding + " is the first choice of its raw formats"
	}
	return m.coding + " is the first choice that the camera has"
}

// preferred is the largest size that is at most width by height, else the smallest.
// For a camera that does not tell its sizes it is just that.
func preferred(sizes []sizeRange, width, height int) (w, h int) {
	if len(sizes) == 0 {
		return width, height
	}
	for _, r := range sizes {
		if rw, rh, ok := r.below(width, height); ok && rw*rh > w*h {
			w, h = rw, rh
		}
	}
	if w == 0 {
		smallest := slices.MinFunc(sizes, func(a, b sizeRange) int { return a.minWidth*a.minHeight - b.minWidth*b.minHeight })
		w, h = smallest.minWidth, smallest.minHeight
	}
	return w, h
}

func list(sizes []sizeRange) string {
	var texts []string
	for _, r := range sizes {
		if text := r.String(); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, ", ")
}

func wanted(format string) string {
	if format == "" {
		return "format that can be broadcast (" + strings.Join(Formats(), ", ") + ")"
	}
	return "format " + format
}

func formats(has map[string][]sizeRange) string {
	var names []string
	for fourCC := range has {
		name := fourCC
		for _, c := range codings {
			if c.fourCC == fourCC {
				name = c.name
			}
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(slices.Compact(names), ", ")
}
