package http

import (
	"errors"
	"net/http"
	"time"

	"github.com/camcast/camcast/cast"
)

// serveTokens makes a token for who has given a password.
func (s *Server) serveTokens(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Streams []string `json:"streams"`
		Seconds int64    `json:"lifetime_seconds"`
	}
	if s.broadcaster.Config().Gate == nil {
		http.Error(w, "there are no passwords, and so no tokens: everybody may watch (--auth)", http.StatusNotFound)
		return
	}
	// Before the body is read: curl --digest first asks without one, to be asked for a password.
	if !s.askedNow(w, r, toEnter, func(cast.Grant) error { return nil }) || !readJSON(w, r, &wish) {
		return
	}
	lifetime := min(max(wish.Seconds, 0), int64(MaxTokenTime/time.Second)+1) // in range of a Duration
	token, _, until, answered, err := s.issueToken(r, wish.Streams, time.Duration(lifetime)*time.Second)
	switch {
	case !answered:
	case errors.Is(err, errTokenTime) || errors.Is(err, errTokenStreams):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	case err != nil:
		s.refuse(w, r, err)
	default:
		writeJSON(w, http.StatusCreated, struct {
			Token   string    `json:"token"`
			Expires time.Time `json:"expires"`
		}{token, until.UTC().Truncate(time.Second)})
	}
}
