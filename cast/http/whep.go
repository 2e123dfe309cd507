package http

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/whep"
)

// WHEP has sessions of WebRTC, which are opened by HTTP (draft-ietf-wish-whep). Package cast/webrtc has one. Its methods are
// called on the loop.
type WHEP interface {
	// Open makes a session of a stream for a request that the gate has granted, and answers the offer in it. The viewer is told to
	// hold frames for a delay, if its offer has a way to say so. name is what the session's URL ends with, which nobody can guess,
	// and tag stands for its ICE session. The error is a *cast.Refusal or cast.ErrClosed.
	Open(stream *cast.Stream, r cast.Request, g cast.Grant, o *whep.Offer, delay cast.PlayoutDelay) (name, tag string, answer []byte, err error)
	// Find finds the session of a user and a stream by its name, with its tag and the peer's user name fragment; nil
	// if there is none.
	Find(stream, name, user string) (session *cast.Session, tag, ufrag string)
	// Restart restarts ICE in a session that Find has found, for the request of a viewer that does. The tag is a new one, and the
	// answer has what is new of the server. The error is a *cast.Refusal: ICE is as before then.
	Restart(name string, r cast.Request, f *whep.Fragment) (tag string, answer []byte, err error)
}

const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"
)

// splitWHEP splits "/NAME/whep" and "/NAME/whep/SESSION". ok is false if it is no such path.
func splitWHEP(path string) (name, session string, ok bool) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	kind, session, hasSession := strings.Cut(rest, "/")
	return name, session, kind == "whep" && cast.CheckName(name) == nil && hasSession == (session != "")
}

// serveWHEP answers requests about sessions of WebRTC.
func (s *Server) serveWHEP(w http.ResponseWriter, r *http.Request, name, session string) {
	if !s.admitsOrigin(w, r) {
		return
	}
	claimOf(r).protocol = cast.WebRTC
	methods := "GET, HEAD, POST, OPTIONS"
	if session != "" {
		methods = "GET, HEAD, PATCH, DELETE, OPTIONS"
	}
	w.Header().Set("Access-Control-Allow-Methods", methods)
	switch {
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", methods)
		w.Header().Set("Accept-Post", sdpType)
		w.Header().Set("Accept-Patch", fragmentType)
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.serveNoContent(w, r, name, session)
	case session == "" && r.Method == http.MethodPost:
		s.serveOffer(w, r, name)
	case session != "" && r.Method == http.MethodPatch:
		s.serveTrickle(w, r, name, session)
	case session != "" && r.Method == http.MethodDelete:
		s.serveHangUp(w, r, name, session)
	default:
		w.Header().Set("Allow", methods)
		http.Error(w, "only "+methods+" are answered here: a player of WHEP posts its offer", http.StatusMethodNotAllowed)
	}
}

// admitsOrigin reports whether a request comes from no page, from one of this machine, or from one of a site in
// Options.Origins, and lets the last ones read the answer (CORS). Else it has answered it.
func (s *Server) admitsOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Hostname(), hostname(r.Host)) && !s.isOwnName(strings.ToLower(u.Hostname())) {
		http.Error(w, "requests of other sites' pages are refused", http.StatusForbidden)
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Accept-Post, Accept-Patch, Retry-After")
	return true
}

// hasType reports whether a request's body has a type; else it has answered it.
func hasType(w http.ResponseWriter, r *http.Request, want string) bool {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && got == want {
		return true
	}
	w.Header().Set("Accept-Post", sdpType)
	w.Header().Set("Accept-Patch", fragmentType)
	http.Error(w, "the body must be "+want+" (Content-Type)", http.StatusUnsupportedMediaType)
	return false
}

// readBody reads a request's body; with a false ok it has answered.
func readBody(w http.ResponseWriter, r *http.Request, most int64) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		http.Error(w, fmt.Sprintf("the body is too large: at most %d bytes are read", most), http.StatusRequestEntityTooLarge)
		return nil, false
	}
	return body, err == nil
}

// serveOffer opens a session. The gate is asked before the offer is read: reading one takes a hundred times longer than asking.
func (s *Server) serveOffer(w http.ResponseWriter, r *http.Request, name string) {
	if !hasType(w, r, sdpType) {
		return
	}
	delay, err := delayOf(r.URL.Query()["delay"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	stream, grant, ok := s.mayWatch(w, r, name)
	if !ok {
		return
	}
	body, ok := readBody(w, r, whep.MaxOfferBytes)
	if !ok {
		return
	}
	offer, err := whep.ParseOffer(body)
	if refusal, ok := errors.AsType[*whep.Refusal](err); ok {
		s.refuse(w, r, &cast.Refusal{Kind: cast.NotCarried, Reason: refusal.Reason})
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.open(w, r, name, stream, grant, offer, delay)
}

var errDelay = fmt.Errorf("delay must be 0s to %v, such as 80ms", cast.MaxPlayoutDelay)

// delayOf understands ?delay=80ms: frames are held for that long. Without it they are shown at once.
func delayOf(delay []string) (cast.PlayoutDelay, error) {
	if len(delay) == 0 {
		return cast.PlayoutDelay{}, nil
	}
	d, err := time.ParseDuration(delay[0])
	if err != nil || len(delay) > 1 || d < 0 || d > cast.MaxPlayoutDelay {
		return cast.PlayoutDelay{}, errDelay
	}
	return cast.PlayoutDelay{Min: d, Max: d}, nil
}

// mayWatch asks the gate whether a request may watch a stream; with a false ok it has answered it.
func (s *Server) mayWatch(w http.ResponseWriter, r *http.Request, name string) (stream *cast.Stream, grant cast.Grant, ok bool) {
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return s.admit(r, name, cast.Watch, func(found *cast.Stream, g cast.Grant, err error) {
			defer done()
			stream, grant, fault = found, g, err
		})
	})
	if answered && fault != nil {
		s.refuse(w, r, fault)
	}
	return stream, grant, answered && fault == nil
}

// open opens a session of a stream, when that is there, for a request that the gate has granted.
func (s *Server) open(w http.ResponseWriter, r *http.Request, name string, stream *cast.Stream, g cast.Grant, offer *whep.Offer, delay cast.PlayoutDelay) {
	var session, tag string
	var answer []byte
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return whenThere(stream, media.H264, func(found *cast.Stream, err error) {
			defer done()
			if fault = err; fault == nil {
				session, tag, answer, fault = s.options.WHEP.Open(found, s.requestOf(r), g, offer, delay)
			}
		})
	})
	switch {
	case !answered:
	case fault != nil && cast.RefusalOf(fault).Kind == cast.Unavailable: // as the draft has it of a stream that is not there now
		setRetryAfter(w.Header(), cast.RefusalOf(fault))
		http.Error(w, cast.RefusalOf(fault).Error(), http.StatusConflict)
	case fault != nil:
		s.refuse(w, r, fault)
	default:
		h := w.Header()
		h.Set("Location", sessionURL(r, name, session))
		h.Set("ETag", `"`+tag+`"`)
		h.Set("Content-Type", sdpType)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(answer)
	}
}

// find finds a session for a request about it, and does f on the loop if it is that of who asks; with a false ok it has
// answered.
func (s *Server) find(w http.ResponseWriter, r *http.Request, name, session string, f func(one *cast.Session, tag, ufrag string)) (ok bool) {
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return s.admit(r, name, cast.Describe, func(stream *cast.Stream, g cast.Grant, err error) {
			defer done()
			if fault = err; fault != nil {
				return
			}
			one, tag, ufrag := s.options.WHEP.Find(name, session, g.User)
			if ok = one != nil; ok {
				f(one, tag, ufrag)
			}
		})
	})
	switch {
	case !answered:
		return false
	case fault != nil:
		s.refuse(w, r, fault)
		return false
	case !ok:
		http.Error(w, "there is no such session", http.StatusNotFound)
	}
	return ok
}

// serveHangUp ends a session.
func (s *Server) serveHangUp(w http.ResponseWriter, r *http.Request, name, session string) {
	if s.find(w, r, name, session, func(one *cast.Session, _, _ string) { one.Gone("closed") }) {
		w.WriteHeader(http.StatusOK)
	}
}
