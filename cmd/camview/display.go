package main

import (
	"image"

	"github.com/camcast/camcast/cmd/camview/term"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/view"
)

// display shows pictures in the terminal.
type display struct {
	terminal *term.Terminal
	renderer term.Renderer
	// decoder is that of the stream's format; nil before the first picture.
	decoder decoder
	format  media.Format
	picture image.Image // the last one
	fault   string      // why the last one is not shown
	out     []byte
}

func (d *display) write(pictures []view.Frame, status string, hurry bool) error {
	if len(pictures) > 0 {
		if err := d.decode(pictures); err != nil {
			return err
		}
		if hurry && pictures[0].Format.Dependent() {
			return nil // it was decoded, and a newer one is shown soon
		}
	}
	if d.picture == nil {
		d.picture = image.NewGray(image.Rect(0, 0, 1, 1)) // black, until there is one
	}
	d.out = d.renderer.Append(d.out[:0], d.picture, d.terminal.Size(), status+d.fault)
	_, err := d.terminal.Write(d.out)
	return err
}

// decode decodes pictures and keeps the last one. The error says that no picture of the format can be
// shown.
func (d *display) decode(pictures []view.Frame) (err error) {
	if format := pictures[0].Format; format != d.format {
		d.stop()
		if d.decoder, err = newDecoder(format); err != nil {
			return err
		}
		d.format = format
	}
	for i := range pictures {
		picture, err := d.decoder.decode(&pictures[i])
		if err != nil {
			d.fault = "  (a picture that cannot be decoded: " + err.Error() + ")"
		} else if picture != nil {
			d.picture, d.fault = picture, ""
		}
	}
	return nil
}

func (d *display) stop() {
	if d.decoder != nil {
		d.decoder.close()
	}
	d.decoder, d.format = nil, 0
}

func (d *display) close() error {
	d.stop()
	return d.terminal.Close()
}
