//go:build cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/camcast/camcast/capture/encode"
	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"
)

// scene is what vivid shows: in colour, and, in grey, with the weights that vivid has for that (Rec. 709's).
type scene struct{ colour, grey *image.YCbCr }

// readScene takes one picture of vivid's in RGB, by read(2), a way that the daemon does not use.
func readScene(path string) (s scene, err error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return s, err
	}
	defer unix.Close(fd)
	format := v4l2.PixFormat{Width: vividWidth, Height: vividHeight, PixelFormat: v4l2.PixelFmtRGB24, Field: v4l2.FieldNone}
	if err := v4l2.SetPixFormat(uintptr(fd), format); err != nil {
		return s, err
	}
	if format, err = v4l2.GetPixFormat(uintptr(fd)); err != nil {
		return s, err
	}
	raw := make([]byte, format.SizeImage)
	for {
		n, err := unix.Read(fd, raw)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n < len(raw) {
			return s, fmt.Errorf("%d of %d bytes: %w", n, len(raw), err)
		}
		break
	}
	size := image.Rect(0, 0, vividWidth, vividHeight)
	s = scene{image.NewYCbCr(size, image.YCbCrSubsampleRatio444), image.NewYCbCr(size, image.YCbCrSubsampleRatio444)}
	for y := range vividHeight {
		for x := range vividWidth {
			at := raw[y*int(format.BytesPerLine)+3*x:]
			i := y*vividWidth + x
			s.colour.Y[i], s.colour.Cb[i], s.colour.Cr[i] = color.RGBToYCbCr(at[0], at[1], at[2])
			s.grey.Y[i] = byte((13933*int(at[0]) + 46871*int(at[1]) + 4732*int(at[2]) + 1<<15) >> 16)
			s.grey.Cb[i], s.grey.Cr[i] = 128, 128
		}
	}
	return s, nil
}

// brightnessOf is a picture's, for comparePixels.
func brightnessOf(p *image.YCbCr) plane {
	return plane{width: p.Rect.Dx(), height: p.Rect.Dy(), pixels: p.Y}
}

// mirrored is a picture with its left on the right.
func mirrored(p *image.YCbCr) *image.YCbCr {
	out := image.NewYCbCr(p.Rect, p.SubsampleRatio)
	for y := range p.Rect.Dy() {
		for x := range p.Rect.Dx() {
			i, j := p.YOffset(x, y), p.YOffset(p.Rect.Dx()-1-x, y)
			out.Y[i], out.Cb[i], out.Cr[i] = p.Y[j], p.Cb[j], p.Cr[j]
		}
	}
	return out
}

// colourPSNR is how alike the brightness and the colour of two pictures are, each in dB, below vivid's texts.
func colourPSNR(got, want *image.YCbCr) (luma, chroma float64) {
	sumY, sumC := 0, 0
	for y := osdRows; y < vividHeight; y++ {
		for x := range vividWidth {
			i, c, w := got.YOffset(x, y), got.COffset(x, y), want.YOffset(x, y)
			dy, db, dr := int(got.Y[i])-int(want.Y[w]), int(got.Cb[c])-int(want.Cb[w]), int(got.Cr[c])-int(want.Cr[w])
			sumY += dy * dy
			sumC += db*db + dr*dr
		}
	}
	pixels := float64((vividHeight - osdRows) * vividWidth)
	return 10 * math.Log10(255*255*pixels/max(float64(sumY), 1e-9)), 10 * math.Log10(255*255*2*pixels/max(float64(sumC), 1e-9))
}

// nextColours plays a picture.
func (c *client) nextColours() (*image.YCbCr, error) {
	picture, err := c.next()
	if err != nil {
		return nil, err
	}
	decoded, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	p, ok := decoded.(*image.YCbCr)
	if !ok || p.Rect.Dx() != vividWidth || p.Rect.Dy() < vividHeight {
		return nil, fmt.Errorf("a picture of %T, %v", decoded, decoded.Bounds())
	}
	return p, nil
}

// vividSource is vivid in a format.
func vividSource(format string) string {
	return fmt.Sprintf("/dev/video0?size=%dx%d&fps=30&quality=90&format=%s", vividWidth, vividHeight, format)
}

// rawPictures is how many pictures of each format are compared.
const rawPictures = 3

// checkFormats is each raw format of vivid's, and one of other levels and another matrix.
func checkFormats(shown scene) error {
	for _, format := range encode.Formats() {
		want := shown.colour
		if format == encode.Grey {
			want = shown.grey
		}
		if err := checkFormat(string(format), want); err != nil {
			return err
		}
	}
	if err := command([]string{"now 2 (Rec. 709)", "now 1 (Full Range)"}, "controls", "/dev/video0", "y_cbcr_encoding=rec. 709", "quantization=full range"); err != nil {
		return err
	}
	if err := checkFormat("nv12", shown.colour); err != nil {
		return fmt.Errorf("full range and Rec. 709: %w", err)
	}
	return command([]string{"now 0 "}, "controls", "/dev/video0", "y_cbcr_encoding=0", "quantization=0")
}

// checkFormat compares some pictures of a format.
func checkFormat(format string, want *image.YCbCr) error {
	d, err := startDaemon(vividSource(format))
	if err != nil {
		return err
	}
	c, err := play(gortsplib.ProtocolTCP)
	if err != nil {
		return err
	}
	defer c.close()
	worstLuma, worstChroma := math.Inf(1), math.Inf(1)
	for range rawPictures {
		got, err := c.nextColours()
		if err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
		luma, chroma := colourPSNR(got, want)
		worstLuma, worstChroma = min(worstLuma, luma), min(worstChroma, chroma)
	}
	if worstLuma < 30 || worstChroma < 30 {
		return fmt.Errorf("%s: the worst of %d pictures has a PSNR of %.1f dB, colours %.1f dB; want 30", format, rawPictures, worstLuma, worstChroma)
	}
	saw("%s: %d pictures, the worst PSNR %.1f dB, of colours %.1f dB", format, rawPictures, worstLuma, worstChroma)
	return d.stop()
}
