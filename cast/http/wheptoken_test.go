package http

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/whep"
)

// door has one session of WebRTC, of anybody.
type door struct{ session cast.Session }

func (d *door) Open(*cast.Stream, cast.Request, cast.Grant, *whep.Offer, cast.PlayoutDelay) (name, tag string, answer []byte, err error) {
	return "session", "tag", []byte("v=0\r\n"), nil
}

func (d *door) Find(string, string, string) (session *cast.Session, tag, ufrag string) {
	return &d.session, "tag", "EsAw"
}

func (d *door) Restart(string, cast.Request, *whep.Fragment) (tag string, answer []byte, err error) {
	return "tag", nil, nil
}

// TestTokenOfASession has a player be given a URL with a token: the URL of its session has it, too, as the player has no other way to
// say who it is.
func TestTokenOfASession(t *testing.T) {
	w := newGuarded(t, nil)
	w.s.options.WHEP = new(door)
	token, err := w.issue(digest{"anna", annasPassword, "/", w.nonce(), 1, true}.String(), time.Hour, "cam")
	if err != nil {
		t.Fatal(err)
	}
	offer, err := os.ReadFile("../../proto/whep/testdata/chromium.sdp")
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, authorization string) string {
		r := request(path, authorization)
		r.Method, r.Body = http.MethodPost, io.NopCloser(bytes.NewReader(offer))
		r.Header.Set("Content-Type", sdpType)
		answer := httptest.NewRecorder()
		w.s.ServeHTTP(answer, r)
		if answer.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, answer.Code, answer.Body)
		}
		return answer.Header().Get("Location")
	}
	at := post("/cam/whep?token="+token, "")
	if at != "/cam/whep/session?token="+token {
		t.Errorf("the session is at %s", at)
	}
	if answer := w.get(at, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("with the token: %v", answer.Status)
	}
	if answer := w.get("/cam/whep/session", ""); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without: %v", answer.Status)
	}
	if at := post("/cam/whep", "Bearer "+token); at != "/cam/whep/session" {
		t.Errorf("the session is at %s, whose player has said by a header who it is", at)
	}
}
