package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bitstream "github.com/camcast/camcast/proto/jpeg"
)

// transcoders are what NewTranscoder makes, and one that has only Go's encoder.
func transcoders(t testing.TB) map[string]*Transcoder {
	t.Helper()
	best, err := NewTranscoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(best.Close)
	return map[string]*Transcoder{
		"best":  best,
		"plain": {encoder: &Encoder{goOpt: jpeg.Options{Quality: transcodedQuality}}},
	}
}

// colourPSNR is how alike two pictures are as people see them, in dB.
func colourPSNR(a, b image.Image) float64 {
	sum := 0.0
	size := a.Bounds().Size()
	for y := range size.Y {
		for x := range size.X {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []float64{float64(p.R) - float64(q.R), float64(p.G) - float64(q.G), float64(p.B) - float64(q.B)} {
				sum += d * d
			}
		}
	}
	return 10 * math.Log10(255*255*3*float64(size.X*size.Y)/max(sum, 1e-9))
}

// tables returns all Huffman tables of a picture, in order of their numbers.
func tables(t testing.TB, data []byte) (all [4][]byte) {
	t.Helper()
	for at := 2; ; {
		segment, next, err := bitstream.Next(data, at)
		if err != nil || segment.Marker == bitstream.SOS {
			return all
		}
		content := segment.Data
		for segment.Marker == bitstream.DHT && len(content) > 17 {
			n := 17
			for _, count := range content[1:17] {
				n += int(count)
			}
			if content[0]&0xee != 0 || n > len(content) {
				return all
			}
			all[content[0]>>4<<1|content[0]&1] = content[:n]
			content = content[n:]
		}
		at = next
	}
}

// carried reports whether RTP can carry a picture: baseline, with the sampling and
// tables of RFC 2435.
func carried(t testing.TB, data []byte) error {
	t.Helper()
	h, err := parseHeader(data)
	if err != nil {
		return err
	}
	if !h.carryable() {
		return fmt.Errorf("header %+v", h)
	}
	if !bytes.Contains(data, []byte{0xff, bitstream.SOF0}) {
		return fmt.Errorf("no baseline")
	}
	got, want := tables(t, data), tables(t, withHuffman([]byte{0xff, bitstream.SOI, 0xff, bitstream.SOS, 0, 2}, header{}))
	for i := range got {
		if !bytes.Equal(got[i], want[i]) || len(want[i]) == 0 {
			return fmt.Errorf("Huffman table %d is not the standard one", i)
		}
	}
	return nil
}

// fixture is a picture of testdata, all of which show the same as other encoders code
// it, by cjpeg.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestTranscode(t *testing.T) {
	want, err := jpeg.Decode(bytes.NewReader(fixture(t, "progressive444.jpg")))
	if err != nil {
		t.Fatal(err)
	}
	wantGrey, err := jpeg.Decode(bytes.NewReader(fixture(t, "grey.jpg")))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		want image.Image
		db   float64
	}{
		"optimized420.jpg": {want, 30}, "progressive422.jpg": {want, 30}, "progressive444.jpg": {want, 30},
		"440.jpg": {want, 30}, "411.jpg": {want, 30}, "rgb.jpg": {want, 30}, "threetables420.jpg": {want, 28},
		"cmyk.jpg": {want, 28}, "ycck.jpg": {want, 28},
		"grey.jpg": {wantGrey, 35}, "wide420.jpg": {want, 13}, // of quality 1
	} {
		for who, transcoder := range transcoders(t) {
			t.Run(name+"/"+who, func(t *testing.T) {
				data := fixture(t, name)
				if carried(t, data) == nil && !strings.HasPrefix(name, "4") {
					t.Fatal("RTP can carry it: the test shows nothing")
				}
				for range 2 { // with fresh and with used buffers
					out, err := transcoder.Transcode(nil, data)
					if err != nil {
						t.Fatal(err)
					}
					if err := carried(t, out); err != nil {
						t.Error(err)
					}
					got, err := jpeg.Decode(bytes.NewReader(out))
					if err != nil {
						t.Fatal(err)
					}
					if db := colourPSNR(got, c.want); got.Bounds() != c.want.Bounds() || db < c.db {
						t.Errorf("%v, %.1f dB; want %v, %v dB", got.Bounds(), db, c.want.Bounds(), c.db)
					}
				}
			})
		}
	}
}

// TestTranscodeWithoutTables takes what cameras send: standard tables are meant.
func TestTranscodeWithoutTables(t *testing.T) {
	encoder := &Encoder{goOpt: jpeg.Options{Quality: 90}}
	whole, err := encoder.Encode(nil, gradient(64, 48, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	bare := bytes.Replace(whole, bitstream.AppendHuffman(nil), nil, 1)
	if len(bare) != len(whole)-420 {
		t.Fatalf("the tables are %d bytes long", len(whole)-len(bare))
	}
	want, _ := jpeg.Decode(bytes.NewReader(whole))
	for who, transcoder := range transcoders(t) {
		out, err := transcoder.Transcode(nil, bare)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		got, err := jpeg.Decode(bytes.NewReader(out))
		if err != nil || psnr(got, want) < 30 {
			t.Errorf("%s: %v, or another picture", who, err)
		}
	}
}

func TestTranscodeRefuses(t *testing.T) {
	colour := fixture(t, "optimized420.jpg")
	huge := bytes.Clone(colour)
	at := bytes.Index(huge, []byte{0xff, bitstream.SOF0})
	huge[at+5], huge[at+7] = 0xff, 0xff
	empty := bytes.Clone(colour)
	copy(empty[at+5:], []byte{0, 0})
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":     {nil, "headers"},
		"text":        {[]byte("hello"), "headers"},
		"headers":     {colour[:at], "headers"},
		"half":        {colour[:len(colour)-40], "50x35"},
		"huge":        {huge, "2040"},
		"no height":   {empty, "50x0"},
		"arithmetics": {append(bytes.Clone(fixture(t, "arithmetic420.jpg")[:200]), 0xff, 0xd9), ""},
		"12 bits":     {twelveBits(t), "has 12 bits a sample"},
		"lossless":    {withFrame(t, 3, 8, 3), "is lossless or hierarchical (FFC3)"},
		"no such":     {withFrame(t, 15, 8, 3), "is lossless or hierarchical (FFCF)"},
		"two colours": {withFrame(t, 0, 8, 2), "has 2 components"},
	} {
		for who, transcoder := range transcoders(t) {
			if _, err := transcoder.Transcode(nil, c.data); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want one that says %q", name, who, err, c.want)
			}
		}
	}
}

// withFrame is a picture whose frame header says another process, precision and number of components.
func withFrame(t testing.TB, process, precision, components byte) []byte {
	t.Helper()
	picture := bytes.Clone(fixture(t, "optimized420.jpg"))
	at := bytes.Index(picture, []byte{0xff, bitstream.SOF0})
	picture[at+1], picture[at+4], picture[at+9] = bitstream.SOF0+process, precision, components
	return picture
}

// twelveBits is an extended sequential picture of 12 bits a sample: one of 8 bits is that, too, of a sixteenth
// of the contrast.
func twelveBits(t testing.TB) []byte { return withFrame(t, 1, 12, 3) }

// TestArithmeticWithoutLibrary says what to install.
func TestArithmeticWithoutLibrary(t *testing.T) {
	_, err := transcoders(t)["plain"].Transcode(nil, fixture(t, "arithmetic420.jpg"))
	if err == nil || !strings.Contains(err.Error(), "arithmetically, which only libjpeg-turbo decodes: install it (apt install libturbojpeg0)") {
		t.Errorf("error %v", err)
	}
}

// TestPlanar halves the colour of every other sampling, at odd sizes.
func TestPlanar(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for _, size := range []image.Point{{1, 1}, {7, 5}, {8, 8}, {9, 2}} {
			src := gradient(size.X, size.Y, ratio)
			var scratch *image.YCbCr
			got := planar(src, &scratch)
			if got.Rect.Size() != size || !check(got) {
				t.Fatalf("%v of %v becomes %v", ratio, size, got.Rect)
			}
			for y := range (size.Y + 1) / 2 {
				for x := range (size.X + 1) / 2 {
					low, high := byte(255), byte(0)
					for i := range 4 {
						blue := src.YCbCrAt(min(2*x+i%2, size.X-1), min(2*y+i/2, size.Y-1)).Cb
						low, high = min(low, blue), max(high, blue)
					}
					if blue := got.Cb[y*got.CStride+x]; blue < low || blue > high {
						t.Errorf("%v of %v: at %d,%d Cb %d, want %d to %d", ratio, size, x, y, blue, low, high)
					}
				}
			}
		}
	}
}

func FuzzTranscode(f *testing.F) {
	for _, name := range []string{"optimized420.jpg", "progressive444.jpg", "411.jpg", "grey.jpg", "arithmetic420.jpg"} {
		f.Add(fixture(f, name))
	}
	all := transcoders(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		for who, transcoder := range all {
			out, err := transcoder.Transcode(nil, data)
			if err != nil {
				continue
			}
			if err := carried(t, out); err != nil {
				t.Errorf("%s: %v", who, err)
			}
			if _, err := jpeg.Decode(bytes.NewReader(out)); err != nil {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}

func BenchmarkTranscode(b *testing.B) {
	encoder := &Encoder{goOpt: jpeg.Options{Quality: 75}}
	colour, err := encoder.Encode(nil, gradient(1280, 720, image.YCbCrSubsampleRatio420))
	if err != nil {
		b.Fatal(err)
	}
	var grey bytes.Buffer
	if err := jpeg.Encode(&grey, image.NewGray(image.Rect(0, 0, 1280, 720)), nil); err != nil {
		b.Fatal(err)
	}
	for who, transcoder := range transcoders(b) {
		for name, data := range map[string][]byte{"420": colour, "grey": grey.Bytes()} {
			b.Run(who+"/"+name, func(b *testing.B) {
				var out []byte
				b.ReportAllocs()
				for b.Loop() {
					out, _ = transcoder.Transcode(out, data)
				}
			})
		}
	}
}

// A frame of ffmpeg's becomes one that every receiver decodes.
func ExampleTranscoder() {
	picture, err := os.ReadFile("testdata/progressive444.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	transcoder, err := NewTranscoder(Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer transcoder.Close()
	var buffer []byte // used again for each frame
	buffer, err = transcoder.Transcode(buffer, picture)
	fmt.Println(bytes.HasPrefix(buffer, []byte{0xff, 0xd8}), err)
	// Output: true <nil>
}
