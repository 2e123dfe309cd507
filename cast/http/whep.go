package http

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/whep"
)

// WHEP opens sessions of WebRTC for requests by HTTP (draft-ietf-wish-whep). A *webrtc.Server of package cast/webrtc is one.
// Its methods are called on the loop.
type WHEP interface {
	// Open makes a session of a stream for a request that the gate has granted, and answers the offer. The viewer is told to
	// hold frames for the delay, if its offer has the header extension playout-delay. id is what the session's URL ends with,
	// which nobody can guess; etag is the entity tag of its ICE session. The error is a *cast.Refusal or cast.ErrClosed.
	Open(stream *cast.Stream, r cast.Request, g cast.Grant, o *whep.Offer, delay cast.PlayoutDelay) (id, etag string, answer []byte, err error)
	// Find finds the session with an id, if it is of this stream and this user, with its entity tag and the ICE user name
	// fragment of its viewer. session is nil if there is none.
	Find(stream, id, user string) (session *cast.Session, etag, ufrag string)
	// Restart restarts ICE in a session that Find has found, for a viewer that has restarted it. etag is a new one, and answer
	// has what is new of the server. The error is a *cast.Refusal: ICE is as before then.
	Restart(id string, r cast.Request, f *whep.Fragment) (etag string, answer []byte, err error)
}

const (
	sdpType      = "application/sdp"
	fragmentType = "application/trickle-ice-sdpfrag"
)

// resource is what a URL of WHEP answers.
type resource struct {
	methods string // of HTTP
	// accepts is the header that says which type of body is taken (Accept-Patch: RFC 5789), and bodyType that type.
	accepts, bodyType string
	help              string // for a request by another method
}

var (
	whepEndpoint = resource{"GET, HEAD, POST, OPTIONS", "Accept-Post", sdpType, "a player of WHEP posts its offer; the page at / plays it in a browser"}
	whepSession  = resource{"GET, HEAD, PATCH, DELETE, OPTIONS", "Accept-Patch", fragmentType, "this is a session of WHEP, which DELETE ends"}
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
	at := whepEndpoint
	if session != "" {
		at = whepSession
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", at.methods)
	switch {
	case r.Method == http.MethodOptions:
		h.Set("Allow", at.methods)
		h.Set(at.accepts, at.bodyType)
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html"): // a browser's address bar, and no player
		h.Set("Allow", strings.TrimPrefix(at.methods, "GET, HEAD, "))
		http.Error(w, "there is no page here: "+at.help, http.StatusMethodNotAllowed)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.serveNoContent(w, r, name, session)
	case session == "" && r.Method == http.MethodPost:
		s.serveOffer(w, r, name)
	case session != "" && r.Method == http.MethodPatch:
		s.serveTrickle(w, r, name, session)
	case session != "" && r.Method == http.MethodDelete:
		s.serveDelete(w, r, name, session)
	default:
		h.Set("Allow", at.methods)
		http.Error(w, "only "+at.methods+" are answered here: "+at.help, http.StatusMethodNotAllowed)
	}
}

// admitsOrigin reports whether a request comes from no page, or from a page of this machine by any of its names and at any
// port, which may read the answer then (CORS). Else it has answered the request.
func (s *Server) admitsOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Hostname(), hostname(r.Host)) && !s.isOwnName(strings.ToLower(u.Hostname())) {
		http.Error(w, "requests of other sites' pages are refused: the page's host must be a name of this machine (--http-origin)", http.StatusForbidden)
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	h.Set("Access-Control-Expose-Headers", "Location, ETag, Accept-Post, Accept-Patch, Retry-After")
	return true
}

// takes reports whether a request's body is of the type that the resource takes; else it has answered the request.
func (at resource) takes(w http.ResponseWriter, r *http.Request) bool {
	if got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && got == at.bodyType {
		return true
	}
	w.Header().Set(at.accepts, at.bodyType)
	http.Error(w, "Content-Type must be "+at.bodyType, http.StatusUnsupportedMediaType)
	return false
}

// readBody reads a request's body of at most so many bytes. If ok is false, it has answered the request.
func readBody(w http.ResponseWriter, r *http.Request, most int64) (body []byte, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err == nil {
		return body, true
	}
	text, status := "the body cannot be read: "+err.Error(), http.StatusBadRequest
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		text, status = fmt.Sprintf("the body is too large: at most %d bytes are read", most), http.StatusRequestEntityTooLarge
	} else if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		text, status = fmt.Sprintf("the request has not come whole within %v", headerTimeout), http.StatusRequestTimeout
	}
	http.Error(w, text, status)
	return nil, false
}

// serveOffer opens a session. The gate is asked before the offer is read, as reading takes a hundred times longer than asking.
func (s *Server) serveOffer(w http.ResponseWriter, r *http.Request, name string) {
	if !whepEndpoint.takes(w, r) {
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

var errDelay = fmt.Errorf("delay must be 0s to %v, such as 80ms, and be given once", cast.MaxPlayoutDelay)

// delayOf understands ?delay=80ms: the viewer holds frames for that long. Without it they are shown at once.
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

// mayWatch asks the gate whether a request may watch a stream. If ok is false, it has answered the request, or the client
// has gone.
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

// open waits for the stream's source, opens a session for a request that the gate has granted, and answers the request.
func (s *Server) open(w http.ResponseWriter, r *http.Request, name string, stream *cast.Stream, g cast.Grant, offer *whep.Offer, delay cast.PlayoutDelay) {
	var id, etag string
	var answer []byte
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return whenThere(stream, media.H264, func(found *cast.Stream, err error) {
			defer done()
			if fault = err; fault == nil {
				id, etag, answer, fault = s.options.WHEP.Open(found, s.requestOf(r), g, offer, delay)
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
		h.Set("Location", sessionURL(r, name, id))
		h.Set("ETag", quoted(etag))
		h.Set("Content-Type", sdpType)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(answer)
	}
}

// quoted is an entity tag as headers have it (RFC 9110, section 8.8.3).
func quoted(etag string) string { return `"` + etag + `"` }

// find finds a session of the user who asks, and calls f with it on the loop. If ok is false, it has answered the
// request, or the client has gone.
func (s *Server) find(w http.ResponseWriter, r *http.Request, name, session string, f func(one *cast.Session, etag, ufrag string)) (ok bool) {
	var fault error
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return s.admit(r, name, cast.Describe, func(stream *cast.Stream, g cast.Grant, err error) {
			defer done()
			if fault = err; fault != nil {
				return
			}
			one, etag, ufrag := s.options.WHEP.Find(name, session, g.User)
			if ok = one != nil; ok {
				f(one, etag, ufrag)
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
		http.Error(w, "there is no such session: it has ended, or is another user's", http.StatusNotFound)
	}
	return ok
}

// serveDelete ends a session.
func (s *Server) serveDelete(w http.ResponseWriter, r *http.Request, name, session string) {
	if s.find(w, r, name, session, func(one *cast.Session, _, _ string) { one.Gone("closed") }) {
		w.WriteHeader(http.StatusOK)
	}
}
