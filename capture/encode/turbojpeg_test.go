//go:build turbojpeg

package encode

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"testing"
)

// These tests want libjpeg-turbo to be installed, and Debian's libjpeg-turbo-progs,
// whose jpegtran makes pictures that RTP cannot carry.

func TestTurboIsUsedAndAllocatesNothing(t *testing.T) {
	e, err := NewEncoder(80)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Name() != "libjpeg-turbo" {
		t.Fatalf("the encoder is %s: is libturbojpeg0 installed?", e.Name())
	}
	picture := gradient(640, 480, image.YCbCrSubsampleRatio422)
	data, err := e.Encode(nil, picture)
	if err != nil || !standardTables(t, data) {
		t.Fatalf("%v, or other Huffman tables than the standard ones", err)
	}
	if n := testing.AllocsPerRun(50, func() { data, err = e.Encode(data, picture) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestRearrangeIsLossless takes pictures with Huffman tables of their own.
func TestRearrangeIsLossless(t *testing.T) {
	transcoder, err := NewTranscoder()
	if err != nil {
		t.Fatal(err)
	}
	defer transcoder.Close()
	plain, err := transcoder.encoder.Encode(nil, gradient(320, 240, image.YCbCrSubsampleRatio420))
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"-optimize", "-progressive"} {
		cmd := exec.Command("jpegtran", option)
		cmd.Stdin, cmd.Stderr = bytes.NewReader(plain), os.Stderr
		data, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if standardTables(t, data) {
			t.Fatalf("jpegtran %s kept the standard tables: the test shows nothing", option)
		}
		out, err := transcoder.Transcode(nil, data)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := jpeg.Decode(bytes.NewReader(plain))
		got, err := jpeg.Decode(bytes.NewReader(out))
		if err != nil {
			t.Fatal(err)
		}
		if !standardTables(t, out) || !bytes.Equal(got.(*image.YCbCr).Y, want.(*image.YCbCr).Y) {
			t.Errorf("%s: other tables, or other pixels", option)
		}
	}
}
