//go:build cgo

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"time"

	"github.com/camcast/camcast/capture/m2m"
)

// checkM2M encodes by the kernel's virtual encoder, which makes FWHT where a device makes H.264: each picture
// is a frame, some of which are asked to be key frames, and the stream is ended and begun anew.
func checkM2M() error {
	if device, ok := m2m.Find(m2m.H264); ok {
		return fmt.Errorf("%s is said to encode H.264", device.Path)
	}
	device, ok := m2m.Find("FWHT")
	if !ok {
		return fmt.Errorf("no encoder was found")
	}
	saw("%s (%q) encodes", device.Path, device.Card)
	if err := encodeM2M(device, image.Pt(640, 360), 60); err != nil { // the smallest size that it has
		return err
	}
	return encodeM2M(device, image.Pt(650, 366), 2) // not of whole blocks
}

// fwhtHeader begins a frame of FWHT (the kernel's codec-fwht.h): two words that mark it, the version, the width, the
// height and the flags.
type fwhtHeader struct{ Mark, _, Version, Width, Height, Flags uint32 }

// fwhtKey is FWHT_FL_I_FRAME.
const fwhtKey = 1 << 10

func encodeM2M(device m2m.Device, size image.Point, pictures int) error {
	encoder, err := m2m.New(m2m.Options{Device: device, Coded: "FWHT", Width: size.X, Height: size.Y, FramesPerSecond: 60, Bitrate: 1e6, KeyInterval: 30})
	if err != nil {
		return err
	}
	defer encoder.Close()
	picture := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
	stripes := bytes.Repeat([]byte{10, 200}, size.X/2) // a line more of them in each picture
	var coded []byte
	keys, octets := 0, 0
	for n := range pictures {
		copy(picture.Y[n*picture.YStride:][:picture.YStride], stripes)
		key := n == 3 || n == 40
		if coded, err = encoder.Encode(coded, picture, time.Duration(n+1)*time.Second/60, key); err != nil {
			return fmt.Errorf("picture %d of %d: %w", n, pictures, err)
		}
		var h fwhtHeader
		if _, err := binary.Decode(coded, binary.BigEndian, &h); err != nil || h.Mark != 0x4f4f4f4f || h.Width != uint32(size.X) || h.Height != uint32(size.Y) {
			return fmt.Errorf("picture %d: %+v is no frame of FWHT", n, h)
		}
		isKey := h.Flags&fwhtKey != 0
		if (key || n == 0) && !isKey {
			return fmt.Errorf("picture %d: no key frame", n)
		}
		if isKey {
			keys++
		}
		octets += len(coded)
		if n == pictures/2 {
			if err := encoder.SetBitrate(500e3); err != nil {
				return err
			}
		}
	}
	rest, err := encoder.Drain(nil)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("drained: %d bytes, %v", len(rest), err)
	}
	if _, err := encoder.Encode(coded, picture, 2*time.Second, false); err != nil {
		return fmt.Errorf("after it was drained: %w", err)
	}
	saw("%dx%d: %d of %d pictures encoded, %d key frames, %d bytes; drained, and begun anew", size.X, size.Y, pictures, pictures, keys, octets)
	return nil
}
