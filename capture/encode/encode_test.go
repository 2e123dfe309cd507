package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
)

// gradient is a picture with some noise, of any size.
func gradient(width, height int, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	random := rand.New(rand.NewPCG(5, 6))
	p := image.NewYCbCr(image.Rect(0, 0, width, height), ratio)
	for y := range height {
		for x := range width {
			p.Y[p.YOffset(x, y)] = byte(40 + 150*x/width + random.IntN(8))
			i := p.COffset(x, y)
			p.Cb[i], p.Cr[i] = byte(60+120*y/height), byte(200-120*x/width)
		}
	}
	return p
}

// psnr is how alike the brightness of two pictures is, in dB.
func psnr(a, b image.Image) float64 {
	sum := 0.0
	size := a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			p, q := lumaAt(a, x, y), lumaAt(b, x, y)
			sum += (p - q) * (p - q)
		}
	}
	return 10 * math.Log10(255*255*float64(size.X*size.Y)/max(sum, 1e-9))
}

func lumaAt(p image.Image, x, y int) float64 {
	if p, ok := p.(*image.YCbCr); ok {
		return float64(p.Y[p.YOffset(x, y)])
	}
	return float64(p.(*image.Gray).GrayAt(x, y).Y)
}

// encoders are all there are: Go's always, and what NewEncoder chooses.
func encoders(t testing.TB, quality int) map[string]*Encoder {
	t.Helper()
	best, err := NewEncoder(quality, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(best.Close)
	plain := &Encoder{goOpt: jpeg.Options{Quality: quality}}
	return map[string]*Encoder{best.Name(): best, plain.Name(): plain}
}

func TestEncode(t *testing.T) {
	for name, e := range encoders(t, 90) {
		for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422} {
			for _, size := range []image.Point{{640, 480}, {16, 16}, {1280, 720}, {322, 242}, {33, 17}, {1, 1}} {
				t.Run(fmt.Sprintf("%s/%v/%v", name, ratio, size), func(t *testing.T) {
					picture := gradient(size.X, size.Y, ratio)
					data, err := e.Encode(nil, picture)
					if err != nil {
						t.Fatal(err)
					}
					decoded, err := jpeg.Decode(bytes.NewReader(data))
					if err != nil {
						t.Fatal(err)
					}
					if decoded.Bounds().Size() != size {
						t.Errorf("%v, want %v", decoded.Bounds().Size(), size)
					}
					if db := psnr(picture, decoded); db < 30 {
						t.Errorf("PSNR %.1f dB, want at least 30", db)
					}
				})
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, quality := range []int{0, -1, 101} {
		if _, err := NewEncoder(quality, Options{}); err == nil {
			t.Errorf("quality %d is taken", quality)
		}
	}
	for name, e := range encoders(t, 75) {
		if _, err := e.Encode(nil, gradient(16, 16, image.YCbCrSubsampleRatio444)); err == nil {
			t.Errorf("%s takes 4:4:4", name)
		}
		if _, err := e.Encode(nil, &image.YCbCr{}); err == nil {
			t.Errorf("%s takes an empty picture", name)
		}
		huge := &image.YCbCr{
			Y: make([]byte, 1), Cb: make([]byte, 1), Cr: make([]byte, 1), YStride: maxSide, CStride: maxSide,
			SubsampleRatio: image.YCbCrSubsampleRatio422, Rect: image.Rect(0, 0, maxSide, maxSide),
		}
		if _, err := e.Encode(nil, huge); err == nil {
			t.Errorf("%s takes a byte for %d rows of %d", name, maxSide, maxSide)
		}
		for plane, cut := range map[string]func(*image.YCbCr){
			"Y":       func(p *image.YCbCr) { p.Y = p.Y[:len(p.Y)-1] },
			"Cb":      func(p *image.YCbCr) { p.Cb = nil },
			"Cr":      func(p *image.YCbCr) { p.Cr = p.Cr[:len(p.Cr)-1] },
			"strides": func(p *image.YCbCr) { p.YStride, p.CStride = -16, -8 },
		} {
			picture := gradient(16, 16, image.YCbCrSubsampleRatio422)
			cut(picture)
			if _, err := e.Encode(nil, picture); err == nil {
				t.Errorf("%s takes a picture of broken %s", name, plane)
			}
		}
	}
}

// TestSetQuality has pictures become smaller and larger again.
func TestSetQuality(t *testing.T) {
	for name, e := range encoders(t, 80) {
		picture := gradient(320, 240, image.YCbCrSubsampleRatio420)
		sizes := map[int]int{}
		for _, quality := range []int{80, 40, 1, -5, 80, 100, 500} {
			e.SetQuality(quality)
			data, err := e.Encode(nil, picture)
			if err != nil {
				t.Fatalf("%s: quality %d: %v", name, quality, err)
			}
			if was := sizes[e.Quality()]; was != 0 && was != len(data) {
				t.Errorf("%s: quality %d: %d bytes, were %d before", name, quality, len(data), was)
			}
			sizes[e.Quality()] = len(data)
		}
		if len(sizes) != 4 || sizes[1] >= sizes[40] || sizes[40] >= sizes[80] || sizes[80] >= sizes[100] {
			t.Errorf("%s: bytes by quality: %v", name, sizes)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, e := range encoders(b, 75) {
		for _, size := range []image.Point{{640, 480}, {1280, 720}} {
			b.Run(fmt.Sprintf("%s/%v", name, size), func(b *testing.B) {
				picture := gradient(size.X, size.Y, image.YCbCrSubsampleRatio422)
				var data []byte
				b.ReportAllocs()
				for b.Loop() {
					data, _ = e.Encode(data, picture)
				}
			})
		}
	}
}

// A camera's packed pixels become a JPEG.
func Example() {
	encoder, err := NewEncoder(80, Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer encoder.Close()
	pixels := make([]byte, 320*240*2) // as dequeued from the camera, YUYV
	layout := Pixels{Format: YUYV, Width: 320, Height: 240, Limited: true}
	picture := image.NewYCbCr(image.Rect(0, 0, 320, 240), layout.Ratio())
	var buffer []byte // used again for each frame
	for range 3 {
		if err = layout.Unpack(picture, pixels); err != nil {
			fmt.Println(err)
			return
		}
		if buffer, err = encoder.Encode(buffer, picture); err != nil {
			fmt.Println(err)
			return
		}
	}
	decoded, err := jpeg.DecodeConfig(bytes.NewReader(buffer))
	fmt.Println(decoded.Width, decoded.Height, err)
	// Output: 320 240 <nil>
}
