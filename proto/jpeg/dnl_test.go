package jpeg_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// heightAfterScan moves the height of a picture from its frame header into a DNL marker.
func heightAfterScan(tb testing.TB, data []byte, dnl ...byte) []byte {
	tb.Helper()
	data = set(tb, set(tb, data, jpeg.SOF0, 5, 0), jpeg.SOF0, 6, 0)
	return slices.Insert(data, len(data)-2, dnl...)
}

// TestHeightAfterScan has the height stand in a DNL marker.
func TestHeightAfterScan(t *testing.T) {
	plain := encoded(t, 648, 472)
	var want jpeg.Image
	if err := want.Parse(plain); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"alone":            heightAfterScan(t, plain, 0xff, jpeg.DNL, 0, 4, 1, 0xd8),
		"fill before it":   heightAfterScan(t, plain, 0xff, 0xff, jpeg.DNL, 0, 4, 1, 0xd8),
		"besides a height": slices.Insert(bytes.Clone(plain), len(plain)-2, 0xff, jpeg.DNL, 0, 4, 0, 99),
	} {
		var img jpeg.Image
		if err := img.Parse(data); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if img.Width != 648 || img.Height != 472 || !bytes.Equal(img.Scan, want.Scan) {
			t.Errorf("%s: %dx%d with a scan of %d bytes", name, img.Width, img.Height, len(img.Scan))
		}
		if w, h, err := jpeg.Size(data); w != 648 || h != 472 || err != nil {
			t.Errorf("%s: size %dx%d, %v", name, w, h, err)
		}
	}
}

func TestHeightAfterScanRefuses(t *testing.T) {
	plain := encoded(t, 64, 48)
	for name, c := range map[string]struct {
		data        []byte
		parse, size error
	}{
		"none":      {heightAfterScan(t, plain), jpeg.ErrBroken, jpeg.ErrBroken},
		"0":         {heightAfterScan(t, plain, 0xff, jpeg.DNL, 0, 4, 0, 0), jpeg.ErrBroken, nil},
		"too large": {heightAfterScan(t, plain, 0xff, jpeg.DNL, 0, 4, 99, 0), jpeg.ErrTooLarge, nil},
		"half":      {heightAfterScan(t, plain, 0xff, jpeg.DNL, 0, 3, 1), jpeg.ErrBroken, jpeg.ErrBroken},
	} {
		var img jpeg.Image
		if err := img.Parse(c.data); !errors.Is(err, c.parse) {
			t.Errorf("%s: %v, want %v", name, err, c.parse)
		}
		if _, _, err := jpeg.Size(c.data); !errors.Is(err, c.size) {
			t.Errorf("%s: size: %v, want %v", name, err, c.size)
		}
	}
	late := heightAfterScan(t, plain, 0xff, jpeg.DNL, 0, 4, 0, 48)
	for n := range len(late) - 2 {
		if _, _, err := jpeg.Size(late[:n]); !errors.Is(err, jpeg.ErrMore) {
			t.Fatalf("the size of the first %d bytes: %v, want ErrMore", n, err)
		}
	}
}
