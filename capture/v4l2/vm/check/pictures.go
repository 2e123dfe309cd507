//go:build cgo

package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// loopPictures makes the pictures that the writer writes: four, which differ.
func loopPictures() (pictures [][]byte, err error) {
	for n := range 4 {
		picture := image.NewRGBA(image.Rect(0, 0, loopWidth, loopHeight))
		for y := range loopHeight {
			for x := range loopWidth {
				picture.SetRGBA(x, y, color.RGBA{byte(x + 60*n), byte(y), byte(x ^ y), 255})
			}
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, picture, nil); err != nil {
			return nil, err
		}
		pictures = append(pictures, b.Bytes())
	}
	return pictures, nil
}
