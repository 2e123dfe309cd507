package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"math"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/openh264"
	"github.com/camcast/camcast/proto/h264"
	"github.com/camcast/camcast/proto/nal"
	"github.com/camcast/camcast/view"
)

// decoder makes pixels of pictures. It belongs to the goroutine of a sink.
type decoder interface {
	// decode decodes a picture. It is valid until the next call, and nil if it only comes then.
	decode(f *view.Frame) (image.Image, error)
	close()
}

// newDecoder makes a decoder, or says why pictures of that format cannot be shown.
func newDecoder(format media.Format) (decoder, error) {
	switch format {
	case media.H264:
		d, err := openh264.New()
		if err != nil {
			return nil, fmt.Errorf("the stream is H.264, and cannot be shown: %w; or write it to a file by -o FILE.h264", err)
		}
		return &h264Decoder{decoder: d}, nil
	case media.H265:
		return nil, errors.New("the stream is H.265, which cannot be shown in a terminal: write it to a file by -o FILE.h265, or to a player by -o -")
	}
	return jpegDecoder{}, nil
}

type jpegDecoder struct{}

func (jpegDecoder) decode(f *view.Frame) (image.Image, error) {
	return jpeg.Decode(bytes.NewReader(f.Bytes))
}

func (jpegDecoder) close() {}

// h264Decoder decodes by OpenH264.
type h264Decoder struct {
	decoder   *openh264.Decoder
	params    *media.Params // of the last picture
	reorders  bool
	fullRange bool
	unit      []byte
	picture   image.YCbCr
}

func (d *h264Decoder) decode(f *view.Frame) (image.Image, error) {
	if f.Params != d.params {
		d.setParams(f.Params)
	}
	var sets [][]byte
	if f.Key {
		sets = f.Params.ParameterSets
	}
	var err error
	if d.unit, err = nal.AppendAnnexB(d.unit[:0], sets, f.Bytes); err != nil {
		return nil, err
	}
	picture, err := d.decoder.Decode(d.unit, d.reorders)
	if picture == nil {
		return nil, err
	}
	if d.fullRange {
		return picture, nil
	}
	return d.expand(picture), nil
}

// setParams takes what the parameter sets say of the pictures.
func (d *h264Decoder) setParams(p *media.Params) {
	d.params, d.reorders, d.fullRange = p, false, false
	for _, set := range p.ParameterSets {
		if len(set) == 0 || h264.TypeOf(set) != h264.TypeSPS {
			continue
		}
		if sps, err := h264.ParseSPS(set); err == nil {
			d.reorders, d.fullRange = sps.ReorderFrames > 0, sps.FullRange
		}
	}
}

// expand makes levels go from 0 to 255: those of most video go from 16 to 235 (luma) and 240 (chroma).
func (d *h264Decoder) expand(from *image.YCbCr) image.Image {
	to := &d.picture
	to.YStride, to.CStride, to.SubsampleRatio, to.Rect = from.YStride, from.CStride, from.SubsampleRatio, from.Rect
	to.Y = expandPlane(to.Y, from.Y, &lumaLevels)
	to.Cb = expandPlane(to.Cb, from.Cb, &chromaLevels)
	to.Cr = expandPlane(to.Cr, from.Cr, &chromaLevels)
	return to
}

func expandPlane(dst, from []byte, levels *[256]byte) []byte {
	dst = append(dst[:0], from...)
	for i, level := range dst {
		dst[i] = levels[level]
	}
	return dst
}

// lumaLevels and chromaLevels map levels of a limited range to those of a full one. Luma's black is 16,
// and the middle of chroma 128.
var lumaLevels, chromaLevels = levels(16, 0, 219), levels(128, 128, 224)

// levels maps a level, and those around it by their distance: span of them become 255.
func levels(from, to, span float64) (table [256]byte) {
	for i := range table {
		table[i] = byte(min(max(math.Round(to+(float64(i)-from)*255/span), 0), 255))
	}
	return table
}

func (d *h264Decoder) close() { d.decoder.Close() }
