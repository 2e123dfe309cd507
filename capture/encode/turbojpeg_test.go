//go:build turbojpeg

package encode

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// These tests want libjpeg-turbo to be installed, and Debian's libjpeg-turbo-progs,
// whose jpegtran makes pictures that RTP cannot carry.

func TestTurboIsUsedAndAllocatesNothing(t *testing.T) {
	e, err := NewEncoder(80, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Name() != "libjpeg-turbo" {
		t.Fatalf("the encoder is %s: is libturbojpeg0 installed?", e.Name())
	}
	picture := gradient(640, 480, image.YCbCrSubsampleRatio422)
	data, err := e.Encode(nil, picture)
	if err != nil || carried(t, data) != nil {
		t.Fatal(err, carried(t, data))
	}
	if n := testing.AllocsPerRun(50, func() { data, err = e.Encode(data, picture) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestTurboErrors wants the library's own words.
func TestTurboErrors(t *testing.T) {
	e, err := NewEncoder(80, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	e.turbo.quality = -1
	_, err = e.Encode(nil, gradient(16, 16, image.YCbCrSubsampleRatio420))
	if err == nil || !strings.Contains(err.Error(), "libjpeg-turbo: tjCompressFromYUVPlanes(): Invalid argument") {
		t.Errorf("quality -1: error %v", err)
	}
}

func TestTurboIsLeftAlone(t *testing.T) {
	if installedTurbo() == nil {
		t.Fatal("there is no library: is libturbojpeg0 installed?")
	}
	e, err := NewEncoder(80, Options{NoTurboJPEG: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Name() != "Go's image/jpeg" {
		t.Errorf("the encoder is %s", e.Name())
	}
	transcoder, err := NewTranscoder(Options{NoTurboJPEG: true})
	if err != nil {
		t.Fatal(err)
	}
	defer transcoder.Close()
	if transcoder.transform != nil || transcoder.encoder.turbo != nil {
		t.Error("the transcoder uses it")
	}
}

// TestRearrangeIsLossless takes pictures with Huffman tables of their own.
func TestRearrangeIsLossless(t *testing.T) {
	transcoder, err := NewTranscoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer transcoder.Close()
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422} {
		plain, err := transcoder.encoder.Encode(nil, gradient(318, 238, ratio))
		if err != nil {
			t.Fatal(err)
		}
		want, err := jpeg.Decode(bytes.NewReader(plain))
		if err != nil {
			t.Fatal(err)
		}
		for _, option := range []string{"-optimize", "-progressive", "-arithmetic"} {
			cmd := exec.Command("jpegtran", option)
			cmd.Stdin, cmd.Stderr = bytes.NewReader(plain), os.Stderr
			data, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			if carried(t, data) == nil {
				t.Fatalf("RTP can carry what jpegtran %s makes: the test shows nothing", option)
			}
			out, err := transcoder.Transcode(nil, data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := jpeg.Decode(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if err := carried(t, out); err != nil || !samePixels(got.(*image.YCbCr), want.(*image.YCbCr)) {
				t.Errorf("%v %s: %v, or other pixels", ratio, option, err)
			}
			if n := testing.AllocsPerRun(50, func() { out, _ = transcoder.Transcode(out, data) }); n != 0 {
				t.Errorf("%v %s: %v allocations, want 0", ratio, option, n)
			}
		}
	}
}

// TestRearrangeTablePerComponent takes a picture whose colours have a quantisation table
// each, with the same content.
func TestRearrangeTablePerComponent(t *testing.T) {
	transcoder, err := NewTranscoder(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer transcoder.Close()
	plain, err := transcoder.encoder.Encode(nil, gradient(64, 48, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	want, err := jpeg.Decode(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("jpegtran", "-progressive")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(tablePerComponent(t, plain)), os.Stderr
	data, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	out, err := transcoder.Transcode(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if err := carried(t, out); err != nil || !samePixels(got.(*image.YCbCr), want.(*image.YCbCr)) {
		t.Errorf("%v, or other pixels", err)
	}
}

func samePixels(a, b *image.YCbCr) bool {
	return bytes.Equal(a.Y, b.Y) && bytes.Equal(a.Cb, b.Cb) && bytes.Equal(a.Cr, b.Cr)
}
