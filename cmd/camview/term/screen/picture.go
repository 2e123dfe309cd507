package screen

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The colours of a terminal where none were set.
var (
	defaultFront = color.RGBA{204, 204, 204, 255}
	defaultBack  = color.RGBA{0, 0, 0, 255}
)

// Picture draws the screen, each cell cellWidth pixels wide and twice as high.
func (s *Screen) Picture(cellWidth int) (*image.RGBA, error) {
	parsed, err := opentype.Parse(gomono.TTF)
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	// Go Mono's characters are 0.6 em wide.
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: float64(cellWidth) / 0.602, DPI: 72})
	if err != nil {
		return nil, fmt.Errorf("font: %w", err)
	}
	defer face.Close()
	picture := image.NewRGBA(image.Rect(0, 0, s.Columns*cellWidth, s.Rows*2*cellWidth))
	for i, c := range s.cells {
		corner := image.Pt(i%s.Columns*cellWidth, i/s.Columns*2*cellWidth)
		drawCell(picture, image.Rectangle{corner, corner.Add(image.Pt(cellWidth, 2*cellWidth))}, c, face)
	}
	return picture, nil
}

func drawCell(picture draw.Image, box image.Rectangle, c Cell, face font.Face) {
	front, back := image.NewUniform(orElse(c.Front, defaultFront)), image.NewUniform(orElse(c.Back, defaultBack))
	draw.Draw(picture, box, back, image.Point{}, draw.Src)
	switch c.Rune {
	case 0, ' ':
	case '▀':
		box.Max.Y = (box.Min.Y + box.Max.Y) / 2
		draw.Draw(picture, box, front, image.Point{}, draw.Src)
	default:
		d := font.Drawer{Dst: picture, Src: front, Face: face, Dot: fixed.P(box.Min.X, box.Max.Y-box.Dy()/4)}
		d.DrawString(string(c.Rune))
	}
}

func orElse(c, standard color.RGBA) color.RGBA {
	if c.A == 0 {
		return standard
	}
	return c
}
