package main

import (
	"bytes"
	"image"
	"image/jpeg"

	"github.com/camcast/camcast/cmd/camview/term"
)

// display shows pictures in the terminal.
type display struct {
	terminal *term.Terminal
	renderer term.Renderer
	picture  image.Image // the last one
	out      []byte
}

func (d *display) write(data []byte, status string) error {
	if len(data) > 0 {
		picture, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			status += "  (a picture that cannot be decoded: " + err.Error() + ")"
		} else {
			d.picture = picture
		}
	}
	if d.picture == nil {
		d.picture = image.NewGray(image.Rect(0, 0, 1, 1)) // black, until there is one
	}
	d.out = d.renderer.Append(d.out[:0], d.picture, d.terminal.Size(), status)
	_, err := d.terminal.Write(d.out)
	return err
}

func (d *display) close() error { return d.terminal.Close() }
