package openh264

import (
	"errors"
	"strings"
	"testing"
)

// TestMissing loads a library that is not there, and one that is another.
func TestMissing(t *testing.T) {
	if _, err := load("libopenh264.so.none"); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "apt install libopenh264-7") {
		t.Errorf("%v, want that it is missing and how to install it", err)
	}
	if _, err := load("libc.so.6"); err == nil || errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "libc.so.6 has no Wels") {
		t.Errorf("%v, want that it is another library", err)
	}
}

// TestReleases refuses those whose structures are not known.
func TestReleases(t *testing.T) {
	for _, c := range []struct {
		release release
		known   bool
	}{
		{release{2, 3, 1, 0}, true}, {release{2, 5, 0, 0}, true}, {release{2, 2, 0, 0}, false},
		{release{2, 6, 0, 0}, false}, {release{1, 4, 0, 0}, false}, {release{3, 4, 0, 0}, false},
	} {
		if err := c.release.check(); (err == nil) != c.known {
			t.Errorf("%+v: %v", c.release, err)
		}
	}
}

// TestPicturesThatAreNone refuses what the library should never give.
func TestPicturesThatAreNone(t *testing.T) {
	var b byte
	good := bufferInfo{status: 1, width: 1, height: 1, format: formatI420, strides: [2]int32{1, 1}}
	planes := [3]*byte{&b, &b, &b}
	if p, err := (&Decoder{info: good, planes: planes}).take(); err != nil || p.Rect.Dx() != 1 {
		t.Errorf("%v, %v", p, err)
	}
	for name, spoil := range map[string]func(*Decoder){
		"format":    func(d *Decoder) { d.info.format = 1 },
		"no plane":  func(d *Decoder) { d.planes[2] = nil },
		"no width":  func(d *Decoder) { d.info.width = 0 },
		"no height": func(d *Decoder) { d.info.height = -1 },
		"too large": func(d *Decoder) { d.info.width, d.info.strides[0] = 1<<30, 1<<30 },
		"stride":    func(d *Decoder) { d.info.strides[1] = 0 },
	} {
		d := &Decoder{info: good, planes: planes}
		spoil(d)
		if p, err := d.take(); err == nil {
			t.Errorf("%s: %v", name, p)
		}
	}
}
