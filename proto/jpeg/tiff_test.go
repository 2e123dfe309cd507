package jpeg_test

import (
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// application is an application segment.
func application(marker byte, content ...byte) []byte {
	return append([]byte{0xff, marker, byte((len(content) + 2) >> 8), byte(len(content) + 2)}, content...)
}

func exif(content string) []byte { return application(0xe1, []byte("Exif\x00\x00"+content)...) }

func TestOrientation(t *testing.T) {
	plain := encoded(t, 32, 16)
	for name, c := range map[string]struct {
		segment []byte
		want    int
	}{
		"big-endian":      {exif("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"), 6},
		"little-endian":   {exif("II*\x00\x08\x00\x00\x00\x02\x00\x0f\x01\x02\x00\x01\x00\x00\x00A\x00\x00\x00\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00"), 8},
		"no such value":   {exif("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x09\x00\x00"), 0},
		"another tag":     {exif("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x13\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"), 0},
		"cut off":         {exif("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00"), 0},
		"far away":        {exif("MM\x00*\x7f\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"), 0},
		"no directory":    {exif("MM\x00*"), 0},
		"no TIFF":         {exif("hello, world"), 0},
		"another segment": {application(0xe1, []byte("http://ns.adobe.com/xap/1.0/\x00")...), 0},
	} {
		if got := jpeg.Orientation(slices.Concat(plain[:2], c.segment, plain[2:])); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := jpeg.Orientation(plain); got != 0 {
		t.Errorf("without Exif: %d, want 0", got)
	}
}

func TestMultiPictureLength(t *testing.T) {
	plain := encoded(t, 32, 16)
	index := func(entries string) []byte {
		return application(0xe2, []byte("MPF\x00MM\x00*\x00\x00\x00\x08\x00\x02"+
			"\xb0\x01\x00\x04\x00\x00\x00\x01\x00\x00\x00\x02"+
			"\xb0\x02\x00\x07\x00\x00\x00"+string([]byte{byte(len(entries))})+"\x00\x00\x00\x22"+entries)...)
	}
	first := "\x00\x03\x00\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	second := "\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x20\x00\x00\x00\x00\x00"
	third := "\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x22\x00\x00\x00\x00\x00"
	const begin = 2 + 4 + 4 // SOI, the segment's marker and length, its identifier
	for name, c := range map[string]struct {
		segment []byte
		want    int64
	}{
		"two":         {index(first + second), begin + 0x2200},
		"three":       {index(first + second + third), begin + 0x2300},
		"the first":   {index(first), 0},
		"half of one": {index(first + second[:9]), 0},
		"none":        {index(""), 0},
		"no TIFF":     {application(0xe2, []byte("MPF\x00hello")...), 0},
		"a profile":   {application(0xe2, []byte("ICC_PROFILE\x00")...), 0},
	} {
		if got := jpeg.MultiPictureLength(slices.Concat(plain[:2], c.segment, plain[2:])); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// FuzzTIFF has foreign directories do no harm.
func FuzzTIFF(f *testing.F) {
	f.Add([]byte("MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"))
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x02\xb0\x07\x00\x20\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, directory []byte) {
		if len(directory) > 65000 {
			return
		}
		picture := slices.Concat([]byte{0xff, jpeg.SOI}, exif(string(directory)), application(0xe2, append([]byte("MPF\x00"), directory...)...))
		if o := jpeg.Orientation(picture); o < 0 || o > 8 {
			t.Fatalf("orientation %d", o)
		}
		if n := jpeg.MultiPictureLength(picture); n < 0 || n > 3<<32 {
			t.Fatalf("length %d", n)
		}
	})
}
