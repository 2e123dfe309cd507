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
	best, err := NewEncoder(quality)
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
		if _, err := NewEncoder(quality); err == nil {
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
	}
}

func TestFromYUYV(t *testing.T) {
	for _, size := range []image.Point{{4, 2}, {3, 2}, {2, 1}} {
		pairs := (size.X + 1) / 2
		bytesPerLine := 4*pairs + 6
		src := make([]byte, size.Y*bytesPerLine)
		for i := range src {
			src[i] = byte(i)
		}
		dst := image.NewYCbCr(image.Rect(0, 0, size.X, size.Y), image.YCbCrSubsampleRatio422)
		FromYUYV(dst, src, bytesPerLine)
		for y := range size.Y {
			for x := range size.X {
				at := y*bytesPerLine + 4*(x/2)
				got := dst.YCbCrAt(x, y)
				if got.Y != src[at+2*(x%2)] || got.Cb != src[at+1] || got.Cr != src[at+3] {
					t.Errorf("%v: pixel %d,%d is %v", size, x, y, got)
				}
			}
		}
		FromYUYV(dst, src[:len(src)-bytesPerLine], bytesPerLine) // too short: no panic
		FromYUYV(dst, nil, bytesPerLine)
	}
}

// standardTables reports whether a JPEG is baseline, of three components, with the
// Huffman tables that Go's encoder writes, which are the standard ones.
func standardTables(t *testing.T, data []byte) bool {
	t.Helper()
	plain, err := (&Encoder{goOpt: jpeg.Options{Quality: 50}}).Encode(nil, gradient(16, 16, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	tables := func(data []byte) (all []byte) {
		for at := 2; data[at+1] != 0xda; at += 2 + int(data[at+2])<<8 + int(data[at+3]) {
			switch data[at+1] {
			case 0xc4:
				all = append(all, data[at+4:at+2+int(data[at+2])<<8+int(data[at+3])]...)
			case 0xc1, 0xc2:
				return nil
			}
		}
		return all
	}
	got, want := tables(data), tables(plain)
	return len(got) == len(want) && bytes.Contains(got, want[:29])
}

// TestTranscode takes what RTP cannot carry, made by others.
func TestTranscode(t *testing.T) {
	best, err := NewTranscoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(best.Close)
	plain := &Transcoder{encoder: &Encoder{goOpt: jpeg.Options{Quality: transcodedQuality}}}
	var grey bytes.Buffer
	picture := image.NewGray(image.Rect(0, 0, 100, 60))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i)
	}
	if err := jpeg.Encode(&grey, picture, nil); err != nil {
		t.Fatal(err)
	}
	colour, err := plain.encoder.Encode(nil, gradient(100, 60, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"grey": grey.Bytes(), "4:2:0": colour} {
		for who, transcoder := range map[string]*Transcoder{"best": best, "plain": plain} {
			t.Run(name+"/"+who, func(t *testing.T) {
				out, err := transcoder.Transcode(nil, data)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := jpeg.Decode(bytes.NewReader(data))
				got, err := jpeg.Decode(bytes.NewReader(out))
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := got.(*image.YCbCr); !ok || !standardTables(t, out) {
					t.Errorf("%T, standard tables: %v", got, standardTables(t, out))
				}
				if db := psnr(got, want); db < 30 {
					t.Errorf("PSNR %.1f dB, want at least 30", db)
				}
			})
		}
	}
	for name, data := range map[string][]byte{"nothing": nil, "text": []byte("hello"), "half": colour[:len(colour)/2]} {
		if _, err := plain.Transcode(nil, data); err == nil {
			t.Errorf("%s is taken", name)
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
