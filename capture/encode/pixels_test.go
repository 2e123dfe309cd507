package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// sizes are even and odd ones.
var oddSizes = []image.Point{{1, 1}, {2, 2}, {3, 2}, {2, 3}, {5, 3}, {8, 6}, {33, 17}, {64, 48}}

// rendered is a smooth picture's pixels as a driver would lay them out, in the plainest way: each from
// its definition, with filling bytes that stand out. It has colours all over, in 8 bits.
func rendered(p Pixels, colours func(x, y int) color.YCbCr) []byte {
	at := func(x, y int) color.YCbCr {
		c := colours(min(x, p.Width-1), min(y, p.Height-1))
		if p.Limited {
			c.Y = byte(16 + (int(c.Y)*219+127)/255)
			c.Cb = byte(128 + (int(c.Cb)-128)*224/255)
			c.Cr = byte(128 + (int(c.Cr)-128)*224/255)
		}
		return c
	}
	var out []byte
	filled := func(line []byte, stride int) {
		out = append(append(out, line...), bytes.Repeat([]byte{0xa5}, max(stride-len(line), 0))...)
	}
	stride := p.Stride
	for y := range p.Height { // the first plane
		var line []byte
		for x := 0; x < p.Width; x++ {
			a, b := at(x, y), at(x+1, y)
			r, g, bl := color.YCbCrToRGB(colours(x, y).Y, colours(x, y).Cb, colours(x, y).Cr)
			switch p.Format {
			case YUYV:
				line = append(line, a.Y, a.Cb, b.Y, a.Cr)
				x++
			case UYVY:
				line = append(line, a.Cb, a.Y, a.Cr, b.Y)
				x++
			case RGB24:
				line = append(line, r, g, bl)
			case BGR24:
				line = append(line, bl, g, r)
			default:
				line = append(line, a.Y)
			}
		}
		filled(line, stride)
	}
	chroma := func(stride int, values func(color.YCbCr) []byte) {
		for y := 0; y < p.Height; y += 2 {
			var line []byte
			for x := 0; x < p.Width; x += 2 {
				line = append(line, values(at(x, y))...)
			}
			filled(line, stride)
		}
	}
	if stride == 0 {
		stride = p.Width
	}
	switch p.Format {
	case NV12:
		chroma(stride, func(c color.YCbCr) []byte { return []byte{c.Cb, c.Cr} })
	case NV21:
		chroma(stride, func(c color.YCbCr) []byte { return []byte{c.Cr, c.Cb} })
	case I420:
		chroma((stride+1)/2, func(c color.YCbCr) []byte { return []byte{c.Cb} })
		chroma((stride+1)/2, func(c color.YCbCr) []byte { return []byte{c.Cr} })
	}
	return out
}

// smooth has colours that change slowly, and stay within what RGB can show.
func smooth(width, height int) func(x, y int) color.YCbCr {
	return func(x, y int) color.YCbCr {
		return color.YCbCr{Y: byte(90 + 70*x/width), Cb: byte(108 + 40*y/height), Cr: byte(150 - 40*x/width)}
	}
}

// TestUnpack compares the planes made of each format, at odd sizes and with lines that are filled up,
// with the picture that was laid out.
func TestUnpack(t *testing.T) {
	for _, format := range Formats() {
		for _, size := range oddSizes {
			for _, filling := range []int{0, 7, 64} {
				for _, limited := range []bool{false, true} {
					if limited && (format == RGB24 || format == BGR24) {
						continue // TestLimitedRGB
					}
					p := Pixels{Format: format, Width: size.X, Height: size.Y, Limited: limited}
					if l, err := p.plan(); err != nil {
						t.Fatal(err)
					} else if filling > 0 {
						p.Stride = l.line + filling
					}
					want := smooth(size.X, size.Y)
					src := rendered(p, want)
					for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, p.Ratio()} {
						name := fmt.Sprintf("%s %v stride %d limited %v %v", format, size, p.Stride, limited, ratio)
						dst := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
						if err := p.Unpack(dst, src); err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						wantPlanes(t, name, dst, want, format == Grey)
					}
				}
			}
		}
	}
}

// wantPlanes wants each pixel to be nearly the right one: colour is shared by up to four.
func wantPlanes(t *testing.T, name string, got *image.YCbCr, want func(x, y int) color.YCbCr, isGrey bool) {
	t.Helper()
	size := got.Rect.Size()
	_, high := chromaPixels(got.SubsampleRatio)
	for y := range size.Y {
		for x := range size.X {
			g, w := got.YCbCrAt(x, y), want(x, y)
			if isGrey {
				w.Cb, w.Cr = 128, 128
			}
			// A step of the picture's, to each side, and two for rounding.
			slackX, slackY := 40/size.X+2, 40*(high-1)/size.Y+2
			if d := distance(g.Y, w.Y); d > 2 {
				t.Fatalf("%s: at %d,%d brightness %d, want %d", name, x, y, g.Y, w.Y)
			}
			if distance(g.Cb, w.Cb) > slackY || distance(g.Cr, w.Cr) > slackX {
				t.Fatalf("%s: at %d,%d colour %d, %d; want %d, %d", name, x, y, g.Cb, g.Cr, w.Cb, w.Cr)
			}
		}
	}
}

func distance(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

// TestLimitedLevels wants black, white and the purest colours of limited levels to be those of JPEG,
// and what is beyond them not to wrap.
func TestLimitedLevels(t *testing.T) {
	for value, want := range map[byte]byte{0: 0, 16: 0, 235: 255, 255: 255, 126: 128} {
		dst := I420Planes(2, 2)
		src := []byte{value, value, value, value}
		if err := ToI420(dst, src, Pixels{Format: Grey, Width: 2, Height: 2, Limited: true}); err != nil || dst.Y[0] != want {
			t.Errorf("brightness %d becomes %d, %v; want %d", value, dst.Y[0], err, want)
		}
	}
	for value, want := range map[byte]byte{0: 0, 16: 1, 128: 128, 240: 255, 255: 255} {
		dst := I420Planes(2, 1)
		if err := ToI420(dst, []byte{126, value, 126, value}, Pixels{Format: YUYV, Width: 2, Height: 1, Limited: true}); err != nil || distance(dst.Cb[0], want) > 1 || dst.Cb[0] != dst.Cr[0] {
			t.Errorf("colour %d becomes %d, %v; want %d", value, dst.Cb[0], err, want)
		}
	}
}

// TestRGB compares the pure colours with the standard library's, in both orders and levels.
func TestRGB(t *testing.T) {
	for _, c := range []color.RGBA{{0, 0, 0, 255}, {255, 255, 255, 255}, {255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 0, 255}, {12, 200, 77, 255}} {
		wantY, wantCb, wantCr := color.RGBToYCbCr(c.R, c.G, c.B)
		for _, limited := range []bool{false, true} {
			r, g, b := c.R, c.G, c.B
			if limited {
				level := func(v byte) byte { return byte(16 + (int(v)*219+127)/255) }
				r, g, b = level(r), level(g), level(b)
			}
			for format, pixel := range map[Format][]byte{RGB24: {r, g, b}, BGR24: {b, g, r}} {
				dst := I420Planes(3, 3)
				if err := ToI420(dst, bytes.Repeat(pixel, 9), Pixels{Format: format, Width: 3, Height: 3, Limited: limited}); err != nil {
					t.Fatal(err)
				}
				got := dst.YCbCrAt(2, 2)
				if distance(got.Y, wantY) > 1 || distance(got.Cb, wantCb) > 2 || distance(got.Cr, wantCr) > 2 {
					t.Errorf("%v as %s, limited %v: %v, want %d %d %d", c, format, limited, got, wantY, wantCb, wantCr)
				}
			}
		}
	}
}

// TestBT709 has colours of BT.709 come out as the same R, G and B by BT.601, also at odd sizes.
func TestBT709(t *testing.T) {
	for _, c := range []color.RGBA{{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255}, {255, 255, 255, 255}, {0, 0, 0, 255}, {200, 120, 40, 255}, {20, 90, 220, 255}} {
		r, g, b := float64(c.R), float64(c.G), float64(c.B)
		brightness := 0.2126*r + 0.7152*g + 0.0722*b
		y, blue, red := byte(math.Round(brightness)), byte(min(math.Round(128+(b-brightness)/1.8556), 255)), byte(min(math.Round(128+(r-brightness)/1.5748), 255))
		for format, src := range map[Format][]byte{
			YUYV: bytes.Repeat([]byte{y, blue, y, red}, 6), I420: slices.Concat(bytes.Repeat([]byte{y}, 9), bytes.Repeat([]byte{blue}, 4), bytes.Repeat([]byte{red}, 4)),
		} {
			p := Pixels{Format: format, Width: 3, Height: 3, BT709: true}
			dst := image.NewYCbCr(image.Rect(0, 0, 3, 3), p.Ratio())
			if err := p.Unpack(dst, src); err != nil {
				t.Fatal(err)
			}
			wantY, wantCb, wantCr := color.RGBToYCbCr(c.R, c.G, c.B)
			for i := range 9 {
				if got := dst.YCbCrAt(i%3, i/3); distance(got.Y, wantY) > 2 || distance(got.Cb, wantCb) > 2 || distance(got.Cr, wantCr) > 2 {
					t.Errorf("%v by %s: %v, want %d %d %d", c, format, got, wantY, wantCb, wantCr)
				}
			}
		}
	}
}

// TestSize wants the bytes of each format as V4L2 counts them, and one fewer to be refused.
func TestSize(t *testing.T) {
	for _, c := range []struct {
		p    Pixels
		want int
	}{
		{Pixels{Format: YUYV, Width: 640, Height: 480}, 614400},
		{Pixels{Format: UYVY, Width: 641, Height: 480}, 480 * 321 * 4},
		{Pixels{Format: NV12, Width: 640, Height: 480}, 460800},
		{Pixels{Format: NV21, Width: 639, Height: 479}, 479*639 + 240*640},
		{Pixels{Format: I420, Width: 5, Height: 3}, 15 + 2*6},
		{Pixels{Format: I420, Width: 640, Height: 480, Stride: 704}, 704*480 + 352*240 + 352*239 + 320},
		{Pixels{Format: NV12, Width: 640, Height: 480, Stride: 704}, 704*480 + 704*239 + 640},
		{Pixels{Format: Grey, Width: 640, Height: 480, Stride: 704}, 704*479 + 640},
		{Pixels{Format: RGB24, Width: 33, Height: 2}, 198},
		{Pixels{Format: BGR24, Width: 33, Height: 2, Stride: 100}, 199},
		{Pixels{Format: BGR24, Width: 33, Height: 2, Stride: 98}, 0},
		{Pixels{Format: "p010", Width: 33, Height: 2}, 0},
		{Pixels{Format: Grey, Width: 0, Height: 2}, 0},
		{Pixels{Format: Grey, Width: 2, Height: -1}, 0},
		{Pixels{Format: Grey, Width: 65501, Height: 1}, 0},
		{Pixels{Format: Grey, Width: 1, Height: 1, Stride: maxStride + 1}, 0},
	} {
		if got := c.p.Size(); got != c.want || (c.p.Check() == nil) != (c.want > 0) {
			t.Errorf("%+v: %d bytes, %v; want %d", c.p, got, c.p.Check(), c.want)
		}
		dst := image.NewYCbCr(image.Rect(0, 0, max(c.p.Width, 0), max(c.p.Height, 0)), c.p.Ratio())
		if c.want > 0 {
			if err := c.p.Unpack(dst, make([]byte, c.want)); err != nil {
				t.Error(err)
			}
		}
		if err := c.p.Unpack(dst, make([]byte, max(c.want-1, 0))); err == nil {
			t.Errorf("%+v: a byte too few is taken", c.p)
		}
	}
}

// TestUnpackRefuses wants planes of another shape to be refused.
func TestUnpackRefuses(t *testing.T) {
	p := Pixels{Format: NV12, Width: 16, Height: 8}
	src := make([]byte, p.Size())
	short := I420Planes(16, 8)
	short.Cr = short.Cr[:len(short.Cr)-1]
	for name, dst := range map[string]*image.YCbCr{
		"4:2:2": image.NewYCbCr(image.Rect(0, 0, 16, 8), image.YCbCrSubsampleRatio422), "another size": I420Planes(16, 10),
		"no planes": {}, "a short plane": short,
	} {
		if p.Unpack(dst, src) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	p.Format = YUYV
	if ToI420(image.NewYCbCr(image.Rect(0, 0, 16, 8), image.YCbCrSubsampleRatio422), make([]byte, 256), p) == nil {
		t.Error("ToI420 takes planes of 4:2:2")
	}
}

// TestEncodePixels encodes each format by each encoder and compares the decoded picture.
func TestEncodePixels(t *testing.T) {
	for _, format := range Formats() {
		for name, e := range encoders(t, 90) {
			for _, size := range []image.Point{{96, 64}, {33, 17}} {
				p := Pixels{Format: format, Width: size.X, Height: size.Y, Limited: format != RGB24 && format != BGR24}
				dst := image.NewYCbCr(image.Rectangle{Max: size}, p.Ratio())
				if err := p.Unpack(dst, rendered(p, smooth(size.X, size.Y))); err != nil {
					t.Fatal(err)
				}
				data, err := e.Encode(nil, dst)
				if err != nil {
					t.Fatal(err)
				}
				decoded, err := jpeg.Decode(bytes.NewReader(data))
				if err != nil {
					t.Fatal(err)
				}
				want := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio444)
				for y := range size.Y {
					for x := range size.X {
						c := smooth(size.X, size.Y)(x, y)
						if i := want.YOffset(x, y); format == Grey {
							want.Y[i], want.Cb[i], want.Cr[i] = c.Y, 128, 128
						} else {
							want.Y[i], want.Cb[i], want.Cr[i] = c.Y, c.Cb, c.Cr
						}
					}
				}
				if db := colourPSNR(decoded, want); db < 35 {
					t.Errorf("%s of %v by %s: %.1f dB, want 35", format, size, name, db)
				}
			}
		}
	}
}

// TestUnpackAllocatesNothing is for each frame.
func TestUnpackAllocatesNothing(t *testing.T) {
	for _, format := range Formats() {
		p := Pixels{Format: format, Width: 64, Height: 48, Limited: true}
		dst, src := I420Planes(64, 48), make([]byte, p.Size())
		if n := testing.AllocsPerRun(10, func() { _ = ToI420(dst, src, p) }); n != 0 {
			t.Errorf("%s: %v allocations", format, n)
		}
	}
}

// FuzzPixels has layouts of any numbers: what is taken needs as many bytes as it says, and no more are
// read or written.
func FuzzPixels(f *testing.F) {
	f.Fuzz(func(t *testing.T, format uint8, width, height, stride int32, src []byte, limited bool) {
		p := Pixels{Format: Format("x"), BT709: len(src)%2 == 0, Width: int(width), Height: int(height), Stride: int(stride), Limited: limited}
		if int(format) < len(Formats()) {
			p.Format = Formats()[format]
		}
		size := p.Size()
		if (p.Check() == nil) != (size > 0) {
			t.Fatalf("%+v: size %d, %v", p, size, p.Check())
		}
		if size == 0 {
			if err := p.Unpack(I420Planes(2, 2), src); err == nil {
				t.Fatalf("%+v is taken", p)
			}
			return
		}
		if least := p.Width * p.Height; size < least {
			t.Fatalf("%+v: %d bytes for %d pixels", p, size, least)
		}
		if p.Width*p.Height > 1<<16 || size > 1<<22 {
			return
		}
		dst := image.NewYCbCr(image.Rect(0, 0, p.Width, p.Height), p.Ratio())
		if err := p.Unpack(dst, src); (err == nil) != (len(src) >= size) {
			t.Fatalf("%+v, %d bytes: %v", p, len(src), err)
		}
		exact := make([]byte, size)
		copy(exact, src)
		if err := p.Unpack(dst, exact); err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, format := range Formats() {
		for _, limited := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/limited=%v", format, limited), func(b *testing.B) {
				p := Pixels{Format: format, Width: 1280, Height: 720, Limited: limited}
				dst, src := I420Planes(1280, 720), make([]byte, p.Size())
				for i := range src {
					src[i] = byte(random.Uint32())
				}
				for b.Loop() {
					_ = ToI420(dst, src, p)
				}
			})
		}
	}
}
