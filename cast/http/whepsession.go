package http

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/whep"
)

// This file answers what is asked later of a session of WHEP: further candidates, and restarts of ICE.

// sessionURL is where a session is: the path that the client has asked for, with what http.StripPrefix has removed, and the
// session's id. It begins with /, as there are players that take no other reference (Eyevinn's webrtc-player). It has the token of
// the request's URL, as the player has no other way to say later who it is.
func sessionURL(r *http.Request, name, session string) string {
	endpoint := "/" + name + "/whep"
	asked, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || !strings.HasSuffix(asked.Path, endpoint) {
		asked = &url.URL{Path: endpoint}
	}
	path := asked.JoinPath(session) // with one slash at its begin: two would make a host of what follows
	at := url.URL{Path: path.Path, RawPath: path.RawPath}
	if token := r.URL.Query().Get("token"); token != "" {
		at.RawQuery = url.Values{"token": {token}}.Encode()
	}
	return at.String()
}

// serveNoContent answers that a stream, or a session of it, is there: WHEP has nothing to be got (draft-ietf-wish-whep, section 4.1).
func (s *Server) serveNoContent(w http.ResponseWriter, r *http.Request, name, session string) {
	ok := false
	if session == "" {
		_, _, ok = s.mayWatch(w, r, name)
	} else {
		ok = s.find(w, r, name, session, func(*cast.Session, string, string) {})
	}
	if ok {
		w.WriteHeader(http.StatusNoContent)
	}
}

// serveTrickle takes a viewer's further candidates, of which an ICE lite agent needs none, and restarts ICE for a viewer that has
// another user name fragment than before. The request must name the ICE session that it means, or any (If-Match).
func (s *Server) serveTrickle(w http.ResponseWriter, r *http.Request, name, session string) {
	if !whepSession.takes(w, r) {
		return
	}
	body, ok := readBody(w, r, whep.MaxFragmentBytes)
	if !ok {
		return
	}
	fragment, err := whep.ParseFragment(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	match := strings.Join(r.Header.Values("If-Match"), ",")
	status, text, etag, answer, fault := 0, "", "", []byte(nil), error(nil)
	found := s.find(w, r, name, session, func(_ *cast.Session, current, ufrag string) {
		switch {
		case match == "":
			status, text = http.StatusPreconditionRequired, `If-Match is missing: it must have the session's ETag, or be * to restart ICE`
		case !matches(match, current):
			status, text = http.StatusPreconditionFailed, "If-Match has another ETag than the session's, which came with the answer to the offer"
		case fragment.Ufrag == "" || fragment.Ufrag == ufrag:
			status = http.StatusNoContent
		default:
			if err := fragment.CheckRestart(); err != nil {
				status, text = http.StatusBadRequest, err.Error()
				return
			}
			etag, answer, fault = s.options.WHEP.Restart(session, s.requestOf(r), fragment)
		}
	})
	switch {
	case !found:
	case text != "":
		http.Error(w, text, status)
	case status != 0:
		w.WriteHeader(status)
	case fault != nil:
		s.refuse(w, r, fault)
	default:
		w.Header().Set("ETag", quoted(etag))
		w.Header().Set("Content-Type", fragmentType)
		_, _ = w.Write(answer)
	}
}

// matches reports whether If-Match names an entity tag, or any (RFC 9110, section 13.1.1). An example of the draft has "*" in
// quotation marks.
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimSpace(one); one == "*" || one == `"*"` || one == quoted(etag) {
			return true
		}
	}
	return false
}
