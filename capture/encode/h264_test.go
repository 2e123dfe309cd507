//go:build turbojpeg

package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// These tests want OpenH264 to be installed, too, and some ffmpeg.

// barColours are those of the test card, bright ones, and black.
var barColours = []color.RGBA{
	{191, 191, 191, 255}, {191, 191, 0, 255}, {0, 191, 191, 255}, {0, 191, 0, 255}, {191, 0, 191, 255}, {191, 0, 0, 255}, {0, 0, 191, 255}, {16, 16, 16, 255},
	{255, 255, 255, 255}, {0, 0, 0, 255},
}

// barsPicture has a bar of each colour, and below it a block that moves.
func barsPicture(size image.Point, ratio image.YCbCrSubsampleRatio, number int) *image.YCbCr {
	p := image.NewYCbCr(image.Rectangle{Max: size}, ratio)
	wide, high := chromaPixels(ratio)
	for x := range size.X {
		c := barColours[x*len(barColours)/size.X]
		p.Y[x], p.Cb[x/wide], p.Cr[x/wide] = color.RGBToYCbCr(c.R, c.G, c.B)
	}
	for y := range size.Y {
		luma, at := p.Y[y*p.YStride:][:size.X], y/high*p.CStride
		if y <= size.Y*3/4 {
			copy(luma, p.Y)
			copy(p.Cb[at:], p.Cb[:p.CStride])
			copy(p.Cr[at:], p.Cr[:p.CStride])
			continue
		}
		for x := range luma {
			luma[x] = byte((x + 5*number) * 2)
		}
		for x := range p.CStride {
			p.Cb[at+x], p.Cr[at+x] = 128, 128
		}
	}
	return p
}

// jpegOf is a picture coded by libjpeg-turbo.
func jpegOf(t testing.TB, p *image.YCbCr) []byte {
	t.Helper()
	e, err := NewEncoder(95, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	data, err := e.Encode(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func newH264(t testing.TB, o H264Options) *H264 {
	t.Helper()
	e, err := NewH264(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestH264Colours has each kind of picture encoded, scaled and not, and wants ffmpeg to find no error and
// the bars to have their colours, within 3 levels of red, green and blue.
func TestH264Colours(t *testing.T) {
	const frames = 12
	for _, c := range []struct {
		name   string
		ratio  image.YCbCrSubsampleRatio
		format media.Format
		from   image.Point
		o      H264Options
		want   image.Point
	}{
		{"JPEG 4:2:2", image.YCbCrSubsampleRatio422, media.JPEG, image.Pt(640, 480), H264Options{}, image.Pt(640, 480)},
		{"JPEG 4:2:0, an odd size", image.YCbCrSubsampleRatio420, media.JPEG, image.Pt(641, 361), H264Options{}, image.Pt(640, 360)},
		{"JPEG, half the size", image.YCbCrSubsampleRatio422, media.JPEG, image.Pt(1280, 720), H264Options{Width: 640, Height: 360}, image.Pt(640, 360)},
		{"JPEG, an uneven part of the size", image.YCbCrSubsampleRatio420, media.JPEG, image.Pt(1280, 720), H264Options{Width: 854, Height: 480}, image.Pt(854, 480)},
		{"JPEG by Go", image.YCbCrSubsampleRatio422, media.JPEG, image.Pt(320, 240), H264Options{Options: Options{NoTurboJPEG: true}}, image.Pt(320, 240)},
		{"I420", image.YCbCrSubsampleRatio420, media.I420, image.Pt(640, 480), H264Options{}, image.Pt(640, 480)},
		{"I420, scaled", image.YCbCrSubsampleRatio420, media.I420, image.Pt(640, 480), H264Options{Width: 200, Height: 150}, image.Pt(200, 150)},
	} {
		c.o.Bitrate = 3_000_000
		e := newH264(t, c.o)
		p := &media.Params{Format: c.format, Width: c.from.X, Height: c.from.Y, FramesPerSecond: 30}
		var film []byte
		for i := range frames {
			picture := barsPicture(c.from, c.ratio, i)
			f := media.Frame{Params: p, Captured: time.Duration(i) * time.Second / 30}
			if f.Bytes = AppendI420(nil, picture); c.format == media.JPEG {
				f.Bytes = jpegOf(t, picture)
			}
			coded, err := e.Encode(f, i == 7)
			if err != nil || coded.Key != (i == 0 || i == 7) || coded.Captured != f.Captured {
				t.Fatalf("%s: frame %d: key %v, %v", c.name, i, coded.Key, err)
			}
			if q := coded.Params; q.Format != media.H264 || q.Width != c.want.X || q.Height != c.want.Y || q.FramesPerSecond != 30 || q.Version != 0 {
				t.Fatalf("%s: %+v", c.name, q)
			}
			if film, err = nal.AppendAnnexB(film, coded.Params.ParameterSets, coded.Bytes); err != nil {
				t.Fatal(err)
			}
		}
		wantBars(t, c.name, film, c.want, frames)
	}
}

// wantBars decodes a film by ffmpeg, and looks at the middles of the bars.
func wantBars(t *testing.T, name string, film []byte, size image.Point, frames int) {
	t.Helper()
	var stderr bytes.Buffer
	c := exec.Command("ffmpeg", "-v", "error", "-xerror", "-err_detect", "explode", "-f", "h264", "-i", "-", "-f", "rawvideo",
		"-vf", "scale=flags=accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-")
	c.Stdin, c.Stderr = bytes.NewReader(film), &stderr
	pixels, err := c.Output()
	frame := 3 * size.X * size.Y
	if said := strings.TrimSpace(stderr.String()); err != nil || len(pixels) != frames*frame || said != "" {
		t.Fatalf("%s: ffmpeg: %v, %d bytes, %q", name, err, len(pixels), said)
	}
	for i := range frames {
		for n, want := range barColours {
			x, y := (2*n+1)*size.X/(2*len(barColours)), size.Y/3
			at := pixels[i*frame+3*(y*size.X+x):]
			for channel, v := range [3]byte{want.R, want.G, want.B} {
				if d := int(at[channel]) - int(v); d > 3 || d < -3 {
					t.Errorf("%s: frame %d, bar %d: %v, want %v", name, i, n, at[:3], want)
					return
				}
			}
		}
	}
}

// TestH264GoesOn changes the size of pictures, gives broken ones, and lowers the quality: the encoder
// goes on, and its Params have a higher version when they change.
func TestH264GoesOn(t *testing.T) {
	e := newH264(t, H264Options{Bitrate: 1_000_000})
	var before *media.Params
	for i, size := range []image.Point{{320, 240}, {320, 240}, {160, 120}, {320, 240}} {
		f := media.Frame{Params: &media.Params{Format: media.JPEG, Width: size.X, Height: size.Y}, Bytes: jpegOf(t, gradient(size.X, size.Y, image.YCbCrSubsampleRatio422))}
		if _, err := e.Encode(media.Frame{Params: f.Params, Bytes: f.Bytes[:40]}, false); err == nil {
			t.Error("a broken picture is encoded")
		}
		if _, err := e.Encode(media.Frame{Params: &media.Params{Format: media.H265}, Bytes: f.Bytes}, false); err == nil {
			t.Error("H.265 is encoded")
		}
		coded, err := e.Encode(f, false)
		if err != nil || coded.Params.Width != size.X || coded.Params.Height != size.Y {
			t.Fatal(err, coded.Params)
		}
		switch p := coded.Params; {
		case i == 1 && (p != before || coded.Key):
			t.Errorf("other Params of the same size: %+v", p)
		case i > 1 && (p.Version != before.Version+1 || !coded.Key):
			t.Errorf("version %d after %d, key %v", p.Version, before.Version, coded.Key)
		}
		before = coded.Params
	}
	bytesAt := func(quality int) (n int) {
		e.SetQuality(quality)
		for i := range 60 {
			f := media.Frame{Params: &media.Params{Format: media.I420, Width: 320, Height: 240, FramesPerSecond: 30}, Captured: time.Duration(i) * time.Second / 30}
			f.Bytes = AppendI420(nil, barsPicture(image.Pt(320, 240), image.YCbCrSubsampleRatio420, i*7))
			coded, err := e.Encode(f, false)
			if err != nil {
				t.Fatal(err)
			}
			if i >= 30 {
				n += len(coded.Bytes)
			}
		}
		return n
	}
	if full, less := bytesAt(100), bytesAt(-1); less*3 > full {
		t.Errorf("%d bytes of the lowest quality, %d of the full one", less, full)
	}
}

// TestH264AllocatesNothing keeps a rule of the house: for JPEG of each sampling, scaled and not, and I420.
func TestH264AllocatesNothing(t *testing.T) {
	for _, c := range []struct {
		ratio  image.YCbCrSubsampleRatio
		format media.Format
		o      H264Options
	}{
		{image.YCbCrSubsampleRatio420, media.JPEG, H264Options{}}, {image.YCbCrSubsampleRatio422, media.JPEG, H264Options{}},
		{image.YCbCrSubsampleRatio422, media.JPEG, H264Options{Width: 200, Height: 100}}, {image.YCbCrSubsampleRatio420, media.I420, H264Options{}},
	} {
		e := newH264(t, c.o)
		f := media.Frame{Params: &media.Params{Format: c.format, Width: 320, Height: 240, FramesPerSecond: 30}}
		if f.Bytes = AppendI420(nil, gradient(320, 240, c.ratio)); c.format == media.JPEG {
			f.Bytes = jpegOf(t, gradient(320, 240, c.ratio))
		}
		encode := func() {
			f.Captured += time.Second / 30
			if _, err := e.Encode(f, f.Captured > time.Second && f.Captured < 2*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		for range 100 { // buffers grow
			encode()
		}
		if n := testing.AllocsPerRun(50, encode); n != 0 {
			t.Errorf("%+v: %v allocations a picture", c, n)
		}
	}
}

// BenchmarkH264 compares what a JPEG of a camera costs to become H.264 with the bare calls of the libraries: by
// CPU time of the thread, as ratio of medians.
func BenchmarkH264(b *testing.B) {
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422} {
		b.Run(fmt.Sprint(ratio), func(b *testing.B) { benchmarkH264(b, ratio) })
	}
}

// TestMissingTables has a camera's JPEG without Huffman tables decoded.
func TestMissingTables(t *testing.T) {
	data := jpegOf(t, barsPicture(image.Pt(320, 240), image.YCbCrSubsampleRatio422, 0))
	at := bytes.Index(data, []byte{0xff, 0xc4})
	for at >= 0 {
		n := int(data[at+2])<<8 | int(data[at+3])
		data = append(data[:at:at], data[at+2+n:]...)
		at = bytes.Index(data, []byte{0xff, 0xc4})
	}
	if _, err := jpeg.Decode(bytes.NewReader(data)); err == nil {
		t.Fatal("the picture has its tables still")
	}
	if _, err := newH264(t, H264Options{}).Encode(media.Frame{Params: &media.Params{Format: media.JPEG, Width: 320, Height: 240}, Bytes: data}, false); err != nil {
		t.Error(err)
	}
}
