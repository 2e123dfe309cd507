// Command screenshot draws what a terminal showed, as a PNG:
//
//	tmux capture-pane -e -p | screenshot COLUMNS ROWS >picture.png
package main

import (
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"strconv"

	"github.com/camcast/camcast/cmd/camview/term/screen"
)

// cellWidth is in pixels.
const cellWidth = 8

func main() {
	if err := draw(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "screenshot: %v\n", err)
		os.Exit(1)
	}
}

func draw(args []string, in io.Reader, out io.Writer) error {
	var size [2]int
	if len(args) != len(size) {
		return errors.New("usage: screenshot COLUMNS ROWS <captured >picture.png")
	}
	for i, text := range args {
		var err error
		if size[i], err = strconv.Atoi(text); err != nil || size[i] < 1 || size[i] > 1000 {
			return fmt.Errorf("%q: must be a number from 1 to 1000", text)
		}
	}
	captured, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	s := screen.New(size[0], size[1])
	if _, err := s.Write(captured); err != nil {
		return err
	}
	picture, err := s.Picture(cellWidth)
	if err != nil {
		return err
	}
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	return encoder.Encode(out, picture)
}
