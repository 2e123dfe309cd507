package v4l2

import (
	"reflect"
	"testing"
)

// TestModes lists what a camera has: what can be broadcast in the order of preference, then the rest.
func TestModes(t *testing.T) {
	has := map[string][]sizeRange{
		"GREY": nil, "ZZZZ": {one(64, 48)}, "YU12": {{16, 1920, 16, 8, 1080, 8}}, "JPEG": {one(320, 240), one(640, 480)}, "BA81": nil,
	}
	rates := Rates{Each: []float64{30, 15}}
	got := modesOf(has, func(m mode) Rates {
		if m.width == 640 {
			return rates
		}
		return Rates{}
	})
	want := []Mode{
		{Format: "mjpeg", FourCC: "JPEG", Width: 320, Height: 240}, {Format: "mjpeg", FourCC: "JPEG", Width: 640, Height: 480, Rates: rates},
		{Format: "i420", FourCC: "YU12", Width: 640, Height: 480, Sizes: "16x8 to 1920x1080 in steps of 16x8", Rates: rates},
		{Format: "grey", FourCC: "GREY"}, {FourCC: "BA81"}, {FourCC: "ZZZZ", Width: 64, Height: 48},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		rates   Rates
		text    string
		fastest float64
	}{
		{Rates{}, "rates not told", 0}, {Rates{Each: []float64{60, 59.94005994}}, "60, 59.94 frames/s", 60}, {Rates{Least: 1, Most: 30}, "1 to 30 frames/s", 30},
	} {
		if c.rates.String() != c.text || c.rates.fastest() != c.fastest {
			t.Errorf("%q, %v; want %q, %v", c.rates, c.rates.fastest(), c.text, c.fastest)
		}
	}
	if r := (fraction{1001, 30000}).rate(); r < 29.9 || r > 30 || (fraction{0, 5}).rate() != 0 {
		t.Errorf("rate %v", r)
	}
}
