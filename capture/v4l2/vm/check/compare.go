//go:build cgo

package main

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"slices"

	"github.com/bluenviron/gortsplib/v5"
	camjpeg "github.com/camcast/camcast/proto/jpeg"
)

// scanOf returns the entropy-coded data of a picture.
func scanOf(picture []byte) ([]byte, error) {
	var img camjpeg.Image
	if err := img.Parse(picture); err != nil {
		return nil, err
	}
	return img.Scan, nil
}

func scansOf(pictures [][]byte) (scans [][]byte, err error) {
	for _, picture := range pictures {
		scan, err := scanOf(picture)
		if err != nil {
			return nil, err
		}
		scans = append(scans, scan)
	}
	return scans, nil
}

// indexOf says which of the scans a picture has.
func indexOf(picture []byte, scans [][]byte) (int, error) {
	scan, err := scanOf(picture)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(scans, func(s []byte) bool { return bytes.Equal(s, scan) })
	if i < 0 {
		return 0, fmt.Errorf("a picture is none that the camera has sent")
	}
	return i, nil
}

// wantFrames is how many pictures a check plays.
const wantFrames = 60

// compareScans plays pictures and wants each to have the scan data, byte for byte, of the
// next of those that the camera sends in turn. Where a slow machine left the driver
// without a free buffer, pictures may be missing: as many as the daemon says.
func compareScans(d *process, protocol gortsplib.Protocol, sent [][]byte) error {
	scans, err := scansOf(sent)
	if err != nil {
		return err
	}
	before, err := d.askFigures()
	if err != nil {
		return err
	}
	order, bytesCompared, err := playScans(protocol, scans)
	if err != nil {
		return err
	}
	after, err := d.askFigures()
	if err != nil {
		return err
	}
	left := leftOut(order, len(scans))
	if missing := after.missing - before.missing; left > missing {
		return fmt.Errorf("%v: %d pictures are left out, but the driver left out %d: %v", protocol, left, missing, order)
	}
	saw("%v: %d of %d pictures in order (the driver left out %d), %d bytes of scan data identical to what the camera sent",
		protocol, len(order), wantFrames, left, bytesCompared)
	return nil
}

// playScans plays pictures and says which of the scans each has.
func playScans(protocol gortsplib.Protocol, scans [][]byte) (order []int, bytesCompared int, err error) {
	c, err := play(protocol)
	if err != nil {
		return nil, 0, err
	}
	defer c.close()
	for i := range wantFrames {
		picture, err := c.next()
		if err != nil {
			return nil, 0, fmt.Errorf("after %d pictures: %w", i, err)
		}
		index, err := indexOf(picture, scans)
		if err != nil {
			return nil, 0, fmt.Errorf("after %d pictures: %w", i, err)
		}
		order = append(order, index)
		bytesCompared += len(scans[index])
	}
	return order, bytesCompared, nil
}

// leftOut counts the pictures that are left out of an order that repeats after a period.
func leftOut(order []int, period int) (count int) {
	for i := 1; i < len(order); i++ {
		count += (order[i] - order[i-1] - 1 + 2*period) % period
	}
	return count
}

// plane is the brightness of a part of a picture.
type plane struct {
	pixels        []byte
	width, height int
}

// cropped cuts off the rows that RTP/JPEG has added: its sizes are in units of 8.
func (p plane) cropped(to plane) plane {
	if p.width == to.width && p.height == (to.height+7)/8*8 {
		p.height = to.height
		p.pixels = p.pixels[:p.width*p.height]
	}
	return p
}

// psnr is how alike two planes are, in dB, from a row on down. It adds up integers, as the
// machine emulates floating point slowly.
func psnr(a, b plane, fromRow int) float64 {
	begin, end := fromRow*a.width, a.height*a.width
	of, sum := b.pixels[begin:end], 0
	for i, pixel := range a.pixels[begin:end] {
		d := int(pixel) - int(of[i])
		sum += d * d
	}
	return 10 * math.Log10(255*255*float64(end-begin)/max(float64(sum), 1e-9))
}

// decode returns a picture's brightness.
func decode(picture []byte) (plane, error) {
	decoded, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return plane{}, err
	}
	p, ok := decoded.(*image.YCbCr)
	if !ok {
		return plane{}, fmt.Errorf("a picture of %T", decoded)
	}
	size := p.Rect.Size()
	out := plane{width: size.X, height: size.Y}
	for y := range size.Y {
		out.pixels = append(out.pixels, p.Y[y*p.YStride:][:size.X]...)
	}
	return out, nil
}

// comparePixels plays pictures and wants each to be as the one that expected returns for
// it, nearly.
func comparePixels(protocol gortsplib.Protocol, leastDB float64, fromRow int, expected func(plane) plane) error {
	c, err := play(protocol)
	if err != nil {
		return err
	}
	defer c.close()
	worst := math.Inf(1)
	for i := range wantFrames {
		picture, err := c.next()
		if err != nil {
			return fmt.Errorf("after %d pictures: %w", i, err)
		}
		got, err := decode(picture)
		if err != nil {
			return err
		}
		want := expected(got)
		got = got.cropped(want)
		if want.width != got.width || want.height != got.height {
			return fmt.Errorf("picture %d is %dx%d, want %dx%d", i, got.width, got.height, want.width, want.height)
		}
		worst = min(worst, psnr(got, want, fromRow))
	}
	if worst < leastDB {
		return fmt.Errorf("the worst of %d pictures has a PSNR of %.1f dB, want %.0f", wantFrames, worst, leastDB)
	}
	saw("%v: %d of %d pictures, the worst PSNR %.1f dB", protocol, wantFrames, wantFrames, worst)
	return nil
}
