package http_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/camcast/camcast/cast"
	front "github.com/camcast/camcast/cast/http"
	"github.com/camcast/camcast/media"
)

// gateWithQuestions passes on that it was asked, and answers at once or never.
type gateWithQuestions struct {
	asked   chan struct{}
	answers bool
}

func (g *gateWithQuestions) Admit(_ cast.Request, answer func(cast.Grant, error)) {
	if g.answers {
		answer(cast.Grant{Admin: true}, nil)
	}
	g.asked <- struct{}{}
}

// leave has a client ask for a path, and leave when the server waits. The server has withdrawn the request when leave
// returns.
func (w *site) leave(path string, waits func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := httptest.NewRequest(http.MethodGet, w.url+path, nil).WithContext(ctx)
	r.RemoteAddr = "127.0.0.1:9"
	answer, returned := httptest.NewRecorder(), make(chan struct{})
	go func() {
		defer close(returned)
		w.s.ServeHTTP(answer, r)
	}()
	waits()
	w.do(func() {}) // the gate's answer is before it
	cancel()
	<-returned
	if answer.Body.Len() > 0 {
		w.t.Errorf("%s: %d %q", path, answer.Code, answer.Body)
	}
}

// TestClientLeaves has clients leave while the gate has not answered, and while there is no frame yet. That ends nothing
// but their requests.
func TestClientLeaves(t *testing.T) {
	for _, answers := range []bool{false, true} {
		gate := &gateWithQuestions{make(chan struct{}, 1), answers}
		w := newSite(t, func(c *cast.Config) { c.Gate = gate })
		paths := []string{"/cam.jpg"}
		if !answers {
			paths = append(paths, "/cam.mjpg", "/cam.mp4", "/cam.sdp", "/api/v1/streams", "/api/v1/readers")
		}
		for _, path := range paths {
			w.leave(path, func() { <-gate.asked })
		}
		if answer, _ := w.get("/healthz"); answer.StatusCode != http.StatusOK {
			t.Errorf("afterwards: %v", answer.Status)
		}
	}
}

// TestClientLeavesWhileDecoding has a client leave while its picture is decoded. It is not counted as one that is sent.
func TestClientLeavesWhileDecoding(t *testing.T) {
	decoding, goOn := make(chan struct{}), make(chan struct{})
	picture := make([]byte, 9<<20) // two are more than one address may have
	w := newSiteWith(t, nil, front.Options{Decode: func(media.Frame) ([]byte, error) {
		decoding <- struct{}{}
		<-goOn
		return picture, nil
	}})
	w.publish(media.H264, []byte{0, 0, 0, 2, 0x65, 1}, 64, 48)
	w.leave("/cam.jpg", func() { <-decoding })
	close(goOn)
	if answer, body := w.get("/cam.jpg"); answer.StatusCode != http.StatusOK || !bytes.Equal(body, picture) {
		t.Errorf("afterwards: %v, %d bytes", answer.Status, len(body))
	}
}
