package http_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/media"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"golang.org/x/sys/unix"
)

// knobs are the controls of a camera that is not there.
type knobs struct{ value int64 }

// of is k, if the stream is cam.
func (k *knobs) of(stream string) front.Camera {
	if stream != "cam" {
		return nil
	}
	return k
}

func (k *knobs) Controls() ([]front.Control, error) {
	return []front.Control{{Name: "brightness", Title: "Brightness", Kind: "integer", Value: k.value, Most: 255, Step: 1, Default: 128}}, nil
}

func (k *knobs) SetControl(control string, value int64) error {
	switch {
	case control != "brightness":
		return front.ErrNoControl
	case value < 0 || value > 255:
		return fmt.Errorf("%w: 0 to 255", front.ErrBadValue)
	}
	k.value = value
	return nil
}

// description is the API's own, as the server gives it.
func description(t *testing.T, w *site) (*openapi3.T, routers.Router) {
	t.Helper()
	_, text := w.get("/api/v1/openapi.json")
	return describedBy(t, w, text)
}

// describedBy reads a description.
func describedBy(t *testing.T, w *site, text []byte) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background(), openapi3.EnableExamplesValidation()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: w.url}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

// exchange sends a request, and checks it and its answer against the description.
func exchange(t *testing.T, router routers.Router, r *http.Request, body []byte) (status int, answer []byte) {
	t.Helper()
	route, values, err := router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: values, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := openapi3filter.ValidateRequest(context.Background(), input); err != nil && r.Header.Get("X-Wrong") == "" {
		t.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	output.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(context.Background(), output); err != nil {
		t.Errorf("%s %s: %v: %s", r.Method, r.URL, err, answer)
	}
	return response.StatusCode, answer
}

// request makes one of an operation's examples; ids are those of things that exist.
func request(t *testing.T, w *site, path, method string, item *openapi3.PathItem, op *openapi3.Operation, ids map[string]any) (*http.Request, []byte) {
	t.Helper()
	query := ""
	for _, p := range append(append(openapi3.Parameters{}, item.Parameters...), op.Parameters...) {
		value := p.Value.Example
		if id, ok := ids[p.Value.Name]; ok {
			value = id
		}
		if p.Value.In == "query" {
			query = fmt.Sprintf("?%s=%v", p.Value.Name, value)
		}
		path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", fmt.Sprint(value))
	}
	var body []byte
	if op.RequestBody != nil {
		var err error
		if body, err = json.Marshal(op.RequestBody.Value.Content.Get("application/json").Example); err != nil {
			t.Fatal(err)
		}
	}
	r, err := http.NewRequest(method, w.url+path+query, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r, body
}

// TestAPI sends every example of the API's description, and checks requests and answers against it.
func TestAPI(t *testing.T) {
	k := &knobs{value: 128}
	w := newSiteWith(t, nil, front.Options{Camera: k.of, Settings: map[string]any{"lag": 5}})
	w.publish(media.JPEG, jpegOf(t, 64, 48, 100), 64, 48)
	doc, router := description(t, w)
	var session *cast.Session
	w.do(func() {
		var err error
		if session, err = w.b.OpenSession(cast.SessionOptions{Stream: w.cam, Protocol: cast.RTSP, Peer: netip.MustParseAddrPort("127.0.0.1:5555")}); err != nil {
			t.Error(err)
		}
	})
	ids, answers := map[string]any{"reader": session.ID()}, map[string]string{}
	for _, path := range doc.Paths.InMatchingOrder() {
		for method, op := range doc.Paths.Find(path).Operations() {
			if method == http.MethodDelete || op.OperationID == "createToken" {
				continue // last, and TestAPITokens
			}
			r, body := request(t, w, path, method, doc.Paths.Find(path), op, ids)
			status, answer := exchange(t, router, r, body)
			if status >= 300 {
				t.Errorf("%s: %d %s", op.OperationID, status, answer)
			}
			answers[op.OperationID] = string(answer)
		}
	}
	for operation, want := range map[string]string{
		"listStreams": `"you":{"user":"","admin":true},"ports":{"rtsp":null,"rtsps":null,"camcast":null,"webrtc":null},"streams":[{"name":"cam","state":"live"`,
		"getStream":   `"format":"JPEG","width":64,"height":48,"nominal_frames_per_second":30`,
		"listReaders": fmt.Sprintf(`"readers":[{"id":%d,"stream":"cam","protocol":"rtsp","transport":"none","address":"127.0.0.1:5555"`, session.ID()),
		"getConfig":   `{"lag":5}`,
	} {
		if !strings.Contains(answers[operation], want) {
			t.Errorf("%s: %s, want %s", operation, answers[operation], want)
		}
	}
	if k.value != 100 {
		t.Errorf("the control is %d", k.value)
	}
	path := "/api/v1/readers/{reader}"
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		r, _ := request(t, w, path, http.MethodDelete, doc.Paths.Find(path), doc.Paths.Find(path).Delete, ids)
		if status, answer := exchange(t, router, r, nil); status != want {
			t.Errorf("DELETE: %d %s, want %d", status, answer, want)
		}
	}
	w.do(func() {
		if _, there := w.b.Session(session.ID()); there {
			t.Error("the reader is still there")
		}
	})
}

// TestAPIProblems sends what is wrong: each answer is a problem that the description has.
func TestAPIProblems(t *testing.T) {
	w := newSiteWith(t, nil, front.Options{Camera: (&knobs{}).of})
	_, router := description(t, w)
	for _, c := range []struct {
		method, path, body string
		header             []string
		want               int
	}{
		{"GET", "/api/v1/streams/none", "", nil, 404},
		{"GET", "/api/v1/streams/none/controls", "", nil, 404},
		{"PUT", "/api/v1/streams/cam/controls/none", `{"value":1}`, nil, 404},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":256}`, nil, 422},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{}`, nil, 422},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":1.5}`, nil, 400},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":1}{`, nil, 400},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"other":1}`, nil, 400},
		{"PUT", "/api/v1/streams/cam/controls/brightness", strings.Repeat(" ", 20_000), nil, 413},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":1}`, []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":1}`, []string{"Origin", "http://evil.example"}, 403},
		{"PUT", "/api/v1/streams/cam/controls/brightness", `{"value":1}`, []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"DELETE", "/api/v1/readers/x", "", nil, 400},
		{"DELETE", "/api/v1/readers/7", "", nil, 404},
		{"DELETE", "/api/v1/readers/7", "", []string{"Origin", "http://evil.example"}, 403},
		{"GET", "/api/v1/readers", "", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"GET", "/api/v1/readers", "", []string{"Forwarded", "for=192.0.2.1"}, 403},
		{"GET", "/api/v1/config", "", []string{"Host", "evil.example"}, 403},
	} {
		r, err := http.NewRequest(c.method, w.url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Wrong", "1")
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
			if c.header[i] == "Host" {
				r.Host = c.header[i+1]
			}
		}
		status, answer := exchange(t, router, r, []byte(c.body))
		var p struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(answer, &p); err != nil || status != c.want || p.Status != status || p.Detail == "" {
			t.Errorf("%s %s %q %v: %d %s, %v, want %d", c.method, c.path, c.body, c.header, status, answer, err, c.want)
		}
	}
	for path, want := range map[string]int{"/api": 404, "/api/v2/streams": 404, "/api/v1/streams/": 404} {
		if answer, body := w.get(path); answer.StatusCode != want || answer.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %v %s", path, answer.Status, body)
		}
	}
	if answer, err := http.Post(w.url+"/api/v1/streams", "application/json", nil); err != nil || answer.StatusCode != 405 || answer.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %v, %v", answer, err)
	}
}

// doorman admits everybody by a name, which says what they may.
type doorman struct{ grant cast.Grant }

func (d *doorman) Admit(_ cast.Request, answer func(cast.Grant, error)) { answer(d.grant, nil) }

// TestEmptyForwardedFor has a client by a proxy send an empty header, to which the proxy adds a line of its own: the
// client is no admin.
func TestEmptyForwardedFor(t *testing.T) {
	w := newSiteWith(t, nil, front.Options{})
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		r, err := http.NewRequest(http.MethodGet, w.url+"/api/v1/config", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[name] = []string{"", "192.0.2.1"}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

// TestProxies has a proxy that says nothing of itself ask, as nginx does by default: it is another user's program, and
// nobody who comes by it is an admin. The program's own user is one, if no others share it.
func TestProxies(t *testing.T) {
	own, shared := unix.Geteuid(), 65534
	for _, c := range []struct {
		name       string
		runs, asks int
		want       string
	}{
		{"own", own, own, "200 OK"},
		{"another's", own + 1, own, "403 Forbidden"},
		{"a proxy's", own, own + 1, "403 Forbidden"},
		{"nobody's", shared, shared, "403 Forbidden"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if own != 0 && c.asks != own {
				return // only root opens sockets for others
			}
			t.Cleanup(front.RunBy(c.runs))
			w := newSiteWith(t, nil, front.Options{})
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				before, err := unix.SetfsuidRetUid(c.asks)
				if err != nil {
					return nil, err
				}
				defer func() { _ = unix.Setfsuid(before) }() // it was this a moment ago
				return net.Dial(network, address)
			}}}
			admin := map[string]string{"200 OK": `"admin":true`, "403 Forbidden": `"admin":false`}[c.want]
			for path, want := range map[string]string{"config": c.want, "readers": c.want, "streams": "200 OK"} {
				answer, err := client.Get(w.url + "/api/v1/" + path)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(answer.Body)
				_ = answer.Body.Close()
				if err != nil || answer.Status != want || path == "streams" && !strings.Contains(string(body), admin) {
					t.Errorf("%s: %s %s %v, want %s, %s", path, answer.Status, body, err, want, admin)
				}
			}
		})
	}
}

// TestAPIRoles has somebody who may watch one stream ask, and somebody who may watch all but is no admin.
func TestAPIRoles(t *testing.T) {
	d := &doorman{}
	w := newSiteWith(t, func(c *cast.Config) { c.Gate = d }, front.Options{Metrics: http.NotFoundHandler()})
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	w.do(func() {
		if _, err := w.b.AddStream("other", nil, cast.StreamOptions{}); err != nil {
			t.Error(err)
		}
	})
	one := func(stream string) bool { return stream == "other" }
	for _, c := range []struct {
		grant   cast.Grant
		path    string
		want    int
		shows   string
		nothing string
	}{
		{cast.Grant{User: "you", MayWatch: one}, "/api/v1/streams", 200, `"name":"other"`, `"name":"cam"`},
		{cast.Grant{User: "you", MayWatch: one}, "/api/v1/streams/cam", 404, "no such stream", "64"},
		{cast.Grant{User: "you", MayWatch: one}, "/metrics", 403, "all streams", ""},
		{cast.Grant{User: "you"}, "/api/v1/streams", 200, `"you":{"user":"you","admin":false}`, ""},
		{cast.Grant{User: "you"}, "/api/v1/readers", 403, "admin", ""},
		{cast.Grant{User: "you"}, "/api/v1/config", 403, "admin", ""},
		{cast.Grant{User: "me", Admin: true}, "/api/v1/readers", 200, `"admin":true`, ""},
		{cast.Grant{User: "me", Admin: true}, "/api/v1/streams/cam/controls", 404, "no controls", ""},
	} {
		w.do(func() { d.grant = c.grant })
		answer, body := w.get(c.path)
		if answer.StatusCode != c.want || !strings.Contains(string(body), c.shows) || c.nothing != "" && strings.Contains(string(body), c.nothing) {
			t.Errorf("%s for %+v: %v %s", c.path, c.grant, answer.Status, body)
		}
	}
}

// later is an auth.Gate, which needs a loop that the site makes.
type later struct{ gate *auth.Gate }

func (l *later) Admit(r cast.Request, answer func(cast.Grant, error)) { l.gate.Admit(r, answer) }

// TestAPITokens has a user with a password make a token, and somebody use it: it shows its stream and does no more.
func TestAPITokens(t *testing.T) {
	secret, err := cast.NewSecret("me", "right")
	if err != nil {
		t.Fatal(err)
	}
	users, err := auth.NewUsers(auth.User{Name: "me", Role: auth.Admin, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	gate := &later{}
	w := newSiteWith(t, func(c *cast.Config) { c.AllowBasic, c.Gate = true, gate }, front.Options{Metrics: http.NotFoundHandler()})
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	w.do(func() {
		if _, err := w.b.AddStream("other", nil, cast.StreamOptions{}); err != nil {
			t.Error(err)
		}
	})
	w.do(func() { gate.gate = auth.NewGate(w.loop, users) })
	password := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:right"))
	_, open := w.get("/api/v1/openapi.json", "Authorization", password)
	doc, router := describedBy(t, w, open)
	path := "/api/v1/tokens"
	ask := func(body, authorization string) (int, []byte) {
		r, example := request(t, w, path, http.MethodPost, doc.Paths.Find(path), doc.Paths.Find(path).Post, nil)
		if body != "" {
			example = []byte(body)
			r.Header.Set("X-Wrong", "1")
		}
		r.Header.Set("Authorization", authorization)
		r.ContentLength = int64(len(example))
		return exchange(t, router, r, example)
	}
	for body, want := range map[string]int{
		`{"streams":["none"],"lifetime_seconds":60}`: 404, `{"streams":[],"lifetime_seconds":60}`: 422, `{"streams":["cam"],"lifetime_seconds":0}`: 422,
		`{"streams":["cam"],"lifetime_seconds":9223372036854775807}`: 422, `{"streams":["cam"],"lifetime_seconds":86401}`: 422, `[]`: 400,
	} {
		if status, answer := ask(body, password); status != want {
			t.Errorf("%s: %d %s, want %d", body, status, answer, want)
		}
	}
	status, answer := ask("", password)
	var got struct{ Token string }
	if err := json.Unmarshal(answer, &got); err != nil || status != http.StatusCreated || got.Token == "" {
		t.Fatalf("%d %s, %v", status, answer, err)
	}
	if status, answer := ask("", "Bearer "+got.Token); status != http.StatusForbidden {
		t.Errorf("a token for a token: %d %s", status, answer)
	}
	if bare, err := http.Post(w.url+path, "application/json", nil); err != nil || bare.StatusCode != http.StatusUnauthorized || len(bare.Header.Values("WWW-Authenticate")) == 0 {
		t.Errorf("without a body, as curl --digest asks first: %v %v", bare, err)
	}
	if status, answer := ask("", "Basic bWU6d3Jvbmc="); status != http.StatusUnauthorized {
		t.Errorf("for a wrong password: %d %s", status, answer)
	}
	streams, body := w.get("/api/v1/streams?token=" + got.Token)
	if streams.StatusCode != 200 || !strings.Contains(string(body), `"you":{"user":"me","admin":false}`) || !strings.Contains(string(body), `"cam"`) || strings.Contains(string(body), `"other"`) {
		t.Errorf("by token: %v %s", streams.Status, body)
	}
	for path, want := range map[string]int{"/api/v1/readers": 403, "/": 200, "/cam.jpg": 200, "/metrics": 403, "/api/v1/streams/other": 404} {
		if answer, body := w.get(path, "Authorization", "Bearer "+got.Token); answer.StatusCode != want {
			t.Errorf("%s by token: %v %s, want %d", path, answer.Status, body, want)
		}
		if answer, body := w.get(path); answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s by nobody: %v %s", path, answer.Status, body)
		}
	}
	w.do(func() { // as with --https, on the same Broadcaster
		if w.s, err = front.Serve(w.b, netip.MustParseAddrPort("127.0.0.1:0"), front.Options{}); err != nil {
			t.Error(err)
		}
		w.url = fmt.Sprintf("http://127.0.0.1:%d", w.s.Port())
	})
	if answer, body := w.get("/cam.jpg?token=" + got.Token); answer.StatusCode != http.StatusOK {
		t.Errorf("at another port: %v %s", answer.Status, body)
	}
}

// TestStreamsWhileClosing asks a server that is closing for its streams: none is said to be gone, as pages would drop them.
func TestStreamsWhileClosing(t *testing.T) {
	w := newSite(t, nil)
	w.do(func() { w.b.Leave(func() {}) })
	if answer, body := w.get("/api/v1/streams"); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "the server is closing") {
		t.Errorf("%v %s", answer.Status, body)
	}
}

// TestHealth asks whether all is well.
func TestHealth(t *testing.T) {
	w := newSite(t, nil)
	for _, c := range []struct {
		path string
		want int
	}{{"/healthz", 200}, {"/readyz", 503}} {
		if answer, body := w.get(c.path); answer.StatusCode != c.want {
			t.Errorf("%s without a picture: %v %s", c.path, answer.Status, body)
		}
	}
	w.publish(media.JPEG, jpegOf(t, 64, 48, 1), 64, 48)
	if answer, body := w.get("/readyz"); answer.StatusCode != 200 {
		t.Errorf("with one: %v %s", answer.Status, body)
	}
}
