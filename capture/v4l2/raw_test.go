package v4l2

import (
	"bytes"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/encode"
)

// rawSizes is a camera that has each raw format at one size.
func rawSizes() map[string][]sizeRange {
	has := map[string][]sizeRange{}
	for _, c := range codings {
		if isRaw(c.name) {
			has[c.fourCC] = []sizeRange{one(640, 480)}
		}
	}
	return has
}

// TestRawOrder takes the raw formats away in turn: which one is taken next, and why.
func TestRawOrder(t *testing.T) {
	has := rawSizes()
	var order []string
	for len(has) > 0 {
		m, why, err := choose(Options{}, has, func(mode) float64 { return 30 })
		if err != nil {
			t.Fatal(err)
		}
		if want := "the camera encodes nothing itself, and " + m.coding + " is the first choice of its raw formats"; why != want {
			t.Errorf("reason %q, want %q", why, want)
		}
		order = append(order, m.coding)
		delete(has, m.fourCC)
	}
	if want := []string{"yuyv", "uyvy", "nv12", "nv21", "i420", "rgb24", "bgr24", "grey"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	for _, format := range order {
		m, _, err := choose(Options{Format: format}, rawSizes(), func(mode) float64 { return 30 })
		if err != nil || m.coding != format {
			t.Errorf("format %s: %+v, %v", format, m, err)
		}
	}
}

func TestIsLimited(t *testing.T) {
	const srgb, rec709 = 8, 3
	for _, c := range []struct {
		format                    encode.Format
		colourspace, quantization uint32
		want                      bool
	}{
		{encode.YUYV, srgb, 0, true}, {encode.YUYV, rec709, 0, true}, {encode.YUYV, 0, 0, true}, {encode.Grey, srgb, 0, false}, {encode.Grey, srgb, quantizationLimited, true},
		{encode.NV12, colourspaceJPEG, 0, false}, {encode.NV12, srgb, quantizationFull, false}, {encode.I420, colourspaceJPEG, quantizationLimited, true},
		{encode.RGB24, srgb, 0, false}, {encode.BGR24, srgb, 0, false}, {encode.BGR24, srgb, quantizationLimited, true},
	} {
		if got := isLimited(string(c.format), c.colourspace, c.quantization); got != c.want {
			t.Errorf("%+v: limited %v", c, got)
		}
	}
}

func TestIsBT709(t *testing.T) {
	const srgb, xv709 = 8, 4
	for _, c := range []struct {
		colourspace, encoding uint32
		want                  bool
	}{{srgb, 0, false}, {0, 0, false}, {colourspaceRec709, 0, true}, {colourspaceRec709, 1, false}, {srgb, encoding709, true}, {srgb, xv709, false}} {
		if got := isBT709(c.colourspace, c.encoding); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// TestRawFormats has a camera deliver each format at an odd size, with lines that are filled up: a grey
// picture of the driver's becomes one of the same brightness, and one that lacks a byte is broken.
func TestRawFormats(t *testing.T) {
	for _, format := range encode.Formats() {
		d, s := newDesk(t, Options{Format: string(format)})
		layout := encode.Pixels{Format: format, Width: 63, Height: 47, Stride: 256}
		d.has = setup{card: "C922", mode: mode{string(format), "?", 63, 47}, pixels: layout, rate: 15, buffers: 4}
		d.host.Open(s)
		d.host.Turn()
		data := bytes.Repeat([]byte{128}, layout.Size())
		d.frame(0, data)
		d.frame(1, data[:len(data)-1])
		d.host.Turn()
		d.host.Turn() // the worker is done
		d.check(1, 1, 0, "live")
		p, err := jpeg.Decode(bytes.NewReader(d.host.Frames[0].Bytes))
		if err != nil {
			t.Fatal(err)
		}
		if r, _, b, _ := p.At(62, 46).RGBA(); p.Bounds().Dx() != 63 || p.Bounds().Dy() != 47 || r>>8 < 126 || r>>8 > 130 || b>>8 < 126 || b>>8 > 130 {
			t.Errorf("%s: %v, red %d, blue %d; want 63x47 and 128", format, p.Bounds(), r>>8, b>>8)
		}
		if got := s.Figures(); got.Broken != 1 || !strings.HasPrefix(s.Describe().Coding, strings.ToUpper(string(format))+", encoded by ") {
			t.Errorf("%s: %+v, %q", format, got, s.Describe().Coding)
		}
		d.host.Close()
		d.host.Turn()
	}
}
