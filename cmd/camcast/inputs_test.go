package main

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
)

// inputs are the pictures that have failed, which package capture/file tests, too.
const inputs = "../../capture/file/testdata"

// whole is an input as Go's decoder takes it.
func whole(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(inputs, name))
	if err != nil {
		t.Fatal(err)
	}
	switch name {
	case "dnl.jpg": // the height, 480, is in a DNL marker after the scan
		data = append(data[:len(data)-8], 0xff, 0xd9)
		copy(data[bytes.Index(data, []byte{0xff, 0xc0})+5:], []byte{480 >> 8, 480 & 0xff})
	case "eoi_missing.jpg":
		data = append(data, 0xff, 0xd9)
	case "zeros_then_jpeg.mjpeg":
		data = bytes.TrimLeft(data, "\x00")
	}
	return data
}

// firstPicture is the first picture that a stream sends.
func firstPicture(t *testing.T, address string) image.Image {
	t.Helper()
	u, err := base.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	protocol := gortsplib.ProtocolTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &protocol, ReadTimeout: 10 * time.Second}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, _, err := c.Describe(u)
	if err != nil {
		t.Fatal(err)
	}
	var mjpeg *format.MJPEG
	media := session.FindFormat(&mjpeg)
	if media == nil {
		t.Fatal("no MJPEG in the description")
	}
	if _, err := c.Setup(session.BaseURL, media, 0, 0); err != nil {
		t.Fatal(err)
	}
	decoder, err := mjpeg.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	pictures := make(chan []byte, 1)
	c.OnPacketRTP(media, mjpeg, func(packet *rtp.Packet) {
		if picture, err := decoder.Decode(packet); err == nil {
			select {
			case pictures <- bytes.Clone(picture):
			default:
			}
		}
	})
	if _, err := c.Play(nil); err != nil {
		t.Fatal(err)
	}
	select {
	case picture := <-pictures:
		decoded, err := jpeg.Decode(bytes.NewReader(picture))
		if err != nil {
			t.Fatal(err)
		}
		return decoded
	case <-time.After(20 * time.Second):
		t.Fatal("no picture in 20 s")
	}
	return nil
}

// TestInputsAreExact has another implementation's client watch each of them: its decoder makes the
// pixels that it makes of the input.
func TestInputsAreExact(t *testing.T) {
	for _, name := range []string{"q3_same_422.jpg", "photo_mpf.jpg", "fill_before_sof.jpg", "zeros_then_jpeg.mjpeg",
		"dnl.jpg", "eoi_missing.jpg", "exif_thumb_rot6.jpg"} {
		t.Run(name, func(t *testing.T) {
			d := startDaemon(t, filepath.Join(inputs, name)+"?fps=10&loop=1")
			decoded, err := jpeg.Decode(bytes.NewReader(whole(t, name)))
			if err != nil {
				t.Fatal(err)
			}
			want, got := decoded.(*image.YCbCr), firstPicture(t, d.url()).(*image.YCbCr)
			if got.Rect != want.Rect || !bytes.Equal(got.Y, want.Y) || !bytes.Equal(got.Cb, want.Cb) || !bytes.Equal(got.Cr, want.Cr) {
				t.Errorf("other pixels, of %v", got.Rect)
			}
			if isTurned := strings.Contains(d.stderr.String(), "orientation=6"); isTurned != (name == "exif_thumb_rot6.jpg") {
				t.Errorf("it is logged that the picture lies on its side: %v", isTurned)
			}
		})
	}
}
