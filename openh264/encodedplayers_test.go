//go:build players

package openh264

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// scene draws a picture of soft shapes that move, with grain, as a camera gives.
func scene(p *image.YCbCr, number int) {
	w, h := p.Rect.Dx(), p.Rect.Dy()
	row, column, blue := make([]byte, w), make([]byte, h), make([]byte, w/2)
	for x := range row {
		row[x] = byte(100 + 60*math.Sin(float64(x+3*number)/37))
		blue[x/2] = byte(128 + 50*math.Sin(float64(x/2+number)/31))
	}
	for y := range column {
		column[y] = byte(50 + 50*math.Cos(float64(y-number)/23))
	}
	grain := uint32(number*7919 + 1)
	for y, shade := range column {
		line := p.Y[y*p.YStride:][:w]
		for x, v := range row {
			grain = grain*1664525 + 1013904223
			line[x] = v + shade + byte(grain>>31)
		}
	}
	for y := range h / 2 {
		copy(p.Cb[y*p.CStride:], blue)
		red := p.Cr[y*p.CStride:][:w/2]
		for x := range red {
			red[x] = column[2*y] + 78
		}
	}
}

func newEncoder(t *testing.T, o EncoderOptions) *Encoder {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// psnr is that of a plane, in dB.
func psnr(a, b []byte, strideA, strideB, w, h int) float64 {
	sum := 0.0
	for y := range h {
		one, other := a[y*strideA:][:w], b[y*strideB:][:w]
		for x, v := range one {
			d := float64(v) - float64(other[x])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255*float64(w*h)/max(sum, 1e-9))
}

// kinds are the types of the NAL units, each with a start code of four bytes.
func kinds(unit []byte) (kinds []byte) {
	for _, u := range bytes.Split(unit, []byte{0, 0, 0, 1})[1:] {
		kinds = append(kinds, u[0]&31)
	}
	return kinds
}

const (
	kindSlice, kindKey, kindSPS, kindPPS = 1, 5, 7, 8
)

// TestEncode encodes three sizes, one of them no multiple of 16, and wants our decoder and ffmpeg to
// see the pictures, and key frames where they are asked for and due.
func TestEncode(t *testing.T) {
	for _, size := range []image.Point{{320, 240}, {642, 358}, {1280, 720}} {
		const frames, interval = 18, 6
		e := newEncoder(t, EncoderOptions{Width: size.X, Height: size.Y, FramesPerSecond: 30, Bitrate: 4_000_000, KeyInterval: interval, FullRange: true})
		d := newDecoder(t)
		p := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
		var film, unit []byte
		for i := range frames {
			scene(p, i)
			var err error
			if unit, err = e.Encode(unit, p, time.Duration(i)*time.Second/30, i == 4); err != nil || len(unit) == 0 {
				t.Fatalf("%v: %d bytes, %v", size, len(unit), err)
			}
			want := []byte{kindSlice}
			if i == 0 || i >= 4 && (i-4)%interval == 0 {
				want = []byte{kindSPS, kindPPS, kindKey}
			}
			if got := kinds(unit); !bytes.Equal(got, want) {
				t.Errorf("%v: frame %d: NAL units %v, want %v", size, i, got, want)
			}
			film = append(film, unit...)
			got, err := d.Decode(unit, false)
			if err != nil || got == nil || got.Rect != p.Rect {
				t.Fatalf("%v: frame %d: %v", size, i, err)
			}
			y := psnr(p.Y, got.Y, p.YStride, got.YStride, size.X, size.Y)
			cb := psnr(p.Cb, got.Cb, p.CStride, got.CStride, size.X/2, size.Y/2)
			if y < 34 || cb < 34 {
				t.Errorf("%v: frame %d: %.1f dB, colour %.1f dB", size, i, y, cb)
			}
		}
		ffmpegTakes(t, film, frames)
	}
}

// ffmpegTakes wants ffmpeg to find no error, all frames, and the colours of JPEG.
func ffmpegTakes(t *testing.T, film []byte, frames int) {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-f", "framemd5", "-")
	c.Stdin, c.Stderr = bytes.NewReader(film), &stderr
	out, err := c.Output()
	if n := strings.Count(string(out), "\n0,"); err != nil || n != frames || stderr.Len() > 0 {
		t.Errorf("ffmpeg: %v, %d frames of %d: %s", err, n, frames, stderr.String())
	}
	c = exec.Command("ffprobe", "-v", "error", "-f", "h264", "-show_entries", "stream=profile,color_range,color_space", "-of", "csv=p=0", "-")
	c.Stdin = bytes.NewReader(film)
	if out, err := c.Output(); err != nil || strings.TrimSpace(string(out)) != "Constrained Baseline,pc,smpte170m" {
		t.Errorf("ffprobe: %v: %s", err, out)
	}
}

// TestBitrate changes the rate while frames are encoded, up and down.
func TestBitrate(t *testing.T) {
	e := newEncoder(t, EncoderOptions{Width: 320, Height: 240, FramesPerSecond: 30, Bitrate: 1_000_000})
	p := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
	var unit []byte
	i := 0
	for _, want := range []int{300_000, 500_000, 150_000} {
		if err := e.SetBitrate(want); err != nil {
			t.Fatal(err)
		}
		bits := 0
		for n := range 90 {
			scene(p, i)
			var err error
			if unit, err = e.Encode(unit, p, time.Duration(i)*time.Second/30, false); err != nil {
				t.Fatal(err)
			}
			if i++; n >= 30 { // the first second it gets there
				bits += 8 * len(unit)
			}
		}
		if got := bits / 2; got < want*8/10 || got > want*12/10 {
			t.Errorf("%d bits/s, want %d", got, want)
		}
	}
	for _, outside := range []int{0, -1, 1 << 40} {
		if err := e.SetBitrate(outside); err != nil {
			t.Error(err)
		}
	}
}

// TestEncodeAllocatesNothing keeps a rule of the house.
func TestEncodeAllocatesNothing(t *testing.T) {
	e := newEncoder(t, EncoderOptions{Width: 320, Height: 240, FramesPerSecond: 30, Bitrate: 1_000_000})
	p := image.NewYCbCr(image.Rect(0, 0, 320, 240), image.YCbCrSubsampleRatio420)
	scene(p, 1)
	unit := make([]byte, 0, 1<<20)
	i := 0
	n := testing.AllocsPerRun(100, func() {
		i++
		var err error
		if unit, err = e.Encode(unit, p, time.Duration(i)*time.Second/30, i%10 == 0); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// BenchmarkEncode measures pictures that all move.
func BenchmarkEncode(b *testing.B) {
	for _, size := range []image.Point{{640, 480}, {1280, 720}} {
		b.Run(fmt.Sprintf("%dx%d", size.X, size.Y), func(b *testing.B) {
			e, err := NewEncoder(EncoderOptions{Width: size.X, Height: size.Y, FramesPerSecond: 30, Bitrate: 4_000_000})
			if err != nil {
				b.Fatal(err)
			}
			defer e.Close()
			pictures := make([]*image.YCbCr, 30)
			for i := range pictures {
				pictures[i] = image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio420)
				scene(pictures[i], i)
			}
			var unit []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if unit, err = e.Encode(unit, pictures[i%len(pictures)], time.Duration(i)*time.Second/30, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
