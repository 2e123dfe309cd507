package term

import (
	"image"
	"strconv"
)

// What a terminal is told, by ECMA-48 and, where a private mode is set (?), by xterm.
const (
	beginUpdate = "\x1b[?2026h" // show nothing until endUpdate: no picture half drawn
	endUpdate   = "\x1b[?2026l"
	clearScreen = "\x1b[0m\x1b[2J"
	plain       = "\x1b[0m"
	clearToEnd  = "\x1b[K"
	upperHalf   = "▀" // U+2580
)

// cell is what a character cell shows.
type cell struct{ upper, lower colour }

// Renderer turns pictures into bytes for a terminal. It remembers what the terminal
// shows and tells it only what changes. The zero value is ready, for a terminal that
// shows anything, in 24-bit colour.
type Renderer struct {
	// Colours is what the terminal shows. It must not change.
	Colours Colours

	size        Size // the terminal's
	width, rows int  // what the picture has of it, in cells
	status      string
	shown       []cell
	scaler      scaler
	pixels      []colour
}

// Append appends to dst the bytes that make a terminal of the given size show picture in
// the middle of all lines but the last, and status, a line of text without control
// characters, in that one. It returns the extended buffer, which is to be written in one
// piece. A picture without pixels leaves the one before.
func (r *Renderer) Append(dst []byte, picture image.Image, size Size, status string) []byte {
	size = size.usable()
	room := size
	if room.Rows > 1 {
		room.Rows-- // the last line is the status's
	}
	bounds := picture.Bounds()
	if bounds.Empty() {
		return dst
	}
	width, height := fit(bounds.Dx(), bounds.Dy(), room)
	dst = append(dst, beginUpdate...)
	if size != r.size || width != r.width || height/2 != r.rows {
		r.size, r.width, r.rows, r.status = size, width, height/2, ""
		r.pixels, r.shown = make([]colour, width*height), nil
		dst = append(dst, clearScreen...)
	}
	r.scaler.scale(r.pixels, picture, width, height)
	r.Colours.quantise(r.pixels)
	dst = r.appendCells(dst, room)
	if size.Rows > 1 && status != r.status {
		r.status = status
		dst = appendPosition(dst, size.Rows-1, 0)
		dst = append(dst, cut(status, size.Columns)...)
		dst = append(dst, clearToEnd...)
	}
	return append(dst, endUpdate...)
}

// Forget has the next picture drawn in full, for a terminal whose screen something else
// may have changed.
func (r *Renderer) Forget() { r.size = Size{} }

// appendCells draws the cells that differ from those the terminal shows.
func (r *Renderer) appendCells(dst []byte, room Size) []byte {
	all := r.shown == nil
	if all {
		r.shown = make([]cell, r.width*r.rows)
	}
	left, top := (room.Columns-r.width)/2, (room.Rows-r.rows)/2
	var pen cell // the colours that are set
	penSet, at := false, -1
	for i := range r.shown {
		x, y := i%r.width, i/r.width
		c := cell{r.pixels[2*y*r.width+x], r.pixels[(2*y+1)*r.width+x]}
		if c == r.shown[i] && !all {
			continue
		}
		r.shown[i] = c
		if at != i || x == 0 {
			dst = appendPosition(dst, top+y, left+x)
		}
		at = i + 1
		if r.Colours == NoColours {
			dst = append(dst, density(c))
			continue
		}
		if !penSet || c.upper != pen.upper {
			dst = r.Colours.appendPen(dst, false, c.upper)
		}
		if !penSet || c.lower != pen.lower {
			dst = r.Colours.appendPen(dst, true, c.lower)
		}
		dst = append(dst, upperHalf...)
		pen, penSet = c, true
	}
	if penSet {
		dst = append(dst, plain...)
	}
	return dst
}

// appendPosition puts the cursor at a row and column, counted from 0.
func appendPosition(dst []byte, row, column int) []byte {
	dst = append(dst, "\x1b["...)
	dst = strconv.AppendInt(dst, int64(row)+1, 10)
	dst = append(dst, ';')
	dst = strconv.AppendInt(dst, int64(column)+1, 10)
	return append(dst, 'H')
}

// cut is the first n characters of a text.
func cut(text string, n int) string {
	for i := range text {
		if n--; n < 0 {
			return text[:i]
		}
	}
	return text
}
