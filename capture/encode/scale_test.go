package encode

import (
	"image"
	"math"
	"testing"

	"github.com/camcast/camcast/media"
)

// TestScale wants a smooth picture to stay what it is in other sizes, odd ones too, and values at the edges.
func TestScale(t *testing.T) {
	const steps = 200
	smooth := func(w, h int) *image.YCbCr {
		p := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
		for y := range h {
			for x := range w {
				p.Y[p.YOffset(x, y)] = byte((2*x+1)*steps/(2*w)/2 + (2*y+1)*steps/(2*h)/2)
			}
		}
		for y := range (h + 1) / 2 {
			for x := range (w + 1) / 2 {
				p.Cb[y*p.CStride+x], p.Cr[y*p.CStride+x] = 255, byte((2*y+1)*steps/(h+1))
			}
		}
		return p
	}
	for _, c := range [][2]image.Point{
		{{64, 48}, {32, 24}}, {{64, 48}, {48, 36}}, {{65, 47}, {16, 16}}, {{33, 31}, {64, 62}}, {{128, 96}, {30, 22}}, {{64, 48}, {64, 48}}, {{1, 1}, {16, 16}}, {{200, 20}, {20, 16}},
	} {
		from, to := smooth(c[0].X, c[0].Y), smooth(c[1].X, c[1].Y)
		var s scaler
		for range 2 { // with buffers that are there, too
			got := s.scale(from, c[1])
			if got.Rect.Size() != c[1] {
				t.Fatalf("%v: %v", c, got.Rect)
			}
			tolerance := 4 + 2*steps/min(c[0].X, c[0].Y, c[1].X, c[1].Y)
			for i := range to.Y {
				if d := int(got.Y[i]) - int(to.Y[i]); d > tolerance || d < -tolerance {
					t.Fatalf("%v to %v: brightness %d is %d, want %d", c[0], c[1], i, got.Y[i], to.Y[i])
				}
			}
			for i := range to.Cb {
				if d := int(got.Cr[i]) - int(to.Cr[i]); got.Cb[i] != 255 || d > tolerance || d < -tolerance {
					t.Fatalf("%v to %v: colour %d is %d, %d, want 255, %d", c[0], c[1], i, got.Cb[i], got.Cr[i], to.Cr[i])
				}
			}
		}
	}
}

// TestScaleAllocatesNothing keeps a rule of the house.
func TestScaleAllocatesNothing(t *testing.T) {
	var s scaler
	p := gradient(320, 240, image.YCbCrSubsampleRatio420)
	s.scale(p, image.Pt(106, 80))
	if n := testing.AllocsPerRun(10, func() { s.scale(p, image.Pt(106, 80)) }); n != 0 {
		t.Errorf("%v allocations a picture", n)
	}
}

// TestI420 packs and views pictures of even and odd sizes, and refuses bytes that are none.
func TestI420(t *testing.T) {
	for _, size := range []image.Point{{64, 48}, {33, 17}, {1, 1}} {
		p := gradient(size.X, size.Y, image.YCbCrSubsampleRatio420)
		data := AppendI420(nil, p)
		var d pictures
		got, err := d.decode(media.Frame{Params: &media.Params{Format: media.I420, Width: size.X, Height: size.Y}, Bytes: data})
		if err != nil || len(data) != SizeOfI420(size.X, size.Y) {
			t.Fatalf("%v: %d bytes, %v", size, len(data), err)
		}
		for y := range size.Y {
			for x := range size.X {
				if got.YCbCrAt(x, y) != p.YCbCrAt(x, y) {
					t.Fatalf("%v: %d,%d is %v, want %v", size, x, y, got.YCbCrAt(x, y), p.YCbCrAt(x, y))
				}
			}
		}
	}
	for _, c := range []struct{ bytes, width, height int }{{5, 2, 2}, {7, 2, 2}, {0, 0, 0}, {6, -2, -2}, {0, 1 << 20, 1 << 20}} {
		if err := viewI420(new(image.YCbCr), make([]byte, c.bytes), c.width, c.height); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// TestSubsample compares with the plain way of computing the means of colours.
func TestSubsample(t *testing.T) {
	for _, size := range []image.Point{{64, 48}, {37, 19}} {
		var scratch, planes *image.YCbCr
		p := gradient(size.X, size.Y, image.YCbCrSubsampleRatio422)
		got := subsample(p, &scratch, &planes)
		want := image.NewYCbCr(p.Rect, image.YCbCrSubsampleRatio420)
		copy(want.Y, p.Y)
		average(want, p)
		for i := range want.Cb {
			if d := int(got.Cb[i]) - int(want.Cb[i]); d*d > 1 {
				t.Fatalf("%v: colour %d is %d, want %d", size, i, got.Cb[i], want.Cb[i])
			}
		}
		for i := range want.Y {
			if got.Y[i] != want.Y[i] {
				t.Fatalf("%v: brightness %d differs", size, i)
			}
		}
	}
}

// TestH264Options refuses what cannot be made.
func TestH264Options(t *testing.T) {
	for _, o := range []H264Options{
		{Width: 641, Height: 480}, {Width: 640}, {Width: 8, Height: 8}, {Width: 5000, Height: 480}, {Bitrate: 9}, {Bitrate: math.MaxInt - 1}, {KeyInterval: 1}, {KeyInterval: -1},
	} {
		if o.Check() == nil {
			t.Errorf("%+v: no error", o)
		}
		if _, err := NewH264(o); err == nil {
			t.Errorf("%+v: an encoder is made", o)
		}
	}
}
