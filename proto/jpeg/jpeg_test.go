package jpeg_test

import (
	"bytes"
	"errors"
	"image"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// encoded is a noisy 4:2:0 picture with the standard Huffman tables, as Go's encoder
// writes it.
func encoded(tb testing.TB, width, height int) []byte {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i/64) + byte(random.IntN(32))
	}
	var b bytes.Buffer
	if err := stdjpeg.Encode(&b, picture, &stdjpeg.Options{Quality: 80}); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// segmentAt finds the first segment with a marker: where it begins and ends.
func segmentAt(tb testing.TB, data []byte, marker byte) (from, to int) {
	tb.Helper()
	from = bytes.Index(data, []byte{0xff, marker})
	if from < 0 {
		tb.Fatalf("no FF%02X", marker)
	}
	return from, from + 2 + int(data[from+2])<<8 + int(data[from+3])
}

// without cuts all segments with a marker out of the headers.
func without(tb testing.TB, data []byte, marker byte) []byte {
	data = bytes.Clone(data)
	for bytes.Contains(data[:bytes.Index(data, []byte{0xff, 0xda})], []byte{0xff, marker}) {
		from, to := segmentAt(tb, data, marker)
		data = slices.Delete(data, from, to)
	}
	return data
}

// with inserts bytes after SOI.
func with(data []byte, insert ...byte) []byte { return slices.Insert(bytes.Clone(data), 2, insert...) }

// set changes one byte at an offset in the segment with a marker.
func set(tb testing.TB, data []byte, marker byte, offset int, value byte) []byte {
	data = bytes.Clone(data)
	from, _ := segmentAt(tb, data, marker)
	data[from+offset] = value
	return data
}

// tablePerComponent gives the second colour a quantisation table of its own, with the
// content of the first colour's, in which the first byte is increased by change.
func tablePerComponent(tb testing.TB, data []byte, change byte) []byte {
	from, _ := segmentAt(tb, data, 0xdb) // both tables are in one segment
	table := bytes.Clone(data[from+4+65+1:][:64])
	table[0] += change
	return set(tb, with(data, slices.Concat([]byte{0xff, 0xdb, 0, 67, 2}, table)...), 0xc0, 18, 2)
}

func TestParse(t *testing.T) {
	plain := encoded(t, 648, 472)
	_, scanFrom := segmentAt(t, plain, 0xda)
	scan := plain[scanFrom : len(plain)-2]
	restarts := with(plain, 0xff, 0xdd, 0, 4, 0, 40)
	for name, data := range map[string][]byte{
		"as Go writes it":        plain,
		"without Huffman tables": without(t, plain, 0xc4),
		"padded after EOI":       append(bytes.Clone(plain), make([]byte, 5000)...),
		"junk with EOI after":    append(bytes.Clone(plain), 1, 2, 0xff, 0xd9),
		"thumbnail in APP1":      with(plain, 0xff, 0xe1, 0, 10, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9, 1, 2),
		"comment":                with(plain, 0xff, 0xfe, 0, 6, 'h', 'e', 'l', 'o'),
		"fill before a marker":   with(plain, 0xff, 0xff, 0xff, 0xfe, 0, 2),
		"restart interval":       restarts,
		"a table per component":  tablePerComponent(t, plain, 0),
		"fill before EOI":        append(bytes.Clone(plain[:len(plain)-2]), 0xff, 0xff, 0xff, 0xd9),
	} {
		t.Run(name, func(t *testing.T) {
			var img jpeg.Image
			if err := img.Parse(data); err != nil {
				t.Fatal(err)
			}
			if img.Width != 648 || img.Height != 472 || img.Type != jpeg.Type420 {
				t.Errorf("%dx%d, type %d", img.Width, img.Height, img.Type)
			}
			if !bytes.Equal(img.Scan, scan) {
				t.Errorf("scan of %d bytes, want %d", len(img.Scan), len(scan))
			}
			if want := map[bool]uint16{true: 40}[name == "restart interval"]; img.RestartInterval != want {
				t.Errorf("restart interval %d, want %d", img.RestartInterval, want)
			}
			from, _ := segmentAt(t, plain, 0xdb)
			if !bytes.Equal(img.Luma[:], plain[from+5:from+69]) || !bytes.Equal(img.Chroma[:], plain[from+70:from+134]) {
				t.Error("other quantisation tables")
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	plain := encoded(t, 64, 48)
	huffman, _ := segmentAt(t, plain, 0xc4)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":               {nil, jpeg.ErrBroken},
		"a PNG":                 {[]byte("\x89PNG\r\n\x1a\n"), jpeg.ErrBroken},
		"SOI alone":             {plain[:2], jpeg.ErrBroken},
		"no end":                {plain[:len(plain)-2], jpeg.ErrBroken},
		"half a scan":           {plain[:len(plain)*3/4], jpeg.ErrBroken},
		"half the headers":      {plain[:100], jpeg.ErrBroken},
		"no scan":               {append(bytes.Clone(plain[:huffman]), 0xff, 0xd9), jpeg.ErrBroken},
		"no quantisation":       {without(t, plain, 0xdb), jpeg.ErrBroken},
		"no frame header":       {without(t, plain, 0xc0), jpeg.ErrBroken},
		"a size of nothing":     {set(t, set(t, plain, 0xc0, 5, 0), 0xc0, 6, 0), jpeg.ErrBroken},
		"progressive":           {set(t, plain, 0xc0, 1, 0xc2), jpeg.ErrReencode},
		"12 bits":               {set(t, plain, 0xc0, 4, 12), jpeg.ErrReencode},
		"4:4:4":                 {set(t, plain, 0xc0, 11, 0x11), jpeg.ErrReencode},
		"4:4:0":                 {set(t, plain, 0xc0, 11, 0x12), jpeg.ErrReencode},
		"other Huffman table":   {set(t, plain, 0xc4, 4+1+16, 99), jpeg.ErrReencode},
		"three tables":          {tablePerComponent(t, plain, 1), jpeg.ErrReencode},
		"a missing table":       {set(t, plain, 0xc0, 18, 2), jpeg.ErrBroken},
		"wider than 2040":       {set(t, plain, 0xc0, 7, 0x08), jpeg.ErrTooLarge},
		"Huffman number 9":      {set(t, plain, 0xda, 6, 0x90), jpeg.ErrBroken},
		"quantisation number 9": {set(t, plain, 0xc0, 12, 9), jpeg.ErrBroken},
	} {
		t.Run(name, func(t *testing.T) {
			var img jpeg.Image
			if err := img.Parse(c.data); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
	t.Run("grey", func(t *testing.T) {
		var b bytes.Buffer
		if err := stdjpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil); err != nil {
			t.Fatal(err)
		}
		var img jpeg.Image
		if err := img.Parse(b.Bytes()); !errors.Is(err, jpeg.ErrReencode) {
			t.Errorf("error %v, want ErrReencode", err)
		}
	})
	t.Run("16 MiB of scan", func(t *testing.T) {
		_, from := segmentAt(t, plain, 0xda)
		huge := append(append(bytes.Clone(plain[:from]), make([]byte, 1<<24)...), 0xff, 0xd9)
		var img jpeg.Image
		if err := img.Parse(huge); !errors.Is(err, jpeg.ErrTooLarge) {
			t.Errorf("error %v, want ErrTooLarge", err)
		}
	})
}

// TestAppend puts a picture together that decodes to the same pixels.
func TestAppend(t *testing.T) {
	for _, data := range [][]byte{encoded(t, 160, 120), without(t, encoded(t, 160, 120), 0xc4)} {
		var img, again jpeg.Image
		if err := img.Parse(data); err != nil {
			t.Fatal(err)
		}
		whole := jpeg.Append(nil, &img)
		got, err := stdjpeg.Decode(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		want, err := stdjpeg.Decode(bytes.NewReader(encoded(t, 160, 120)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) || !bytes.Equal(got.(*image.YCbCr).Cb, want.(*image.YCbCr).Cb) {
			t.Error("other pixels")
		}
		if err := again.Parse(whole); err != nil || !bytes.Equal(again.Scan, img.Scan) || again.Luma != img.Luma || again.Chroma != img.Chroma {
			t.Errorf("parsed again: %v, and it is another picture", err)
		}
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	data := encoded(t, 320, 240)
	var img jpeg.Image
	if n := testing.AllocsPerRun(100, func() { _ = img.Parse(data) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	plain := encoded(f, 32, 16)
	for _, seed := range [][]byte{plain, without(f, plain, 0xc4), with(plain, 0xff, 0xdd, 0, 4, 0, 2), set(f, plain, 0xc0, 11, 0x21), plain[:60], {0xff, 0xd8, 0xff}} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var img jpeg.Image
		err := img.Parse(data)
		if err != nil {
			if !errors.Is(err, jpeg.ErrBroken) && !errors.Is(err, jpeg.ErrReencode) && !errors.Is(err, jpeg.ErrTooLarge) {
				t.Fatalf("error %v is of no kind", err)
			}
			return
		}
		var again jpeg.Image
		if err := again.Parse(jpeg.Append(nil, &img)); err != nil {
			t.Fatalf("what was parsed and put together is refused: %v", err)
		}
		if !bytes.Equal(again.Scan, img.Scan) || again.Width != img.Width || again.Height != img.Height || again.Type != img.Type {
			t.Fatal("another picture")
		}
	})
}
