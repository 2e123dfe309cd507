//go:build players

package main

import (
	"bytes"
	"image/jpeg"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/camcast/camcast/capture/testcard"
)

// These tests have players and libraries take streams and pictures over HTTP.

func startHTTP(t *testing.T) (d *daemon, url string) {
	t.Helper()
	d = startDaemon(t, "--http", "127.0.0.1:0", cardSource)
	return d, d.pictureURL()
}

func TestHTTPFFmpeg(t *testing.T) {
	t.Parallel()
	d, url := startHTTP(t)
	playRaw(t, "ffmpeg", ffmpegArgs("-f", "mpjpeg", "-i", url+".mjpg")...)
	d.awaitLog("reader left", "protocol=http", "lags=0")
}

func TestHTTPGStreamer(t *testing.T) {
	t.Parallel()
	_, url := startHTTP(t)
	playRaw(t, "gst-launch-1.0", append([]string{"-q", "souphttpsrc", "location=" + url + ".mjpg", "is-live=true"},
		strings.Fields("! multipartdemux ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1 sync=false")...)...)
}

func TestHTTPCurl(t *testing.T) {
	_, url := startHTTP(t)
	out, err := exec.Command("timeout", "-k", "2", "30", "curl", "-sf", url+".jpg").Output()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := jpeg.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := testcard.Read(picture); err != nil {
		t.Error(err)
	}
}

// TestHTTPWithPassword has players prove a password.
func TestHTTPWithPassword(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "--auth", writeUsers(t), cardSource)
	playSome(t, "ffmpeg", ffmpegArgs("-f", "mpjpeg", "-i", strings.Replace(d.pictureURL(), "://", "://"+url.UserPassword("anna", annasPassword).String()+"@", 1)+".mjpg")...)
	d.awaitLog("reader joined", "protocol=http", "user=anna")
	playSome(t, "gst-launch-1.0", append([]string{"-q", "souphttpsrc", "location=" + d.pictureURL() + ".mjpg", "user-id=anna", "user-pw=" + annasPassword, "is-live=true"},
		strings.Fields("! multipartdemux ! jpegdec ! videoconvert ! video/x-raw,format=I420 ! fdsink fd=1 sync=false")...)...)
	for password, want := range map[string]string{annasPassword: "200", "wrong": "401"} {
		out, err := exec.Command("timeout", "-k", "2", "30", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--digest", "-u", "anna:"+password, d.pictureURL()+".jpg").Output()
		if err != nil || string(out) != want {
			t.Errorf("curl: %v, %s, want %s", err, out, want)
		}
	}
}

func TestHTTPOpenCV(t *testing.T) {
	t.Parallel()
	_, url := startHTTP(t)
	program := "import cv2\nc = cv2.VideoCapture('" + url + ".mjpg')\nprint([c.read()[1].shape for _ in range(60)] == [(480, 640, 3)] * 60)"
	out, err := exec.Command("timeout", "-k", "2", "30", "/usr/bin/python3", "-c", program).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "True") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestHTTPMovie plays files of H.264 and H.265 that begin with their viewer, as MP4: each picture that comes out is the one
// that ffmpeg decodes from the file.
func TestHTTPMovie(t *testing.T) {
	for _, e := range codings {
		if e.name != "baseline" && e.name != "B-frames" && e.name != "H.265, open groups" {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			c := makeCoded(t, e, codedFrames)
			play := func() string { return startDaemon(t, "--http", "127.0.0.1:0", c.path).pictureURL() + ".mp4" }
			out, err := runPlayer([]string{"ffmpeg", "-nostdin", "-v", "error", "-i", play(), "-fps_mode", "passthrough", "-f", "framemd5", "-"}, false)
			if err != nil {
				t.Error(err)
			} else if err := c.check(pictureHashes(string(out)), false); err != nil {
				t.Errorf("ffmpeg: %v", err)
			}
			pipeline := "souphttpsrc location=" + play() + " is-live=true ! qtdemux ! " + c.extension() + "parse ! video/x-" + c.extension() + ",stream-format=byte-stream,alignment=au ! fdsink fd=1"
			if out, err = runPlayer(append([]string{"gst-launch-1.0", "-q"}, strings.Fields(pipeline)...), false); err != nil {
				t.Error(err)
			} else if got, err := decode("pipe:0", out); err != nil {
				t.Error(err)
			} else if err := c.check(got, false); err != nil {
				t.Errorf("GStreamer: %v", err)
			}
		})
	}
	t.Run("OpenCV", func(t *testing.T) {
		t.Parallel()
		c := makeCoded(t, codings[0], codedFrames)
		url := startDaemon(t, "--http", "127.0.0.1:0", c.path).pictureURL() + ".mp4"
		program := `import cv2, sys
def frames(at):
    c, all = cv2.VideoCapture(at), []
    while True:
        ok, f = c.read()
        if not ok: return all
        all.append(hash(f.tobytes()))
a, b = frames(sys.argv[1]), frames(sys.argv[2])
print(len(a), len(b), a == b)`
		out, err := exec.Command("timeout", "-k", "2", "40", "/usr/bin/python3", "-c", program, url, c.path).Output()
		if want := "125 125 True\n"; err != nil || string(out) != want {
			t.Errorf("%v: %s, want %s", err, out, want)
		}
	})
}
