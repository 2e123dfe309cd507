package http_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/whep"
)

// booth opens sessions of WebRTC as cast/webrtc does, as far as HTTP is concerned. It belongs to the loop.
type booth struct {
	b        *cast.Broadcaster
	sessions map[string]*cast.Session
	asked    []cast.Request
	delays   []cast.PlayoutDelay
	// restarted are the restarts of ICE.
	restarted []string
}

const boothTag, boothUfrag = "tag", "EsAw"

func (b *booth) Restart(name string, r cast.Request, f *whep.Fragment) (tag string, answer []byte, err error) {
	if f.Ufrag == "late" {
		return "", nil, &cast.Refusal{Kind: cast.NotCarried, Reason: "it cannot"}
	}
	b.restarted = append(b.restarted, name+" "+f.Ufrag+" "+r.Local.Addr().String())
	return "newtag", []byte("a=ice-lite\r\n"), nil
}

func (b *booth) Open(stream *cast.Stream, r cast.Request, g cast.Grant, o *whep.Offer, delay cast.PlayoutDelay) (name, tag string, answer []byte, err error) {
	if stream.Params().Format != media.H264 {
		return "", "", nil, &cast.Refusal{Kind: cast.NotCarried, Reason: "it is no H.264"}
	}
	b.asked, b.delays = append(b.asked, r), append(b.delays, delay)
	name = fmt.Sprint("session", len(b.asked))
	b.sessions[name], err = b.b.OpenSession(cast.SessionOptions{Stream: stream, Protocol: cast.WebRTC, Peer: r.Peer, Grant: g, Ended: func(string) { delete(b.sessions, name) }})
	return name, boothTag, []byte("v=0\r\n"), err
}

func (b *booth) Find(stream, name, user string) (session *cast.Session, tag, ufrag string) {
	if one := b.sessions[name]; one != nil && one.Stream().Name() == stream && one.User() == user {
		return one, boothTag, boothUfrag
	}
	return nil, "", ""
}

// named is a gate that takes the name in a request's user for proved.
type named struct{ protocols []cast.Protocol }

func (n *named) Admit(r cast.Request, answer func(cast.Grant, error)) {
	n.protocols = append(n.protocols, r.Protocol)
	if r.User() == "" {
		answer(cast.Grant{}, &cast.Refusal{Kind: cast.Unauthorized})
		return
	}
	answer(cast.Grant{User: r.User()}, nil)
}

// newBooth is a site with a stream of H.264.
func newBooth(t *testing.T, change func(*cast.Config)) (*site, *booth) {
	t.Helper()
	b := &booth{sessions: map[string]*cast.Session{}}
	w := newSiteWith(t, change, front.Options{WHEP: b})
	b.b = w.b
	w.do(func() {
		if _, err := w.b.AddStream("film", nil, cast.StreamOptions{Params: &media.Params{Format: media.H264, Width: 64, Height: 48}}); err != nil {
			t.Error(err)
		}
	})
	return w, b
}

// ask makes a request. header has names and values in turn.
func (w *site) ask(method, path, body string, header ...string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.read(answer)
}

// read reads an answer to its end.
func (w *site) read(answer *http.Response) (*http.Response, string) {
	w.t.Helper()
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, string(text)
}

// chromium is an offer.
func chromium(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const (
	contentType = "Content-Type"
	sdp         = "application/sdp"
	fragment    = "application/trickle-ice-sdpfrag"
)

// TestWHEPDelay asks for frames to be held, and not.
func TestWHEPDelay(t *testing.T) {
	w, booth := newBooth(t, nil)
	for _, query := range []string{"", "?delay=80ms", "?delay=0s"} {
		if answer, text := w.ask("POST", "/film/whep"+query, chromium(t), contentType, sdp); answer.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %v %q", query, answer.Status, text)
		}
	}
	held := cast.PlayoutDelay{Min: 80 * time.Millisecond, Max: 80 * time.Millisecond}
	w.do(func() {
		if want := []cast.PlayoutDelay{{}, held, {}}; !slices.Equal(booth.delays, want) {
			t.Errorf("delays %v, want %v", booth.delays, want)
		}
	})
}

func TestWHEPRefuses(t *testing.T) {
	w, booth := newBooth(t, nil)
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	offer := chromium(t)
	for _, c := range []struct {
		path, body string
		header     []string
		want       int
		says       string
	}{
		{"/film/whep", offer, nil, 415, "application/sdp"},
		{"/film/whep", offer, []string{contentType, "text/plain"}, 415, "application/sdp"}, // which pages of other sites may send
		{"/film/whep", "", []string{contentType, sdp}, 400, "SDP"},
		{"/film/whep?delay=late", offer, []string{contentType, sdp}, 400, "delay must be 0s to 40.95s, such as 80ms"},
		{"/film/whep?delay=-1ms", offer, []string{contentType, sdp}, 400, "delay must be"},
		{"/film/whep?delay=41s", offer, []string{contentType, sdp}, 400, "delay must be"},
		{"/film/whep?delay=1s&delay=2s", offer, []string{contentType, sdp}, 400, "delay must be"},
		{"/film/whep", "nonsense", []string{contentType, sdp}, 400, "SDP"},
		{"/film/whep", strings.Repeat("a", 1<<20), []string{contentType, sdp}, 413, "large"},
		{"/film/whep", strings.ReplaceAll(offer, "H264", "VP8"), []string{contentType, sdp}, 406, "H.264"},
		{"/cam/whep", offer, []string{contentType, sdp}, 406, "no H.264"},
		{"/none/whep", offer, []string{contentType, sdp}, 404, "no such stream\n/cam.mjpg /cam.mp4 /cam.jpg /cam.sdp /cam/whep\n"},
		{"/none/whep", "nonsense", []string{contentType, sdp}, 404, "no such stream"},
		{"/film/whep", offer, []string{contentType, sdp, "Sec-Fetch-Site", "cross-site"}, 403, "other sites"},
		{"/film/whep", offer, []string{contentType, sdp, "Origin", "https://evil.example"}, 403, "other sites"},
		{"/film/whep", offer, []string{contentType, sdp, "Origin", "http://203.0.113.66"}, 403, "other sites"},
		{"/film/whep", offer, []string{contentType, sdp, "Origin", "null"}, 403, "other sites"},
		{"/film/whep", offer, []string{contentType, sdp, "Host", "evil.example"}, 403, "name"},
	} {
		if answer, text := w.ask("POST", c.path, c.body, c.header...); answer.StatusCode != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s %v: %v %q, want %d", c.path, c.header, answer.Status, text, c.want)
		}
	}
	w.do(func() {
		if len(booth.asked) > 0 {
			t.Errorf("%d sessions", len(booth.asked))
		}
	})
	bare := newSite(t, nil)
	if answer, text := bare.ask("POST", "/cam/whep", offer, contentType, sdp); answer.StatusCode != http.StatusNotFound || !strings.Contains(text, "WebRTC is off here: watch /cam.mp4") {
		t.Errorf("without WebRTC: %v %q", answer.Status, text)
	}
	if _, text := bare.ask("GET", "/none.mp4", ""); strings.Contains(text, "whep") {
		t.Errorf("without WebRTC: %q", text)
	}
}

// TestWHEPOfSites has pages of this machine and of sites that are allowed read the answers.
func TestWHEPOfSites(t *testing.T) {
	w, _ := newBooth(t, nil)
	for _, origin := range []string{"https://cams.example.org", "http://watcher.local:8080", w.url, "http://127.0.0.1:9"} {
		answer, _ := w.ask("OPTIONS", "/film/whep", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		h := answer.Header
		if answer.StatusCode != http.StatusOK || h.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
			!strings.Contains(h.Get("Access-Control-Allow-Headers"), "Content-Type") || h.Get("Accept-Post") != sdp || h.Get("Vary") != "Origin" {
			t.Errorf("%s: %v %v", origin, answer.Status, h)
		}
		answer, _ = w.ask("POST", "/film/whep", chromium(t), contentType, sdp, "Origin", origin)
		if answer.StatusCode != http.StatusCreated || !strings.Contains(answer.Header.Get("Access-Control-Expose-Headers"), "Location") {
			t.Errorf("%s: %v %v", origin, answer.Status, answer.Header)
		}
	}
	if answer, _ := w.ask("OPTIONS", "/film/whep", "", "Origin", "http://evil.example"); answer.StatusCode != http.StatusForbidden || answer.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another site: %v %v", answer.Status, answer.Header)
	}
}

// TestWHEPGate has the gate be asked first, and sessions be their users' alone.
func TestWHEPGate(t *testing.T) {
	gate := &named{}
	w, booth := newBooth(t, func(c *cast.Config) { c.Gate, c.AllowBasic = gate, true })
	for _, body := range []string{chromium(t), "nonsense"} {
		for _, path := range []string{"/film/whep", "/none/whep"} {
			if answer, _ := w.ask("POST", path, body, contentType, sdp); answer.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: %v", path, answer.Status)
			}
		}
	}
	anna, bert := "Basic YW5uYTp4", "Basic YmVydDp4"
	answer, text := w.ask("POST", "/film/whep", chromium(t), contentType, sdp, "Authorization", anna)
	if answer.StatusCode != http.StatusCreated {
		t.Fatalf("%v %q", answer.Status, text)
	}
	location := answer.Header.Get("Location")
	for _, c := range []struct {
		who  string
		want int
	}{{"", 401}, {bert, 404}, {anna, 200}} {
		header := []string{}
		if c.who != "" {
			header = append(header, "Authorization", c.who)
		}
		if want := c.want; want >= 400 { // nobody else restarts ICE
			if answer, text := w.ask("PATCH", location, restart("ysXw"), append(header, contentType, fragment, "If-Match", "*")...); answer.StatusCode != want {
				t.Errorf("%q restarts ICE: %v %q, want %d", c.who, answer.Status, text, want)
			}
		}
		if answer, text := w.ask("DELETE", location, "", header...); answer.StatusCode != c.want {
			t.Errorf("%q: %v %q, want %d", c.who, answer.Status, text, c.want)
		}
	}
	w.do(func() {
		for _, p := range gate.protocols {
			if p != cast.WebRTC {
				t.Errorf("the gate is told %v", p)
			}
		}
		if len(booth.asked) != 1 {
			t.Errorf("%d sessions", len(booth.asked))
		}
	})
}
