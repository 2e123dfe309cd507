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
	// ramp is the row of grey that the marker moves along, in the lines of track, and
	// row the same with the marker.
	ramp, row []byte
	track     image.Rectangle
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

// ground is what texts and squares stand on.
var ground = color.RGBA{black, black, black, 255}

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
	c.track = image.Rect(0, barsEnd, w, barsEnd+h/16)
	c.fill(c.track, ground)
	c.ramp, c.row = make([]byte, w), make([]byte, w)
	for x := range c.ramp {
		c.ramp[x] = byte(black + (white-black)*x/w)
	}
	bottom := h
	if c.strip.rows > 0 {
		bottom = c.strip.top
	}
	return c, c.write(o, barsEnd, bottom)
}

// write draws the title on the bars, which stays, and makes room for the time and the
// number between the track and the bottom.
func (c *card) write(o Options, barsEnd, bottom int) error {
	w := o.Width
	title := fmt.Sprintf("camcast  %dx%d  %.4g fps", o.Width, o.Height, o.FramesPerSecond)
	head, err := newLabel(image.Rect(w/7, barsEnd*3/8, w*6/7, barsEnd*5/8), len(title), title)
	if err != nil {
		return err
	}
	margin := image.Pt(head.cell.X, head.cell.Y/4)
	c.fill(image.Rectangle{head.box.Min.Sub(margin), head.box.Max.Add(margin)}.Intersect(c.picture.Rect), ground)
	head.draw(c.picture, []byte(title))
	top, room := c.track.Max.Y, bottom-c.track.Max.Y
	if c.clock, err = newLabel(image.Rect(w/32, top+room/20, w*31/32, top+room*13/20), len("15:04:05.000"), "0123456789:."); err != nil {
		return err
	}
	c.counter, err = newLabel(image.Rect(w/32, top+room*13/20, w*31/32, top+room*19/20), len("frame 4294967295"), "frame 0123456789")
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
	c.text = wall.AppendFormat(c.text[:0], "15:04:05.000")
	c.clock.draw(c.picture, c.text)
	c.text = append(c.text[:0], "frame "...)
	c.text = strconv.AppendUint(c.text, uint64(number), 10)
	c.counter.draw(c.picture, c.text)
	c.strip.draw(c.picture, number, wall)
}

// drawTrack draws the ramp and the marker on it: white between black edges, so that it
// stands out everywhere.
func (c *card) drawTrack(number uint32) {
	width := len(c.ramp)
	phase := float64(number) / c.period
	phase -= float64(int(phase))
	from := int(phase * float64(width))
	core := max(width/64, 1)
	copy(c.row, c.ramp)
	for i := range 3 * core {
		value := byte(black)
		if i >= core && i < 2*core {
			value = white
		}
		c.row[(from+i)%width] = value
	}
	for y := c.track.Min.Y; y < c.track.Max.Y; y++ {
		copy(c.picture.Y[y*c.picture.YStride:][:width], c.row)
	}
}
