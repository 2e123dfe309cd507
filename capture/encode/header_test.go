package encode

import (
	"bytes"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	bitstream "github.com/camcast/camcast/proto/jpeg"
)

// TestParseHeader adds to the headers of a picture what does not change it.
func TestParseHeader(t *testing.T) {
	plain := fixture(t, "threetables420.jpg")
	want, err := parseHeader(plain)
	if err != nil || want.width != 50 || want.height != 35 || want.components != 3 || !want.huffman {
		t.Fatalf("%+v, %v", want, err)
	}
	for name, insert := range map[string][]byte{
		"fill bytes":               {0xff, 0xff},
		"markers without a length": {0xff, bitstream.TEM, 0xff, bitstream.RST0, 0xff, bitstream.RST7},
		"an empty segment":         {0xff, 0xe5, 0, 2},
	} {
		at := bytes.Index(plain, []byte{0xff, bitstream.SOF0})
		if got, err := parseHeader(slices.Insert(bytes.Clone(plain), at, insert...)); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
}

// tablePerComponent gives the second colour of a picture a quantisation table of its own,
// number 2, which is equal to the first colour's, number 1.
func tablePerComponent(t testing.TB, data []byte) []byte {
	t.Helper()
	h, err := parseHeader(data)
	if err != nil || h.table != [3]byte{0, 1, 1} {
		t.Fatalf("%+v, %v", h, err)
	}
	data = slices.Insert(bytes.Clone(data), 2, slices.Concat([]byte{0xff, bitstream.DQT, 0, 67, 2}, h.tables[1][:])...)
	data[bytes.Index(data, []byte{0xff, bitstream.SOF0})+18] = 2
	return data
}

// TestEqualTables compares quantisation tables by their content.
func TestEqualTables(t *testing.T) {
	plain, err := (&Encoder{goOpt: jpeg.Options{Quality: 90}}).Encode(nil, gradient(64, 48, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	equal := tablePerComponent(t, plain)
	other, missing, beyond := bytes.Clone(equal), bytes.Clone(equal), bytes.Clone(equal)
	other[10]++
	frame := bytes.Index(equal, []byte{0xff, bitstream.SOF0})
	missing[frame+18], beyond[frame+18] = 3, 9
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{"two tables": {plain, true}, "equal ones": {equal, true}, "three": {other, false}, "a missing one": {missing, false}, "number 9": {beyond, false}} {
		if h, err := parseHeader(c.data); err != nil || h.carryable() != c.want {
			t.Errorf("%s: carryable %v, %v; want %v", name, h.carryable(), err, c.want)
		}
	}
}
