package attack

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestBadFiles has the daemon broadcast files with pictures that are broken, or none, and readers
// of these.
func TestBadFiles(t *testing.T) {
	folder := t.TempDir()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewYCbCr(image.Rect(0, 0, 640, 480), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	args := []string{}
	for name, content := range badFiles(picture.Bytes()) {
		path := filepath.Join(folder, name+".mjpeg")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name+"="+path+"?fps=100&loop=1")
	}
	h := newHall(t, surroundings{args: args})
	h.judge(func(t *testing.T, s *strike) {
		for name := range badFiles(picture.Bytes()) {
			s.connections(load(50), 5, func(c *connection) error {
				request := "SETUP " + s.to.url(name) + "/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: " + overTCP + "\r\n\r\n"
				go c.drop()
				return c.every(500*time.Millisecond, []byte(request))
			})
		}
	})
}

// badFiles are files by names of streams.
func badFiles(picture []byte) map[string][]byte {
	junk := make([]byte, 1<<20)
	for i := range junk {
		junk[i] = byte(rand.Uint32())
	}
	huge := bytes.Clone(picture) // says that it is 65535 pixels wide
	if at := bytes.Index(huge, []byte{0xff, 0xc0}); at >= 0 {
		copy(huge[at+5:], []byte{0xff, 0xff, 0xff, 0xff})
	}
	var flipped []byte
	for i := range 100 {
		p := bytes.Clone(picture)
		p[rand.IntN(len(p))] ^= 1 << (i % 8)
		flipped = append(flipped, p...)
	}
	files := map[string][]byte{
		"huge": bytes.Repeat(huge, 50), "flipped": flipped, "junk": junk,
		"cut": bytes.Repeat(picture[:len(picture)/2], 100), "starts": bytes.Repeat([]byte{0xff, 0xd8}, 100_000),
	}
	for name, broken := range files { // one that begins well: the daemon refuses others when it starts
		files[name] = slices.Concat(bytes.Repeat(picture, 3), broken)
	}
	return files
}
