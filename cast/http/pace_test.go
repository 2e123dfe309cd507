package http

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestPace has requests come at once, and at times.
func TestPace(t *testing.T) {
	var p pace
	now := time.Now()
	for i := range requestBurst {
		if wait := p.reserve(now); wait != 0 {
			t.Fatalf("request %d waits for %v", i, wait)
		}
	}
	for i := range 10 {
		if wait, want := p.reserve(now), time.Duration(i+1)*requestInterval; wait != want {
			t.Errorf("request %d of those that wait waits for %v, want %v", i, wait, want)
		}
	}
	now = now.Add(10*requestInterval + requestInterval)
	if wait := p.reserve(now); wait != 0 {
		t.Errorf("one that comes later waits for %v", wait)
	}
	if wait := p.reserve(now); wait != requestInterval {
		t.Errorf("one more waits for %v", wait)
	}
	now = now.Add(time.Hour)
	for i := range requestBurst {
		if wait := p.reserve(now); wait != 0 {
			t.Fatalf("request %d of the next ones waits for %v", i, wait)
		}
	}
	if p.reserve(now) == 0 {
		t.Error("after a long time more come at once")
	}
}

// TestRequestsWaitTheirTurn has a client go that waits: it is not answered.
func TestRequestsWaitTheirTurn(t *testing.T) {
	var s Server
	s.pace.next = time.Now().Add(time.Hour)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, httptest.NewRequestWithContext(gone, http.MethodGet, "/healthz", nil))
	if answer.Body.Len() > 0 || len(answer.Header()) > 0 {
		t.Errorf("it is answered: %v %q", answer.Header(), answer.Body)
	}
}
