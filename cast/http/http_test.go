package http_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

// site is a server on this machine's kernel, whose loop runs on a goroutine of its own.
type site struct {
	t    *testing.T
	loop *loop.Loop
	b    *cast.Broadcaster
	cam  *cast.Stream
	s    *front.Server
	url  string
}

func newSite(t *testing.T, change func(*cast.Config)) *site {
	t.Helper()
	return newSiteWith(t, change, front.Options{})
}

func newSiteWith(t *testing.T, change func(*cast.Config), o front.Options) *site {
	t.Helper()
	o.Origins, o.Hostname = []string{"cams.example.org"}, "watcher"
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	config := cast.Config{HTTP: true}
	if change != nil {
		change(&config)
	}
	w := &site{t: t, loop: l}
	if w.b, err = cast.New(l, config); err != nil {
		t.Fatal(err)
	}
	if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	if w.s, err = front.Serve(w.b, netip.MustParseAddrPort("127.0.0.1:0"), o); err != nil {
		t.Fatal(err)
	}
	w.url = fmt.Sprintf("http://127.0.0.1:%d", w.s.Port())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		w.do(func() { _ = w.s.Close(); _ = w.b.Close() })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *site) do(f func()) {
	w.t.Helper()
	if err := w.loop.Do(context.Background(), f); err != nil {
		w.t.Error(err)
	}
}

// jpegOf is a picture of a size and a shade.
func jpegOf(t testing.TB, width, height int, shade byte) []byte {
	t.Helper()
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for i := range img.Y {
		img.Y[i] = shade
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (w *site) publish(format media.Format, p []byte, width, height int) {
	w.t.Helper()
	w.do(func() {
		f := media.Frame{Params: &media.Params{Format: format, Width: width, Height: height, FramesPerSecond: 30}, Bytes: p, Key: true}
		if err := w.cam.Publish(f); err != nil {
			w.t.Error(err)
		}
	})
}

// get makes a GET request. header has names and values in turn.
func (w *site) get(path string, header ...string) (*http.Response, []byte) {
	w.t.Helper()
	answer, text := w.ask(http.MethodGet, path, "", header...)
	return answer, []byte(text)
}

func TestPicture(t *testing.T) {
	w := newSite(t, nil)
	p := jpegOf(t, 2560, 1440, 100) // larger than RTP can carry
	w.publish(media.JPEG, p, 2560, 1440)
	answer, body := w.get("/cam.jpg")
	if answer.StatusCode != 200 || !bytes.Equal(body, p) || answer.Header.Get("Content-Type") != "image/jpeg" ||
		answer.Header.Get("X-Frame-Age-Ms") == "" || answer.Header.Get("Last-Modified") == "" {
		t.Fatalf("%v, %d bytes of %d: %v", answer.Status, len(body), len(p), answer.Header)
	}
	if known, _ := w.get("/cam.jpg", "If-None-Match", answer.Header.Get("ETag")); known.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %v", known.Status)
	}
	head, err := http.Head(w.url + "/cam.jpg")
	if err != nil || head.StatusCode != 200 || head.ContentLength != int64(len(p)) {
		t.Errorf("HEAD: %v, %v", head, err)
	}
	head.Body.Close()
	if sdp, text := w.get("/cam.sdp"); sdp.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "too large") {
		t.Errorf("the SDP of what RTP cannot carry: %v %q", sdp.Status, text)
	}
}

func TestSDP(t *testing.T) {
	w := newSite(t, nil)
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	answer, body := w.get("/cam.sdp")
	if answer.Header.Get("Content-Type") != "application/sdp" || !bytes.Contains(body, []byte("m=video")) {
		t.Errorf("%v %q", answer.Status, body)
	}
}

func TestRefusals(t *testing.T) {
	w := newSite(t, nil)
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	port := fmt.Sprint(w.s.Port())
	for _, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{"/none.jpg", nil, 404}, {"/none.mjpg", nil, 404}, {"/", nil, 200}, {"/page/none.js", nil, 404}, {"/page/index.html", nil, 404}, {"/cam", nil, 404}, {"/..%2fcam.jpg", nil, 404},
		{"/cam.mjpg?fps=0", nil, 400}, {"/cam.mjpg?fps=NaN", nil, 400}, {"/cam.mjpg?fps=1&fps=2", nil, 400},
		{"/cam.jpg", []string{"Sec-Fetch-Site", "cross-site"}, 403}, {"/cam.jpg", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"/cam.jpg", []string{"Host", "evil.example"}, 403}, {"/cam.jpg", []string{"Host", "evil.example:" + port}, 403},
		{"/cam.jpg", []string{"Host", "cams.example.org:" + port}, 200}, {"/cam.jpg", []string{"Host", "Watcher.local"}, 200},
		{"/cam.jpg", []string{"Host", "localhost:1"}, 200}, {"/cam.jpg", []string{"Host", "[::1]:8080"}, 200}, {"/cam.jpg", []string{"Host", "10.0.0.1"}, 200},
		{"/cam.mjpg", []string{"Host", "localhost.evil.example"}, 403},
	} {
		if answer, body := w.get(c.path, c.header...); answer.StatusCode != c.want {
			t.Errorf("%s %v: %v %q, want %d", c.path, c.header, answer.Status, body, c.want)
		}
	}
	if answer, body := w.get("/none"); !strings.Contains(string(body), "/cam.mjpg") {
		t.Errorf("the list: %v %q", answer.Status, body)
	}
	if answer, err := http.Post(w.url+"/cam.jpg", "text/plain", nil); err != nil || answer.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", answer, err)
	}
}

func TestNotJPEG(t *testing.T) {
	w := newSite(t, nil)
	w.do(func() {
		w.b.Stream("cam").Close()
		var err error
		if w.cam, err = w.b.AddStream("cam", nil, cast.StreamOptions{Params: &media.Params{Format: media.H264, Width: 64, Height: 48}}); err != nil {
			t.Error(err)
		}
	})
	for _, path := range []string{"/cam.jpg", "/cam.mjpg"} {
		if answer, body := w.get(path); answer.StatusCode != http.StatusNotAcceptable || !strings.Contains(string(body), "H.264") && !strings.Contains(string(body), "H264") {
			t.Errorf("%s: %v %q", path, answer.Status, body)
		}
	}
}

// closed is a gate as of --auth, for somebody without a password.
type closed struct{}

func (closed) Admit(_ cast.Request, answer func(cast.Grant, error)) {
	answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized})
}

func TestGate(t *testing.T) {
	w := newSite(t, func(c *cast.Config) { c.Gate = closed{} })
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	for _, path := range []string{"/cam.jpg", "/cam.mjpg", "/cam.sdp", "/none.jpg", "/", "/api/v1/streams"} {
		if answer, body := w.get(path); answer.StatusCode != http.StatusUnauthorized || strings.Contains(string(body), "cam.") {
			t.Errorf("%s: %v %q", path, answer.Status, body)
		}
	}
	if answer, body := w.get("/none"); answer.StatusCode != 404 || strings.Contains(string(body), "cam") {
		t.Errorf("the list: %v %q", answer.Status, body)
	}
}

func TestAllow(t *testing.T) {
	w := newSite(t, func(c *cast.Config) { c.Allow.HTTP = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} })
	if answer, err := http.Get(w.url + "/cam.jpg"); err == nil {
		t.Errorf("%v", answer.Status)
	}
}

// TestParts watches a stream, behind which another request was sent at once.
func TestParts(t *testing.T) {
	left := make(chan string, 1)
	w := newSite(t, func(c *cast.Config) { c.Left = func(_ *cast.Session, reason string) { left <- reason } })
	w.publish(media.JPEG, jpegOf(t, 64, 48, 0), 64, 48)
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	request := "GET /cam.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"
	if _, err := io.WriteString(c, request+request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "multipart/x-mixed-replace") {
		t.Fatalf("%v, %v", answer, err)
	}
	parts := multipart.NewReader(answer.Body, "camcast")
	for i := range 20 {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		p, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(p, jpegOf(t, 64, 48, byte(i))) {
			t.Fatalf("part %d: %d bytes, %v", i, len(p), err)
		}
		w.publish(media.JPEG, jpegOf(t, 64, 48, byte(i+1)), 64, 48)
	}
	w.do(func() {
		for s := range w.b.Sessions() {
			if f := s.Figures(); f.Frames != 21 || f.Lags != 0 || s.Protocol() != cast.HTTP || f.Peer.String() != c.LocalAddr().String() {
				t.Errorf("figures %+v of %v", f, s.Protocol())
			}
		}
	})
	if _, err := c.Write(make([]byte, 64<<10)); err != nil {
		t.Log(err) // the server may have closed it
	}
	if reason := <-left; reason != "too much was sent behind the request" {
		t.Errorf("left: %v", reason)
	}
	if n, err := io.Copy(io.Discard, answer.Body); err == nil && n > 1<<20 {
		t.Errorf("%d bytes more", n)
	}
}

// TestLimits has as many idle connections as there may be: a further one is closed, until one of them ends.
func TestLimits(t *testing.T) {
	w := newSite(t, func(c *cast.Config) { c.MaxConnections = 3 })
	at := strings.TrimPrefix(w.url, "http://")
	var all []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /none.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || answer.StatusCode != 404 {
			t.Fatalf("%v, %v", answer, err)
		}
		all = append(all, c)
	}
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes of one too many", n)
	}
	all[0].Close()
	for tries := 0; ; tries++ { // the server learns of the end soon
		if answer, err := http.Get(w.url + "/none.jpg"); err == nil && answer.StatusCode == 404 {
			answer.Body.Close()
			return
		}
		if tries == 1000 {
			t.Fatal("the end of a connection is not counted")
		}
	}
}

// TestHugeHeader sends a header without an end.
func TestHugeHeader(t *testing.T) {
	w := newSite(t, nil)
	c, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err = io.WriteString(c, "GET /cam.jpg HTTP/1.1\r\nHost: localhost\r\nX: "); err != nil {
		t.Fatal(err)
	}
	sent, most := 0, 1<<30
	for chunk := bytes.Repeat([]byte{'a'}, 64<<10); sent < most; sent += len(chunk) {
		if _, err = c.Write(chunk); err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("%d bytes of header were taken", sent)
	}
}

// TestNeverReads has a viewer read nothing while others watch: it costs them nothing, and the server is
// closed while it is there.
func TestNeverReads(t *testing.T) {
	w := newSite(t, nil)
	w.publish(media.JPEG, jpegOf(t, 640, 480, 0), 640, 480)
	deaf, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err = io.WriteString(deaf, "GET /cam.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(w.url + "/cam.mjpg")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	parts := multipart.NewReader(answer.Body, "camcast")
	picture := append(jpegOf(t, 640, 480, 7), make([]byte, 200_000)...)
	for range 100 {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.Copy(io.Discard, part); err != nil {
			t.Fatal(err)
		}
		w.publish(media.JPEG, picture, 640, 480)
	}
	w.do(func() {
		var frames []uint64
		for s := range w.b.Sessions() {
			frames = append(frames, s.Figures().Frames)
		}
		slices.Sort(frames)
		if len(frames) != 2 || frames[0] > 60 || frames[1] < 100 {
			t.Errorf("frames sent: %v", frames)
		}
	})
}
