package http

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/media"
)

// guarded is a server with the streams cam and cam2, and the users anna, who may watch cam, and root.
type guarded struct {
	t    *testing.T
	loop *loop.Loop
	b    *cast.Broadcaster
	gate *auth.Gate
	s    *Server
}

const annasPassword = `open: "sesame"`

func usersOf(t *testing.T, annas string) *auth.Users {
	t.Helper()
	var all []auth.User
	for _, u := range []auth.User{{Name: "anna", Role: auth.View, Streams: []string{"cam"}}, {Name: "root", Role: auth.Admin}} {
		a1 := []byte(u.Name + ":" + cast.Realm + ":" + annas)
		u.Secret = cast.Secret{HA1MD5: md5.Sum(a1), HA1SHA256: sha256.Sum256(a1)} // cast.NewSecret takes long
		all = append(all, u)
	}
	users, err := auth.NewUsers(all...)
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func newGuarded(t *testing.T, change func(*cast.Config)) *guarded {
	t.Helper()
	l, err := loop.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &guarded{t: t, loop: l, gate: auth.NewGate(l, usersOf(t, annasPassword))}
	config := cast.Config{HTTP: true, Gate: w.gate}
	if change != nil {
		change(&config)
	}
	if w.b, err = cast.New(l, config); err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cam", "cam2"} {
		stream, err := w.b.AddStream(name, nil, cast.StreamOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Publish(media.Frame{Params: &media.Params{Format: media.JPEG, Width: 64, Height: 48}, Bytes: picture.Bytes()}); err != nil {
			t.Fatal(err)
		}
	}
	w.s = newServer(w.b, Options{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		w.do(func() { _ = w.b.Close() })
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = l.Close()
	})
	return w
}

func (w *guarded) do(f func()) {
	w.t.Helper()
	if err := w.loop.Do(context.Background(), f); err != nil {
		w.t.Error(err)
	}
}

// request is one of a client on this machine.
func request(path, authorization string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Host, r.RemoteAddr = "localhost", "192.0.2.7:5000"
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func (w *guarded) get(path, authorization string) *http.Response {
	w.t.Helper()
	answer := httptest.NewRecorder()
	w.s.ServeHTTP(answer, request(path, authorization))
	return answer.Result()
}

var nonceIn = regexp.MustCompile(`nonce="([^"]*)"`)

// nonce is a new one.
func (w *guarded) nonce() string {
	w.t.Helper()
	answer := w.get("/cam.jpg", "")
	found := nonceIn.FindStringSubmatch(answer.Header.Get("WWW-Authenticate"))
	if answer.StatusCode != http.StatusUnauthorized || found == nil {
		w.t.Fatalf("%v, %v", answer.Status, answer.Header)
	}
	return found[1]
}

// digest is what a client says that knows a password. A count of 0 is a digest without qop.
type digest struct {
	user, password, uri, nonce string
	count                      int
	bySHA256                   bool
}

func (d digest) String() string {
	h, algorithm := hash.Hash(md5.New()), "MD5"
	if d.bySHA256 {
		h, algorithm = sha256.New(), "SHA-256"
	}
	sum := func(text string) string {
		h.Reset()
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	middle, rest := d.nonce, ""
	if d.count > 0 {
		middle = fmt.Sprintf("%s:%08x:0a4f:auth", d.nonce, d.count)
		rest = fmt.Sprintf(`, qop=auth, cnonce="0a4f", nc=%08x`, d.count)
	}
	response := sum(sum(d.user+":camcast:"+d.password) + ":" + middle + ":" + sum("GET:"+d.uri))
	return fmt.Sprintf(`Digest username="%s", realm="camcast", nonce="%s", uri="%s", algorithm=%s, response="%s"%s`, d.user, d.nonce, d.uri, algorithm, response, rest)
}

func TestChallenge(t *testing.T) {
	for allowed, want := range map[bool][]string{
		false: {`^Digest realm="camcast", nonce="[0-9a-f]{64}", qop="auth", algorithm=SHA-256$`, `^Digest realm="camcast", nonce="[0-9a-f]{64}", qop="auth", algorithm=MD5$`},
		true:  {`^Digest `, `^Digest `, `^Basic realm="camcast"$`},
	} {
		w := newGuarded(t, func(c *cast.Config) { c.AllowBasic = allowed })
		for _, path := range []string{"/cam.jpg", "/cam.mjpg", "/cam.sdp", "/none.jpg"} {
			given := w.get(path, "").Header.Values("WWW-Authenticate")
			if len(given) != len(want) {
				t.Fatalf("%s: %q", path, given)
			}
			for i, pattern := range want {
				if !regexp.MustCompile(pattern).MatchString(given[i]) {
					t.Errorf("%s: %q, want %s", path, given[i], pattern)
				}
			}
		}
	}
}

func TestPasswords(t *testing.T) {
	w := newGuarded(t, nil)
	basic := request("/", "")
	basic.SetBasicAuth("anna", annasPassword)
	right := func() digest { return digest{"anna", annasPassword, "/cam.jpg", w.nonce(), 1, true} }
	changed := func(change func(*digest)) string { d := right(); change(&d); return d.String() }
	for name, c := range map[string]struct {
		path, authorization string
		want                int
	}{
		"SHA-256":         {"/cam.jpg", right().String(), 200},
		"MD5":             {"/cam.jpg", changed(func(d *digest) { d.bySHA256 = false }), 200},
		"not counted":     {"/cam.jpg", changed(func(d *digest) { d.bySHA256, d.count = false, 0 }), 200},
		"description":     {"/cam.sdp", changed(func(d *digest) { d.uri = "/cam.sdp" }), 200},
		"with a query":    {"/cam.jpg?x=1", changed(func(d *digest) { d.uri = "/cam.jpg?x=1" }), 200},
		"without a query": {"/cam.jpg?x=1", right().String(), 401},
		"another URL":     {"/cam.sdp", right().String(), 401},
		"not hers":        {"/cam2.jpg", changed(func(d *digest) { d.uri = "/cam2.jpg" }), 403},
		"unknown stream":  {"/none.jpg", changed(func(d *digest) { d.uri = "/none.jpg" }), 403},
		"root":            {"/cam2.jpg", changed(func(d *digest) { d.uri, d.user = "/cam2.jpg", "root" }), 200},
		"root, unknown":   {"/none.jpg", changed(func(d *digest) { d.uri, d.user = "/none.jpg", "root" }), 404},
		"wrong password":  {"/cam.jpg", changed(func(d *digest) { d.password = "x" }), 401},
		"unknown user":    {"/cam.jpg", changed(func(d *digest) { d.user = "she" }), 401},
		"Basic":           {"/cam.jpg", basic.Header.Get("Authorization"), 401},
		"nonsense":        {"/cam.jpg", "Digest x", 401},
	} {
		answer := w.get(c.path, c.authorization)
		if answer.StatusCode != c.want || (c.want == 401) != (answer.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: %v, %v", name, answer.Status, answer.Header)
		}
	}
	w = newGuarded(t, func(c *cast.Config) { c.AllowBasic = true })
	if answer := w.get("/cam.jpg", basic.Header.Get("Authorization")); answer.StatusCode != 200 {
		t.Errorf("Basic that is allowed: %v", answer.Status)
	}
}

// TestReplay sends what was sent before, by a client and by somebody who has overheard it.
func TestReplay(t *testing.T) {
	w := newGuarded(t, nil)
	d := digest{"anna", annasPassword, "/cam.jpg", w.nonce(), 1, true}
	for i, c := range []struct{ count, want int }{{1, 200}, {1, 401}, {3, 200}, {2, 200}, {2, 401}, {4, 200}} {
		d.count = c.count
		answer := w.get("/cam.jpg", d.String())
		if stale := strings.Contains(answer.Header.Get("WWW-Authenticate"), "stale=true"); answer.StatusCode != c.want || stale != (c.want == 401) {
			t.Errorf("request %d: %v, %v", i, answer.Status, answer.Header)
		}
	}
	// A nonce of before the server's start is no wrong password, however often it comes.
	d.nonce, d.count = newGuarded(t, nil).nonce(), 1
	for range 2 * auth.FailureBurst {
		if answer := w.get("/cam.jpg", d.String()); answer.StatusCode != 401 || !strings.Contains(answer.Header.Get("WWW-Authenticate"), "stale=true") {
			t.Fatalf("%v, %v", answer.Status, answer.Header)
		}
	}
	if d.nonce = w.nonce(); w.get("/cam.jpg", d.String()).StatusCode != 200 {
		t.Error("what is right is refused")
	}
}

// TestGuessing tries passwords: the address is slowed down.
func TestGuessing(t *testing.T) {
	w := newGuarded(t, nil)
	for i := range auth.FailureBurst + 5 {
		answer := w.get("/cam.jpg", digest{"anna", fmt.Sprint(i), "/cam.jpg", w.nonce(), 1, true}.String())
		if slowed := answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != ""; slowed != (i >= auth.FailureBurst) {
			t.Errorf("guess %d: %v", i, answer.Status)
		}
	}
}

// issue has anna or root get a token.
func (w *guarded) issue(authorization string, lifetime time.Duration, streams ...string) (string, error) {
	w.t.Helper()
	text, _, until, answered, err := w.s.issueToken(w.s.withClaim(request("/", authorization)), streams, lifetime)
	if !answered || err == nil && time.Until(until) > lifetime {
		w.t.Fatalf("%v, until %v", answered, until)
	}
	return text, err
}

func TestTokens(t *testing.T) {
	w := newGuarded(t, nil)
	by := func(user string) string { return digest{user, annasPassword, "/", w.nonce(), 1, true}.String() }
	annas, err := w.issue(by("anna"), time.Hour, "cam")
	if err != nil {
		t.Fatal(err)
	}
	roots, err := w.issue(by("root"), time.Hour, "cam", "cam2")
	if err != nil {
		t.Fatal(err)
	}
	over, err := w.issue(by("anna"), time.Nanosecond, "cam")
	if err != nil {
		t.Fatal(err)
	}
	others, err := newGuardedToken(t)
	if err != nil {
		t.Fatal(err)
	}
	forged := "AAAA" + annas[4:]
	changed := annas[:len(annas)-20] + strings.Repeat("A", 20)
	for name, c := range map[string]struct {
		path, token string
		want        int
	}{
		"cam": {"/cam.jpg", annas, 200}, "description": {"/cam.sdp", annas, 200}, "another stream": {"/cam2.jpg", annas, 403},
		"root's cam": {"/cam.jpg", roots, 200}, "root's cam2": {"/cam2.jpg", roots, 200}, "unknown stream": {"/none.jpg", roots, 403},
		"over": {"/cam.jpg", over, 401}, "of another run": {"/cam.jpg", others, 401}, "forged": {"/cam.jpg", forged, 401}, "changed": {"/cam.jpg", changed, 401},
		"nonsense": {"/cam.jpg", "x", 401},
	} {
		for way, answer := range map[string]*http.Response{"query": w.get(c.path+"?token="+c.token, ""), "header": w.get(c.path, "Bearer "+c.token)} {
			if answer.StatusCode != c.want {
				t.Errorf("%s, %s: %v", name, way, answer.Status)
			}
			if asked := answer.Header.Get("WWW-Authenticate"); c.want == 401 && asked != `Bearer realm="camcast", error="invalid_token"` {
				t.Errorf("%s, %s: asked for %q", name, way, asked)
			}
		}
	}
	for name, err := range map[string]error{
		"for a token":      second(w.issue("Bearer "+annas, time.Hour, "cam")),
		"for nothing":      second(w.issue("", time.Hour, "cam")),
		"not hers":         second(w.issue(by("anna"), time.Hour, "cam", "cam2")),
		"too long":         second(w.issue(by("anna"), MaxTokenTime+1, "cam")),
		"of no time":       second(w.issue(by("anna"), 0, "cam")),
		"of no stream":     second(w.issue(by("anna"), time.Hour)),
		"unknown stream":   second(w.issue(by("root"), time.Hour, "none")),
		"too many streams": second(w.issue(by("root"), time.Hour, make([]string, MaxTokenStreams+1)...)),
	} {
		if err == nil {
			t.Errorf("a token %s can be had", name)
		}
	}
	users := usersOf(t, "changed")
	w.do(func() { w.gate.Reload(w.b, users) })
	if answer := w.get("/cam.jpg?token="+annas, ""); answer.StatusCode != 401 {
		t.Errorf("after another password: %v", answer.Status)
	}
}

func second(_ string, err error) error { return err }

// newGuardedToken is a token of another run.
func newGuardedToken(t *testing.T) (string, error) {
	t.Helper()
	w := newGuarded(t, nil)
	return w.issue(digest{"anna", annasPassword, "/", w.nonce(), 1, true}.String(), time.Hour, "cam")
}

// TestTokensOfEarlierRuns come again and again, as of a page that is open: they are no attempts to guess.
func TestTokensOfEarlierRuns(t *testing.T) {
	w := newGuarded(t, nil)
	old, err := newGuardedToken(t)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * auth.FailureBurst {
		if answer := w.get("/cam.jpg?token="+old, ""); answer.StatusCode != 401 {
			t.Fatal(answer.Status)
		}
	}
	if answer := w.get("/cam.jpg", digest{"anna", annasPassword, "/cam.jpg", w.nonce(), 1, true}.String()); answer.StatusCode != 200 {
		t.Errorf("the right password: %v", answer.Status)
	}
}
