package testcard

import (
	"fmt"
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// label is a line of text of a fixed place and size. Its characters are drawn when it
// is made; writing the text copies them.
type label struct {
	box    image.Rectangle
	cell   image.Point // the size of a character
	glyphs [128][]byte // the brightness of each, row by row
}

const (
	// minEm is the least size at which characters can be read, in pixels.
	minEm = 7
	ink   = white
	paper = black
)

// newLabel makes a label of so many characters of an alphabet in the middle of room, as
// large as fits. Without room for anything that can be read it is empty.
func newLabel(room image.Rectangle, characters int, alphabet string) (label, error) {
	parsed, err := opentype.Parse(gomonobold.TTF)
	if err != nil {
		return label{}, fmt.Errorf("test card: font: %w", err)
	}
	// Go Mono's characters are 0.6 em wide, and 1.2 em with the space between lines.
	em := min(float64(room.Dx())/float64(characters)/0.602, float64(room.Dy())/1.2)
	if em < minEm {
		return label{}, nil
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: em, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		return label{}, fmt.Errorf("test card: font: %w", err)
	}
	advance, _ := face.GlyphAdvance('0')
	metrics := face.Metrics()
	l := label{cell: image.Pt(advance.Round(), (metrics.Ascent + metrics.Descent).Ceil())}
	l.cell.X, l.cell.Y = min(l.cell.X, room.Dx()/characters), min(l.cell.Y, room.Dy())
	size := image.Pt(l.cell.X*characters, l.cell.Y)
	at := room.Min.Add(room.Size().Sub(size).Div(2))
	l.box = image.Rectangle{at, at.Add(size)}
	for _, character := range " " + alphabet {
		l.glyphs[character&127] = drawGlyph(face, l.cell, metrics.Ascent.Ceil(), character)
	}
	return l, nil
}

// drawGlyph draws a character into a cell of its own.
func drawGlyph(face font.Face, cell image.Point, baseline int, character rune) []byte {
	canvas := image.NewGray(image.Rectangle{Max: cell})
	draw.Draw(canvas, canvas.Rect, image.Black, image.Point{}, draw.Src)
	drawer := font.Drawer{Dst: canvas, Src: image.White, Face: face, Dot: fixed.P(0, baseline)}
	drawer.DrawString(string(character))
	for i, v := range canvas.Pix {
		canvas.Pix[i] = byte(paper + (ink-paper)*int(v)/255)
	}
	return canvas.Pix
}

// draw writes text into the brightness of a picture, in the middle of the box.
// Characters that are not of the label's alphabet are left out.
func (l *label) draw(picture *image.YCbCr, text []byte) {
	if l.cell.X == 0 {
		return
	}
	columns := l.box.Dx() / l.cell.X
	text = text[:min(len(text), columns)]
	before := (columns - len(text)) / 2
	for column := range columns {
		character := byte(' ')
		if i := column - before; i >= 0 && i < len(text) {
			character = text[i]
		}
		glyph := l.glyphs[character&127]
		if glyph == nil {
			glyph = l.glyphs[' ']
		}
		at := picture.YOffset(l.box.Min.X+column*l.cell.X, l.box.Min.Y)
		for y := range l.cell.Y {
			copy(picture.Y[at+y*picture.YStride:][:l.cell.X], glyph[y*l.cell.X:])
		}
	}
}
