package testcard

import (
	"fmt"
	"image"
	"image/color"
	"strconv"
	"time"
)

// card is the picture. What stays is drawn once; each frame redraws only what changes,
// and only its brightness.
type card struct {
	picture *image.YCbCr
	strip   strip
	// ramp is the row of grey that the marker moves along, in the lines of track.
	ramp  []byte
	track image.Rectangle
	// period is how many frames the marker takes from left to right.
	period  float64
	clock   label
	counter label
	text    []byte
}

// markerSeconds is how long the marker takes from left to right.
const markerSeconds = 4

// The bars of a colour test picture at 75 %, from white to blue.
var bars = []color.RGBA{
	{191, 191, 191, 255}, {191, 191, 0, 255}, {0, 191, 191, 255}, {0, 191, 0, 255},
	{191, 0, 191, 255}, {191, 0, 0, 255}, {0, 0, 191, 255},
}

var (
	ground = color.RGBA{20, 24, 32, 255}
	panel  = color.RGBA{16, 16, 16, 255}
)

func newCard(o Options) (*card, error) {
	w, h := o.Width, o.Height
	c := &card{
		picture: image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420),
		strip:   stripOf(w, h),
		period:  max(markerSeconds*o.FramesPerSecond, 1),
	}
	c.fill(c.picture.Rect, ground)
	barsEnd := h * 11 / 20
	for i, colour := range bars {
		c.fill(image.Rect(w*i/len(bars), 0, w*(i+1)/len(bars), barsEnd), colour)
	}
	c.track = image.Rect(0, barsEnd, w, barsEnd+h/14)
	c.fill(c.track, panel)
	c.ramp = make([]byte, w)
	for x := range c.ramp {
		c.ramp[x] = byte(black + (white-black)*x/w)
	}
	bottom := h
	if c.strip.rows > 0 {
		bottom = c.strip.top
		c.fill(image.Rect(0, bottom, w, h), color.RGBA{0, 0, 0, 255})
	}
	return c, c.write(o, barsEnd, bottom)
}

// write draws the texts that stay and makes room for those that change: the title on
// the bars, the time and the number below the track.
func (c *card) write(o Options, barsEnd, bottom int) error {
	w := o.Width
	title := fmt.Sprintf("camcast  %dx%d  %.4g fps", o.Width, o.Height, o.FramesPerSecond)
	room := bottom - c.track.Max.Y
	head, err := newLabel(image.Rect(w/8, barsEnd*3/8, w*7/8, barsEnd*5/8), len(title))
	if err != nil {
		return err
	}
	c.fill(head.box, panel)
	head.draw(c.picture, []byte(title))
	if c.clock, err = newLabel(image.Rect(w/32, c.track.Max.Y+room/16, w*31/32, c.track.Max.Y+room*10/16), len("15:04:05.000")); err != nil {
		return err
	}
	c.counter, err = newLabel(image.Rect(w/32, c.track.Max.Y+room*10/16, w*31/32, bottom), len("frame 4294967295"))
	c.fill(c.clock.box.Union(c.counter.box), panel)
	return err
}

// fill fills a rectangle with a colour.
func (c *card) fill(r image.Rectangle, colour color.RGBA) {
	y, cb, cr := color.RGBToYCbCr(colour.R, colour.G, colour.B)
	p := c.picture
	for row := r.Min.Y; row < r.Max.Y; row++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			p.Y[p.YOffset(x, row)] = y
			i := p.COffset(x, row)
			p.Cb[i], p.Cr[i] = cb, cr
		}
	}
}

// draw draws what changes from frame to frame.
func (c *card) draw(number uint32, wall time.Time) {
	c.drawTrack(number)
	c.text = appendWall(c.text[:0], wall)
	c.clock.draw(c.picture, c.text)
	c.text = append(c.text[:0], "frame "...)
	c.text = strconv.AppendUint(c.text, uint64(number), 10)
	c.counter.draw(c.picture, c.text)
	c.strip.draw(c.picture, number, wall)
}

// drawTrack draws the ramp and the marker on it, dark where the ramp is light.
func (c *card) drawTrack(number uint32) {
	width := len(c.ramp)
	phase := float64(number) / c.period
	phase -= float64(int(phase))
	markerWidth := max(width/40, 2)
	from := int(phase * float64(width))
	for y := c.track.Min.Y; y < c.track.Max.Y; y++ {
		row := c.picture.Y[y*c.picture.YStride:][:width]
		copy(row, c.ramp)
		for i := range markerWidth {
			x := (from + i) % width
			row[x] = white - c.ramp[x] + black
			if c.ramp[x] > 64 && c.ramp[x] < 192 {
				row[x] = black
			}
		}
	}
}
