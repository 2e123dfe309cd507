//go:build browser

package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/capture/capturetest"
	"github.com/camcast/camcast/capture/encode"
	"github.com/camcast/camcast/capture/m2m"
	"github.com/camcast/camcast/capture/testcard"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/nal"
)

// What encoders make of the test card, as files in ffmpeg and Chromium: they find no error, each picture is there, and the
// bars have their colours.

var filmTime = flag.Duration("film-time", 2*time.Second, "how long the films are that encoders make")

const (
	filmRate = 30
	// filmSample is how many frames there are from one whose number and bars are looked at to the next.
	filmSample = 30
	// mostOff is how far a bar's red, green and blue may be off, of 255 levels.
	mostOff = 3
)

// barsShown are the colours of the test card's bars.
var barsShown = []color.NRGBA{
	{191, 191, 191, 255}, {191, 191, 0, 255}, {0, 191, 191, 255}, {0, 191, 0, 255}, {191, 0, 191, 255}, {191, 0, 0, 255}, {0, 0, 191, 255},
}

// encoders are OpenH264, and the device if this machine has one.
func encoders() map[string]m2m.Device {
	all := map[string]m2m.Device{"OpenH264": {}}
	if device, ok := m2m.Find(m2m.H264); ok {
		all["device"] = device
	}
	return all
}

// writeFilm has an encoder make a film of the test card, on virtual time, and returns the file and how many pictures it
// was given. Its frame numbers begin with 1.
func writeFilm(t *testing.T, device m2m.Device, size image.Point) (film string, pictures int) {
	t.Helper()
	card, err := testcard.New(testcard.Options{Width: size.X, Height: size.Y, FramesPerSecond: filmRate, Pixels: true})
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := encode.NewH264(encode.H264Options{Device: device, DeviceFailed: func(err error) { t.Errorf("the device has failed: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	units := filepath.Join(t.TempDir(), "film.h264")
	file, err := os.Create(units)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out, unit := bufio.NewWriter(file), []byte(nil)
	h := capturetest.NewHost(t)
	h.OnFrame = func(f media.Frame) {
		h.Frames = h.Frames[:0]
		if pictures++; t.Failed() {
			return
		}
		coded, err := encoder.Encode(f, false)
		if err != nil {
			t.Errorf("picture %d: %v", pictures, err)
			return
		}
		var sets [][]byte
		if coded.Key {
			sets = coded.Params.ParameterSets
		}
		if unit, err = nal.AppendAnnexB(unit[:0], sets, coded.Bytes); err != nil {
			t.Error(err)
		}
		_, _ = out.Write(unit) // Flush has the error
	}
	h.Open(card)
	h.RunFor(*filmTime)
	h.Close()
	film = filepath.Join(filepath.Dir(units), "film.mp4")
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.Command("ffmpeg", "-v", "warning", "-f", "h264", "-framerate", fmt.Sprint(filmRate), "-i", units, "-c", "copy", film).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, said)
	}
	return film, pictures
}

// worstOf is how far the worst bar of a picture is off, which is where at says.
func worstOf(at func(x, y int) color.NRGBA, size image.Point) (worst int) {
	for n, want := range barsShown {
		got := at((2*n+1)*size.X/14, size.Y/10)
		worst = max(worst, apart(got.R, want.R), apart(got.G, want.G), apart(got.B, want.B))
	}
	return worst
}

func apart(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

// filmInFFmpeg has ffmpeg decode a film, count its frames, and give some of them.
func filmInFFmpeg(t *testing.T, film string, size image.Point, pictures int) {
	t.Helper()
	var stderr bytes.Buffer
	sums := filepath.Join(t.TempDir(), "sums")
	c := exec.Command("ffmpeg", "-v", "error", "-err_detect", "explode", "-xerror", "-i", film, "-fps_mode", "passthrough", "-f", "framecrc", sums,
		"-vf", fmt.Sprintf("select='not(mod(n,%d))',scale=flags=accurate_rnd+full_chroma_int", filmSample), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-")
	c.Stderr = &stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	worst, seen := 0, 0
	picture, rgb := image.NewNRGBA(image.Rectangle{Max: size}), make([]byte, 3*size.X*size.Y)
	for ; ; seen++ {
		if _, err := io.ReadFull(out, rgb); err != nil {
			break
		}
		for p := range size.X * size.Y {
			copy(picture.Pix[4*p:], rgb[3*p:][:3])
			picture.Pix[4*p+3] = 255
		}
		if number, _, err := testcard.Read(picture); err != nil || number != uint32(1+seen*filmSample) {
			t.Errorf("ffmpeg: picture %d is number %d: %v", 1+seen*filmSample, number, err)
		}
		worst = max(worst, worstOf(picture.NRGBAAt, size))
	}
	err = c.Wait()
	list, readErr := os.ReadFile(sums)
	frames := strings.Count(string(list), "\n0,")
	if err != nil || readErr != nil || stderr.Len() > 0 || frames != pictures || seen != (pictures+filmSample-1)/filmSample || worst > mostOff {
		t.Errorf("ffmpeg: %v, %d frames of %d, %d of them seen, bars off by %d: %s", errors.Join(err, readErr), frames, pictures, seen, worst, stderr.String())
	}
	t.Logf("ffmpeg: %d frames of %d, bars off by at most %d", frames, pictures, worst)
}

// playFilm plays a film to its end, and looks at the bars again and again.
const playFilm = `
	const video = document.querySelector("video");
	await new Promise(done => {
		video.onloadeddata = done;
		video.onerror = done;
		if (video.readyState >= 2 || video.error) done();
	});
	const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
	const context = canvas.getContext("2d", {willReadFrequently: true});
	const bars = [];
	const look = () => {
		context.drawImage(video, 0, 0);
		for (let n = 0; n < 7; n++) {
			bars.push(...context.getImageData(Math.floor((2*n+1)*video.videoWidth/14), Math.floor(video.videoHeight/10), 1, 1).data);
		}
	};
	video.ontimeupdate = look;
	const end = new Promise(done => { video.onended = done; video.onerror = done; });
	await video.play();
	await end;
	look();
	const quality = video.getVideoPlaybackQuality();
	return {Frames: quality.totalVideoFrames, Corrupted: quality.corruptedVideoFrames, HasEnded: video.ended, Error: video.error?.message ?? "",
		Width: video.videoWidth, Height: video.videoHeight, Bars: bars}`

// filmInChromium has Chromium play a film.
func filmInChromium(t *testing.T, film string, size image.Point, pictures int) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/film.mp4" {
			http.ServeFile(w, r, film)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><video muted playsinline preload="auto" src="film.mp4"></video>`)
	}))
	t.Cleanup(server.Close)
	b := newChromium(t)
	b.Open(server.URL)
	var shown struct {
		Frames, Corrupted, Width, Height int
		HasEnded                         bool
		Error                            string
		Bars                             []int
	}
	b.Eval(playFilm, &shown)
	worst, looks := 0, len(shown.Bars)/(4*len(barsShown))
	for look := range looks {
		bars := shown.Bars[look*4*len(barsShown):]
		worst = max(worst, worstOf(func(x, _ int) color.NRGBA {
			bar := bars[4*(x*7/size.X):]
			return color.NRGBA{byte(bar[0]), byte(bar[1]), byte(bar[2]), byte(bar[3])}
		}, size))
	}
	if shown.Error != "" || !shown.HasEnded || shown.Frames != pictures || shown.Corrupted > 0 || worst > mostOff || looks == 0 ||
		shown.Width != size.X || shown.Height != size.Y {
		shown.Bars = nil
		t.Errorf("Chromium: %+v of %d frames, bars off by %d in %d looks", shown, pictures, worst, looks)
	}
	t.Logf("Chromium: %d frames of %d, bars off by at most %d in %d looks", shown.Frames, pictures, worst, looks)
}

// TestFilmsOfEncoders has each encoder make films in three sizes, the last of which is no multiple of 16 or 8.
func TestFilmsOfEncoders(t *testing.T) {
	for name, device := range encoders() {
		for _, size := range []image.Point{{X: 320, Y: 240}, {X: 1280, Y: 720}, {X: 1918, Y: 1078}} {
			t.Run(fmt.Sprintf("%s/%dx%d", name, size.X, size.Y), func(t *testing.T) {
				film, pictures := writeFilm(t, device, size)
				if want := int(filmTime.Seconds() * filmRate); pictures < want-1 || pictures > want+1 {
					t.Fatalf("%d pictures in %v", pictures, *filmTime)
				}
				filmInFFmpeg(t, film, size, pictures)
				filmInChromium(t, film, size, pictures)
			})
		}
	}
}
