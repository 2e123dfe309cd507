package file

import (
	"bytes"
	"image"
	stdjpeg "image/jpeg"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/jpeg"
)

// The files in testdata have failed, or could: each is a kind of what cameras, photo programs and
// cut-off copies leave. All show the same 640x480.

// pixels decodes a picture.
func pixels(t testing.TB, picture []byte) *image.YCbCr {
	t.Helper()
	decoded, err := stdjpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return decoded.(*image.YCbCr)
}

// received is the picture as a viewer gets it: what RTP carries of it, put together again.
func received(t testing.TB, picture []byte) []byte {
	t.Helper()
	var img jpeg.Image
	if err := img.Parse(picture); err != nil {
		t.Fatal(err)
	}
	return jpeg.Append(nil, &img)
}

func isExact(a, b *image.YCbCr) bool {
	return a.Rect == b.Rect && bytes.Equal(a.Y, b.Y) && bytes.Equal(a.Cb, b.Cb) && bytes.Equal(a.Cr, b.Cr)
}

// decodable is an input as other decoders take it: with its first picture alone.
func decodable(t testing.TB, name string, data []byte) []byte {
	data = bytes.Clone(data)
	switch name {
	case "dnl.jpg": // its height is in a DNL marker after the scan
		n := len(data) - len("\xff\xdc\x00\x04\x01\xe0\xff\xd9")
		at := bytes.Index(data, []byte{0xff, jpeg.SOF0})
		copy(data[at+5:], data[n+4:n+6])
		return append(data[:n], 0xff, jpeg.EOI)
	case "eoi_missing.jpg":
		return append(data, 0xff, jpeg.EOI)
	case "zeros_then_jpeg.mjpeg":
		return bytes.TrimLeft(data, "\x00")
	}
	return data
}

// TestInputs plays each of them, as a file and from a folder. What a viewer gets is the first
// picture in it, exact.
func TestInputs(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.*")
	if err != nil || len(inputs) != 7 {
		t.Fatalf("%q, %v", inputs, err)
	}
	for _, path := range inputs {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(path)
			must(t, err)
			want := pixels(t, decodable(t, name, data))
			if want.Rect != image.Rect(0, 0, 640, 480) {
				t.Fatalf("the input is %v", want.Rect)
			}
			folder := t.TempDir()
			write(t, filepath.Join(folder, strings.TrimSuffix(name, ".mjpeg")+".jpg"), data)
			frames := map[string]int{path: 1, folder: 1}
			if name == "zeros_then_jpeg.mjpeg" {
				frames[path] = 2
			}
			for path, frames := range frames {
				s, h := openSource(t, path, Options{})
				h.RunFor(10 * interval)
				if len(h.Frames) != frames || s.Figures().Broken != 0 || !slices.Equal(h.Reports, []string{"live", "ended"}) {
					t.Fatalf("%s: %d frames, want %d; %+v, %q", path, len(h.Frames), frames, s.Figures(), h.Reports)
				}
				for _, f := range h.Frames {
					if f.Params.Width != 640 || f.Params.Height != 480 {
						t.Errorf("%s: %dx%d", path, f.Params.Width, f.Params.Height)
					}
					if !isExact(pixels(t, received(t, f.Bytes)), want) {
						t.Errorf("%s: other pixels", path)
					}
				}
			}
		})
	}
}

// TestOrientationIsLoggedOnce plays a picture that lies on its side.
func TestOrientationIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	_, h := openSource(t, "testdata/exif_thumb_rot6.jpg", Options{Loop: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	h.RunFor(10 * interval)
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "orientation=6") {
		t.Errorf("the log says %q", log.String())
	}
	if len(h.Frames) < 5 {
		t.Errorf("%d frames", len(h.Frames))
	}
}

// TestFirstPictureThatIsRefused fails the source at its start, and later no more.
func TestFirstPictureThatIsRefused(t *testing.T) {
	a, b := picture(t, 10), picture(t, 60)
	refuse := func(p []byte) error {
		if bytes.Equal(p, b) {
			return os.ErrInvalid
		}
		return nil
	}
	_, h := openSource(t, write(t, "clip.mjpeg", b, a), Options{Check: refuse, Loop: true})
	play(t, h, 3)
	if len(h.Reports) != 1 || !strings.HasPrefix(h.Reports[0], "failed: ") || !strings.HasSuffix(h.Reports[0], "clip.mjpeg: invalid argument") {
		t.Errorf("reports %q, want the reason", h.Reports)
	}
	_, h = openSource(t, write(t, "clip.mjpeg", a, b), Options{Check: refuse, Loop: true})
	play(t, h, 3, a, b, a)
}
