package main

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"time"

	"github.com/camcast/camcast/media"
)

const (
	width, height   = 320, 240
	framesPerSecond = 10
)

// params are what all pictures have in common. image/jpeg codes colour pictures in 4:2:0 with the
// standard Huffman tables, which is what RTP can carry (RFC 2435).
var params = &media.Params{Format: media.JPEG, Width: width, Height: height, FramesPerSecond: framesPerSecond}

// draw draws pictures on its own goroutine, and has the loop publish each, until ctx is done.
func (a *app) draw(ctx context.Context) {
	ticker := time.NewTicker(time.Second / framesPerSecond)
	defer ticker.Stop()
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	var coded bytes.Buffer
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		bar(picture, 4*n%width)
		coded.Reset()
		if err := jpeg.Encode(&coded, picture, nil); err != nil {
			return
		}
		err := a.loop.Do(ctx, func() {
			if a.clock != nil { // Publish copies the bytes, and counts what cannot be sent
				_ = a.clock.Publish(media.Frame{Params: params, Bytes: coded.Bytes(), Captured: a.loop.Now(), Key: true})
			}
		})
		if err != nil {
			return // the loop has ended
		}
	}
}

// bar draws a white bar at x on blue.
func bar(picture *image.RGBA, x int) {
	draw.Draw(picture, picture.Bounds(), image.NewUniform(color.RGBA{B: 128, A: 255}), image.Point{}, draw.Src)
	draw.Draw(picture, image.Rect(x, 0, x+16, height), image.White, image.Point{}, draw.Src)
}
