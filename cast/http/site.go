package http

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/camcast/camcast/cast"
)

// site is what is answered besides streams: the page, the API, figures for Prometheus, and whether all is well.
type site struct {
	api      *http.ServeMux
	page     map[string]*asset
	origins  *http.CrossOriginProtection
	instance string // another one after each start
	figures  figures
}

func newSite(s *Server) site {
	return site{api: s.newAPI(), page: newPage(), origins: http.NewCrossOriginProtection(), instance: s.broadcaster.RandomName(), figures: newFigures()}
}

// serveSite answers a request that is about no stream's pictures. It returns false for any other.
func (s *Server) serveSite(w http.ResponseWriter, r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/api" || strings.HasPrefix(path, "/api/"):
		s.serveAPI(&problemWriter{ResponseWriter: w}, r)
	case path == "/" || strings.HasPrefix(path, pageFolder):
		if s.mayRead(w, r) {
			s.servePage(w, r)
		}
	case path == "/metrics":
		if s.mayRead(w, r) {
			s.serveMetrics(w, r)
		}
	case path == "/healthz" || path == "/readyz":
		if s.mayRead(w, r) {
			s.serveHealth(w, r, path == "/readyz")
		}
	default:
		return false
	}
	return true
}

// mayRead reports whether a request is GET or HEAD, and from no stranger's page; else it has answered it.
func (s *Server) mayRead(w http.ResponseWriter, r *http.Request) bool {
	if reason := s.foreign(r); reason != "" {
		http.Error(w, reason, http.StatusForbidden)
		return false
	}
	return onlyMethod(w, r, http.MethodGet)
}

// onlyMethod reports whether a request's method is the one that is answered, of which GET stands for HEAD, too; else
// it has answered it.
func onlyMethod(w http.ResponseWriter, r *http.Request, method string) bool {
	if r.Method == method || method == http.MethodGet && r.Method == http.MethodHead {
		return true
	}
	if method == http.MethodGet {
		method = "GET, HEAD"
	}
	w.Header().Set("Allow", method)
	http.Error(w, "only "+method+" is answered here", http.StatusMethodNotAllowed)
	return false
}

// right is what a request needs.
type right uint8

const (
	toEnter  right = iota // any user
	toSeeAll              // a user who may watch all streams
	toAdmin               // an admin
)

var errNotAdmin = &cast.Refusal{Kind: cast.Forbidden, Reason: "only an admin may do that: a user with that role, or without --auth the user who runs this program, on this machine"}
var errNotAll = &cast.Refusal{Kind: cast.Forbidden, Reason: "only users who may watch all streams may see that"}

// check says why who asks has not this right, nil if they have it.
func (n right) check(s *Server, g cast.Grant) error {
	switch {
	case n == toAdmin && !g.Admin:
		return errNotAdmin
	case n == toSeeAll && g.MayWatch != nil:
		for _, stream := range s.broadcaster.Streams() {
			if !g.MayWatch(stream.Name()) {
				return errNotAll
			}
		}
	}
	return nil
}

// asked has the loop do f when the gate has said who asks, and waits until f has called done. It answers a
// request that is refused, and then returns false; so it does if the client has gone. The function
// that f returns withdraws what f began; it may be nil.
func (s *Server) asked(w http.ResponseWriter, r *http.Request, needs right, f func(g cast.Grant, done func()) func()) bool {
	var fault error
	mayAdmin := s.broadcaster.Config().Gate != nil || isOwnUser(r)
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		var stop func() // of what f began; nil: nothing
		stopAdmit := s.admit(r, "", cast.Identify, func(_ *cast.Stream, g cast.Grant, err error) {
			if token := claimOf(r).token; token != nil {
				g = token.narrow(g)
			}
			g.Admin = g.Admin && mayAdmin
			if fault = err; fault == nil {
				fault = needs.check(s, g)
			}
			if fault != nil {
				done()
				return
			}
			stop = f(g, done)
		})
		return func() {
			stopAdmit()
			if stop != nil {
				stop()
			}
		}
	})
	if answered && fault != nil {
		s.refuseSite(w, r, fault)
	}
	return answered && fault == nil
}

// askedNow is asked for what the loop does at once. An error is that f has refused.
func (s *Server) askedNow(w http.ResponseWriter, r *http.Request, needs right, f func(g cast.Grant) error) bool {
	var fault error
	ok := s.asked(w, r, needs, func(g cast.Grant, done func()) func() {
		defer done()
		fault = f(g)
		return nil
	})
	if ok && fault != nil {
		s.refuseSite(w, r, fault)
	}
	return ok && fault == nil
}

// notFound is the error of something that is not there.
type notFound struct{ what string }

func (e *notFound) Error() string { return e.what }

// refuseSite answers a request that is refused, or is about something that is not there.
func (s *Server) refuseSite(w http.ResponseWriter, r *http.Request, err error) {
	if _, ok := errors.AsType[*notFound](err); ok {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	s.refuse(w, r, err)
}

// serveMetrics answers with figures for Prometheus.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request) {
	if s.options.Metrics == nil {
		http.Error(w, "there are no metrics", http.StatusNotFound)
		return
	}
	if s.askedNow(w, r, toSeeAll, func(cast.Grant) error { return nil }) {
		s.options.Metrics.ServeHTTP(w, r)
	}
}

// serveHealth answers 200 if the loop does; and for readiness only if a stream can be watched. No gate is asked:
// the answer says no more.
func (s *Server) serveHealth(w http.ResponseWriter, r *http.Request, readiness bool) {
	ready := !readiness
	answered := s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		defer done()
		for _, stream := range s.broadcaster.Streams() {
			ready = ready || !s.broadcaster.Leaving() && stream.Available() == nil
		}
		return nil
	})
	switch {
	case !answered:
	case !ready:
		http.Error(w, "no stream can be watched", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	}
}

// problem is an answer that says what was wrong (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// problemWriter makes a problem of each answer in plain text whose status is an error's.
type problemWriter struct {
	http.ResponseWriter
	status int
}

// Unwrap is for http.ResponseController.
func (w *problemWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader keeps an error's status until its text comes.
func (w *problemWriter) WriteHeader(status int) {
	if status < 400 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.status = status
}

// Write writes the text, an error's as a problem.
func (w *problemWriter) Write(text []byte) (int, error) {
	if w.status == 0 {
		return w.ResponseWriter.Write(text)
	}
	body, err := json.Marshal(problem{"about:blank", http.StatusText(w.status), w.status, strings.TrimSpace(string(text))})
	if err != nil {
		return 0, err
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.ResponseWriter.WriteHeader(w.status)
	if _, err := w.ResponseWriter.Write(body); err != nil {
		return 0, err
	}
	return len(text), nil
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
