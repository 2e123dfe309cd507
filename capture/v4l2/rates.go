package v4l2

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// frameInterval is struct v4l2_frmivalenum. The intervals are a discrete one, or the least, the most and
// the step of a range.
type frameInterval struct {
	index, pixelFormat, width, height, kind uint32
	intervals                               [3]fraction
	_                                       [2]uint32
}

type fraction struct{ numerator, denominator uint32 }

// rate is how many of the intervals there are in a second; 0: the driver does not tell.
func (f fraction) rate() float64 {
	if f.numerator == 0 {
		return 0
	}
	return float64(f.denominator) / float64(f.numerator)
}

const (
	enumFrameIntervals = 75
	discreteInterval   = 1  // V4L2_FRMIVAL_TYPE_DISCRETE
	maxIntervals       = 64 // how many of a mode are looked at
)

// Rates are the rates of a size of a format, in frames per second.
type Rates struct {
	// Each is all of them, the fastest first; nil: all from Least to Most, or, if these are 0, it is
	// not known.
	Each        []float64
	Least, Most float64
}

// fastest is the highest rate, 0 if it is not known.
func (r Rates) fastest() float64 {
	if len(r.Each) > 0 {
		return r.Each[0]
	}
	return r.Most
}

func (r Rates) String() string {
	number := func(rate float64) string { return strconv.FormatFloat(rate, 'g', 4, 64) }
	switch {
	case len(r.Each) > 0:
		var texts []string
		for _, rate := range r.Each {
			texts = append(texts, number(rate))
		}
		return strings.Join(texts, ", ") + " frames/s"
	case r.Most > 0:
		return fmt.Sprintf("%s to %s frames/s", number(r.Least), number(r.Most))
	}
	return "rates not told"
}

// ratesOf asks a device for the rates of a mode.
func ratesOf(fd int, m mode) (r Rates) {
	for i := range uint32(maxIntervals) {
		f := frameInterval{index: i, pixelFormat: fourCC(m.fourCC), width: uint32(m.width), height: uint32(m.height)}
		if ioctl(fd, "VIDIOC_ENUM_FRAMEINTERVALS", enumFrameIntervals, &f) != nil { // the end of the list
			break
		}
		if f.kind != discreteInterval {
			return Rates{Least: f.intervals[1].rate(), Most: f.intervals[0].rate()}
		}
		if rate := f.intervals[0].rate(); rate > 0 && !slices.Contains(r.Each, rate) {
			r.Each = append(r.Each, rate)
		}
	}
	slices.SortFunc(r.Each, func(a, b float64) int { return cmp.Compare(b, a) })
	return r
}
