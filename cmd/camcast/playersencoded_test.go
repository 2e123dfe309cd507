//go:build players

package main

import (
	"bytes"
	"image"
	"image/color"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/camcast/camcast/capture/testcard"
	"golang.org/x/sys/unix"
)

// encodedStream is a stream of a test card that was encoded to H.264.
type encodedStream struct {
	name          string
	width, height int
}

// watchEncoded has ffmpeg play a stream and wants it to find no error, all frames in their order, and the bars in
// their colours, within 3 levels of red, green and blue.
func watchEncoded(t *testing.T, url string, s encodedStream, frames int) {
	var stderr bytes.Buffer
	c := exec.Command("timeout", "40", "ffmpeg", "-v", "error", "-err_detect", "explode", "-rtsp_transport", "tcp", "-analyzeduration", "300000", "-i", url,
		"-frames:v", strconv.Itoa(frames), "-fps_mode", "passthrough", "-vf", "scale=flags=accurate_rnd+full_chroma_int", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	c.Stderr = &stderr
	out, err := c.Output()
	size := 3 * s.width * s.height
	if said := stderr.String(); err != nil || len(out) != frames*size || said != "" {
		t.Errorf("%s: ffmpeg: %v, %d of %d bytes: %s", s.name, err, len(out), frames*size, said)
		return
	}
	var before uint32
	for i := range frames {
		picture := &image.NRGBA{Pix: make([]byte, 4*s.width*s.height), Stride: 4 * s.width, Rect: image.Rect(0, 0, s.width, s.height)}
		for p := range s.width * s.height {
			copy(picture.Pix[4*p:], out[i*size+3*p:][:3])
			picture.Pix[4*p+3] = 255
		}
		if s.name == "cam" { // in the others the number is scaled, too
			number, _, err := testcard.Read(picture)
			if err != nil || number <= before { // a busy machine skips some
				t.Errorf("%s: picture %d is number %d after %d: %v", s.name, i, number, before, err)
				return
			}
			before = number
		}
		for n, want := range []color.NRGBA{
			{191, 191, 191, 255}, {191, 191, 0, 255}, {0, 191, 191, 255}, {0, 191, 0, 255}, {191, 0, 191, 255}, {191, 0, 0, 255}, {0, 0, 191, 255},
		} {
			got := picture.NRGBAAt((2*n+1)*s.width/14, s.height/10)
			if off(got.R, want.R) > 3 || off(got.G, want.G) > 3 || off(got.B, want.B) > 3 {
				t.Errorf("%s: picture %d: bar %d is %v, want %v", s.name, i, n, got, want)
				return
			}
		}
	}
}

func off(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

// TestEncodedInPlayers encodes the test card in three sizes at once, two of them made of the first.
func TestEncodedInPlayers(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "testcard:?size=640x480&fps=15&encode=h264&bitrate=2M&keyframe=1s", "mid=cam?size=320x240&encode=h264&bitrate=1M", "low=cam?size=160x120&encode=h264&bitrate=300k")
	if !strings.Contains(d.stdout, "mid: test card, 320x240 at 15 frames/s, drawn, encoded to H.264 by OpenH264 2.") {
		t.Errorf("the announcement does not say who encodes what:\n%s", d.stdout)
	}
	var all sync.WaitGroup
	for _, s := range []encodedStream{{"cam", 640, 480}, {"mid", 320, 240}, {"low", 160, 120}} {
		all.Go(func() { watchEncoded(t, strings.TrimSuffix(d.url(), "cam")+s.name, s, 30) })
	}
	all.Wait()
}

// TestEncodedSources encodes what an RTSP camera, a command and a FIFO deliver as JPEG: all of them the test card of
// another camcast.
func TestEncodedSources(t *testing.T) {
	t.Parallel()
	camera := startDaemon(t, "testcard:?size=320x240&fps=15")
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	copies := []string{"ffmpeg", "-v", "error", "-y", "-rtsp_transport", "tcp", "-analyzeduration", "300000", "-i", camera.url(), "-c", "copy", "-f", "mjpeg"}
	writer := exec.Command("timeout", append(append([]string{"60"}, copies...), fifo)...)
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = writer.Process.Kill()
		_ = writer.Wait()
	})
	const options = "encode=h264&bitrate=1M&keyframe=1s"
	d := startDaemon(t, "exec?fps=15&"+options+":exec "+strings.Join(copies, " ")+" -", "camera="+camera.url()+"?transport=tcp&"+options, "fifo="+fifo+"?fps=15&"+options)
	names := []string{"cam", "camera", "fifo"}
	for _, name := range names {
		if !regexp.MustCompile("(?m)^" + name + ": .*encoded to H.264").MatchString(d.stdout) {
			d.awaitLog("source is open", "stream="+name) // the machine is slow
		}
	}
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() { watchEncoded(t, strings.TrimSuffix(d.url(), "cam")+name, encodedStream{name, 320, 240}, 20) })
	}
	all.Wait()
}

var announcedMovie = regexp.MustCompile(`http://\S+/cam\.mp4`)

// TestEncodedFile encodes a film of JPEG to H.264 by RTSP, while browsers get its pictures as they are.
func TestEncodedFile(t *testing.T) {
	folder := t.TempDir()
	film := filepath.Join(folder, "film.mjpeg")
	if out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-frames:v", "25", "-c:v", "mjpeg", "-huffman", "0", film).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := startDaemon(t, "--http", "127.0.0.1:0", film+"?loop=1&encode=h264")
	out, err := exec.Command("timeout", "30", "ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name,width,height,color_range", "-of", "csv=p=0", d.url()).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "h264,320,240,pc" {
		t.Errorf("%v, %q", err, got)
	}
	movie := announcedMovie.FindString(d.stdout)
	answer, err := http.Get(strings.Replace(movie, ".mp4", ".jpg", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	picture, err := io.ReadAll(answer.Body)
	data, fileErr := os.ReadFile(film)
	if err != nil || fileErr != nil || answer.StatusCode != 200 || !bytes.Contains(data, picture) || len(picture) < 1000 {
		t.Errorf("%v, %s, %d bytes that are no picture of the file", err, answer.Status, len(picture))
	}
	parts, err := http.Get(strings.Replace(movie, ".mp4", ".mjpg", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer parts.Body.Close()
	if _, err := io.ReadFull(parts.Body, make([]byte, len(data)/4)); err != nil {
		t.Error(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	d.awaitLog("cam: ", "0 readers")
	d.awaitLog("cam (JPEG): ", "1 reader")
}

// TestMovieOfJPEG plays a stream of JPEG as MP4: it is encoded for those who watch that.
func TestMovieOfJPEG(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "testcard:?size=320x240&fps=15")
	out, err := exec.Command("timeout", "30", "ffmpeg", "-v", "error", "-i", d.pictureURL()+".mp4", "-frames:v", "15", "-f", "framemd5", "-").Output()
	if n := strings.Count(string(out), "\n0,"); err != nil || n != 15 {
		t.Errorf("%v, %d frames, want 15", err, n)
	}
}
