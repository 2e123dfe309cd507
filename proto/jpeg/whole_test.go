package jpeg_test

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"os"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// grey is a picture of one component, whose scan is not interleaved.
func grey(tb testing.TB, width, height int) []byte {
	tb.Helper()
	p := image.NewGray(image.Rect(0, 0, width, height))
	for i := range p.Pix {
		p.Pix[i] = byte(i * i / 77)
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, p, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// TestWholeLength cuts pictures off everywhere: whole are those that lack EOI alone, or a part
// of it.
func TestWholeLength(t *testing.T) {
	restarts, err := os.ReadFile("testdata/restarts422.jpg")
	if err != nil {
		t.Fatal(err)
	}
	separate, err := os.ReadFile("testdata/separate.jpg")
	if err != nil {
		t.Fatal(err)
	}
	small := encoded(t, 41, 23)
	for name, picture := range map[string][]byte{
		"4:2:0": small, "without Huffman tables": without(t, small, jpeg.DHT), "grey": grey(t, 41, 23),
		"restart markers": restarts, "a scan for each component": separate, "fill bytes before markers": filled(t, small),
	} {
		end := len(picture) - 2
		if name == "fill bytes before markers" {
			end -= 2
		}
		for n := range len(picture) - 1 {
			length, isWhole := jpeg.WholeLength(picture[:n])
			if want := n >= end; isWhole != want || isWhole && length != end {
				t.Fatalf("%s: %d of %d bytes: length %d, whole %v; want %d, %v", name, n, len(picture), length, isWhole, end, want)
			}
		}
		for _, rest := range [][]byte{make([]byte, 9), picture} {
			if length, isWhole := jpeg.WholeLength(append(bytes.Clone(picture[:end]), rest...)); !isWhole || length != end {
				t.Errorf("%s and more: length %d, whole %v; want %d", name, length, isWhole, end)
			}
		}
	}
}

func TestWholeLengthRefuses(t *testing.T) {
	plain := encoded(t, 41, 23)
	_, scan := segmentAt(t, plain, jpeg.SOS)
	for name, data := range map[string][]byte{
		"progressive":              set(t, plain, jpeg.SOF0, 1, 0xc2),
		"height unknown":           set(t, plain, jpeg.SOF0, 6, 0),
		"more lines":               set(t, plain, jpeg.SOF0, 6, 99),
		"a sampling factor of 0":   set(t, plain, jpeg.SOF0, 11, 0x20),
		"no frame header":          without(t, plain, jpeg.SOF0),
		"an unknown component":     set(t, plain, jpeg.SOS, 5, 77),
		"a table that is not":      set(t, plain, jpeg.SOS, 6, 0x33),
		"no such table":            set(t, plain, jpeg.SOS, 6, 0x55),
		"restarts that are missed": with(plain, 0xff, jpeg.DRI, 0, 4, 0, 1),
		"a marker in the scan":     append(append(bytes.Clone(plain[:scan+9]), 0xff, jpeg.DRI), plain[scan+9:]...),
		"half a Huffman table":     with(plain, 0xff, jpeg.DHT, 0, 19, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"text":                     []byte("hello"),
		"nothing":                  nil,
	} {
		if _, isWhole := jpeg.WholeLength(data); isWhole {
			t.Errorf("%s: is whole", name)
		}
	}
}

// FuzzWholeLength checks that what is said to be whole is a picture when EOI follows, and is so
// whatever else follows.
func FuzzWholeLength(f *testing.F) {
	plain := encoded(f, 32, 16)
	f.Add(plain[:len(plain)-2])
	f.Add(plain[:len(plain)-9])
	f.Add(grey(f, 9, 9))
	f.Add(with(plain, 0xff, jpeg.DRI, 0, 4, 0, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		length, isWhole := jpeg.WholeLength(data)
		if !isWhole {
			return
		}
		if length < 2 || length > len(data) {
			t.Fatalf("%d of %d bytes", length, len(data))
		}
		picture := append(bytes.Clone(data[:length]), 0xff, jpeg.EOI)
		if n, err := jpeg.Length(picture); n != len(picture) || err != nil {
			t.Fatalf("with EOI: length %d, %v; want %d", n, err, len(picture))
		}
		if again, isWhole := jpeg.WholeLength(picture); !isWhole || again != length {
			t.Fatalf("with EOI: %d, %v; want %d", again, isWhole, length)
		}
	})
}
