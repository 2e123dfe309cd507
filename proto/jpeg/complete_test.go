package jpeg

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
)

// coded is a picture with Huffman tables, and without.
func coded(t testing.TB) (with, without []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewYCbCr(image.Rect(0, 0, 64, 48), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	with = out.Bytes()
	for at := 2; ; {
		s, next, err := Next(with, at)
		if err != nil {
			t.Fatal(err)
		}
		if s.Marker != DHT {
			without = append(without, with[at:next]...)
		}
		if at = next; s.Marker == SOS {
			return with, append(append([]byte{0xff, SOI}, without...), with[at:]...)
		}
	}
}

func TestAppendComplete(t *testing.T) {
	with, without := coded(t)
	got, err := AppendComplete([]byte("before"), with)
	if err != nil || string(got) != "before"+string(with) {
		t.Errorf("a picture with tables is changed, or %v", err)
	}
	got, err = AppendComplete(nil, without)
	if err != nil || len(got) != len(without)+420 {
		t.Fatalf("%d bytes of %d, %v", len(got), len(without), err)
	}
	if _, err := jpeg.Decode(bytes.NewReader(got)); err != nil {
		t.Error(err)
	}
	for _, broken := range [][]byte{nil, with[:2], with[:100], {0xff, SOI, 0xff, EOI}, []byte("no picture")} {
		if got, err := AppendComplete([]byte("before"), broken); err == nil || string(got) != "before" {
			t.Errorf("%x: %q, %v", broken, got, err)
		}
	}
}

func FuzzAppendComplete(f *testing.F) {
	with, without := coded(f)
	f.Add(with)
	f.Add(without)
	f.Fuzz(func(t *testing.T, picture []byte) {
		got, err := AppendComplete(nil, picture)
		switch {
		case err != nil && len(got) > 0:
			t.Error("an error, and a picture")
		case err == nil && len(got) != len(picture) && len(got) != len(picture)+420:
			t.Errorf("%d bytes of %d", len(got), len(picture))
		}
	})
}
