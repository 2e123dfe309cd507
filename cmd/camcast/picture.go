package main

import (
	"errors"
	"fmt"

	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/proto/jpeg"
)

// checkPicture says why a picture cannot be sent: RTP cannot carry it, and it cannot be transcoded. What is
// too large for RTP may be watched by HTTP: the stream says so. Any goroutine may call it.
func checkPicture(picture []byte) error {
	if width, height, err := jpeg.Size(picture); err == nil && max(width, height) > jpeg.MaxDimension {
		return nil
	}
	var img jpeg.Image
	err := img.Parse(picture)
	if errors.Is(err, jpeg.ErrReencode) {
		err = transcode(picture)
	}
	if err != nil {
		return fmt.Errorf("its first picture cannot be sent: %w", err)
	}
	return nil
}

// transcode tries to transcode a picture.
func transcode(picture []byte) error {
	transcoder, err := encode.NewTranscoder(encodeOptions())
	if err != nil {
		return err
	}
	defer transcoder.Close()
	_, err = transcoder.Transcode(nil, picture)
	return err
}
