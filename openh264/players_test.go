//go:build players

package openh264

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"image"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// units are the access units of the clip.
func units(t *testing.T) (units [][]byte) {
	t.Helper()
	clip, err := os.ReadFile("testdata/clip.h264")
	if err != nil {
		t.Fatal(err)
	}
	delimiter := []byte{0, 0, 0, 1, 9}
	for _, unit := range bytes.Split(clip, delimiter)[1:] {
		units = append(units, append(bytes.Clone(delimiter), unit...))
	}
	return units
}

func newDecoder(t *testing.T) *Decoder {
	t.Helper()
	d, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// hash is that of the pixels, as ffmpeg has it.
func hash(p *image.YCbCr) string {
	h := md5.New()
	w, rows := p.Rect.Dx(), p.Rect.Dy()
	for y := range rows {
		h.Write(p.Y[y*p.YStride:][:w])
	}
	for _, plane := range [][]byte{p.Cb, p.Cr} {
		for y := range (rows + 1) / 2 {
			h.Write(plane[y*p.CStride:][:(w+1)/2])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// TestDecode wants each picture to be the one that ffmpeg decodes.
func TestDecode(t *testing.T) {
	out, err := exec.Command("ffmpeg", "-v", "error", "-i", "testdata/clip.h264", "-f", "framemd5", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			want = append(want, strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:]))
		}
	}
	d := newDecoder(t)
	for i, unit := range units(t) {
		p, err := d.Decode(unit, false)
		if err != nil || p == nil || hash(p) != want[i] {
			t.Fatalf("unit %d: %v, or another picture than ffmpeg's", i, err)
		}
	}
}

// TestDamage has units be missing, cut off and no H.264: there is an error and no picture, and the
// next key frame is decoded.
func TestDamage(t *testing.T) {
	u := units(t)
	for name, before := range map[string][][]byte{
		"begins in the middle": {u[1]}, "one is missing": {u[0], u[2]}, "garbage": {u[0], bytes.Repeat([]byte{0, 0, 1, 0x65, 3}, 99)},
	} {
		d := newDecoder(t)
		var p *image.YCbCr
		var err error
		for _, unit := range before {
			p, err = d.Decode(unit, false)
		}
		if err == nil || p != nil {
			t.Errorf("%s: %v, and a picture: %v", name, err, p != nil)
		}
		if p, err := d.Decode(u[5], false); err != nil || p == nil {
			t.Errorf("%s: the next key frame: %v", name, err)
		}
	}
	for n := range u[0] { // at every byte
		d := newDecoder(t)
		_, _ = d.Decode(u[0][:n], false)
		if p, err := d.Decode(u[5], false); err != nil || p == nil {
			t.Fatalf("cut after %d bytes: the next key frame: %v", n, err)
		}
	}
}

func TestNothing(t *testing.T) {
	if p, err := newDecoder(t).Decode(nil, false); p != nil || err != nil {
		t.Errorf("%v, %v", p, err)
	}
}
