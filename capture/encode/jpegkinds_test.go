//go:build turbojpeg

package encode

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// ppm is a picture as cjpeg reads it.
func ppm(picture image.Image) []byte {
	size := picture.Bounds().Size()
	out := fmt.Appendf(nil, "P6\n%d %d\n255\n", size.X, size.Y)
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := picture.At(x, y).RGBA()
			out = append(out, byte(r>>8), byte(g>>8), byte(b>>8))
		}
	}
	return out
}

// piped runs a command of libjpeg-turbo-progs.
func piped(t *testing.T, in []byte, command ...string) []byte {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v", command, err)
	}
	return out
}

// TestEveryKind has cjpeg code a picture in every way, and compares the pixels of what is sent with those
// of the picture.
func TestEveryKind(t *testing.T) {
	all := transcoders(t)
	for _, size := range []image.Point{{61, 43}, {96, 64}} {
		picture := image.NewYCbCr(image.Rectangle{Max: size}, image.YCbCrSubsampleRatio444)
		for y := range size.Y {
			for x := range size.X {
				c, i := smooth(size.X, size.Y)(x, y), picture.YOffset(x, y)
				picture.Y[i], picture.Cb[i], picture.Cr[i] = c.Y, c.Cb, c.Cr
			}
		}
		source := ppm(picture)
		for _, sampling := range []string{"1x1", "2x1", "2x2", "1x2", "4x1", "1x4", "4x2", "-grayscale", "-rgb"} {
			for _, coding := range []string{"", "-optimize", "-progressive", "-arithmetic", "-progressive -arithmetic", "-restart 1"} {
				command := slices.Concat([]string{"cjpeg", "-quality", "92"}, strings.Fields(coding))
				if sampling[0] == '-' {
					command = append(command, sampling)
				} else {
					command = append(command, "-sample", sampling)
				}
				data := piped(t, source, command...)
				for who, transcoder := range all {
					if who == "plain" && (strings.Contains(coding, "-arithmetic") || sampling == "1x4") {
						continue // Go's decoder has none of these; TestArithmeticWithoutLibrary
					}
					wantSame(t, fmt.Sprintf("%s, %v: %q", who, size, command), transcoder, data, picture, sampling == "-grayscale", 30)
				}
			}
		}
	}
}

// TestEveryCMYK has jpegtran code the pictures of four inks in every way.
func TestEveryCMYK(t *testing.T) {
	picture, err := jpeg.Decode(bytes.NewReader(fixture(t, "progressive444.jpg")))
	if err != nil {
		t.Fatal(err)
	}
	transcoder := transcoders(t)["best"]
	for _, name := range []string{"cmyk.jpg", "ycck.jpg", "cmykplain.jpg"} {
		for _, option := range []string{"-copy", "-progressive", "-arithmetic"} {
			command := []string{"jpegtran", option}
			if option == "-copy" {
				command = append(command, "all")
			}
			wantSame(t, fmt.Sprintf("%s %s", name, option), transcoder, piped(t, fixture(t, name), command...), picture, false, 28)
		}
	}
}

// wantSame transcodes a picture and compares it with what it shows.
func wantSame(t *testing.T, name string, transcoder *Transcoder, data []byte, want image.Image, isGrey bool, leastDB float64) {
	t.Helper()
	out, err := transcoder.Transcode(nil, data)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil || got.Bounds() != want.Bounds() || carried(t, out) != nil {
		t.Errorf("%s: %v, %v", name, err, carried(t, out))
		return
	}
	db := 0.0
	if isGrey {
		db = psnr(got, want)
	} else {
		db = colourPSNR(got, want)
	}
	if db < leastDB {
		t.Errorf("%s: %.1f dB, want %v", name, db, leastDB)
	}
}
