package main

import (
	"errors"
	"fmt"
	"image"

	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/openh264"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
)

// snapshotQuality is the JPEG quality of pictures that are made of H.264.
const snapshotQuality = 90

// pictureOf makes a JPEG of a key frame of H.264, if OpenH264 is installed.
func pictureOf(f media.Frame) ([]byte, error) {
	if f.Params.Format != media.H264 {
		return nil, fmt.Errorf("the stream is %v, of which no JPEG can be made", f.Params.Format)
	}
	decoder, err := openh264.New()
	if err != nil {
		return nil, fmt.Errorf("the stream is %v, of which no JPEG can be made: %w", f.Params.Format, err)
	}
	defer decoder.Close()
	unit, err := nal.AppendAnnexB(nil, f.Params.ParameterSets, f.Bytes)
	if err != nil {
		return nil, err
	}
	picture, err := decoder.Decode(unit, false)
	if err != nil {
		return nil, err
	}
	if picture == nil {
		return nil, errors.New("OpenH264: the key frame gives no picture")
	}
	if !isFullRange(f.Params) {
		picture = toFullRange(picture)
	}
	encoder, err := encode.NewEncoder(snapshotQuality, encode.Options{})
	if err != nil {
		return nil, err
	}
	defer encoder.Close()
	return encoder.Encode(nil, picture)
}

// isFullRange reports whether luma goes from 0 to 255, as in JPEG.
func isFullRange(p *media.Params) bool {
	for _, set := range p.ParameterSets {
		if sps, err := h264.ParseSPS(set); err == nil {
			return sps.FullRange
		}
	}
	return false
}

// toFullRange returns a copy of a picture whose luma goes from 16 to 235, and chroma from 16 to 240, over the full range.
func toFullRange(p *image.YCbCr) *image.YCbCr {
	full := image.NewYCbCr(p.Rect, p.SubsampleRatio)
	stretch := func(dst, src []byte, dstStride, srcStride, width, height int, table *[256]byte) {
		for y := range height {
			line := src[y*srcStride:]
			for x, v := range line[:width] {
				dst[y*dstStride+x] = table[v]
			}
		}
	}
	var luma, chroma [256]byte
	for v := range 256 {
		luma[v] = byte(min(max((v-16)*255+109, 0)/219, 255))
		chroma[v] = byte(min(max((v-128)*255+128*224+112, 0)/224, 255))
	}
	w, h := p.Rect.Dx(), p.Rect.Dy()
	stretch(full.Y, p.Y, full.YStride, p.YStride, w, h, &luma)
	stretch(full.Cb, p.Cb, full.CStride, p.CStride, (w+1)/2, (h+1)/2, &chroma)
	stretch(full.Cr, p.Cr, full.CStride, p.CStride, (w+1)/2, (h+1)/2, &chroma)
	return full
}
