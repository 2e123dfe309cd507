package http

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtsp"
)

// ServeHTTP answers a request; it implements http.Handler. It is called by goroutines of net/http.
//
// It is for connections that the Server itself has accepted. A program whose own http.Server calls it gets
// pictures, the API and sessions of WebRTC by it, but no streams (.mjpg, .mp4: 406). Such connections are not counted, and
// their requests are taken for ones in clear text. The page begins at /, whatever path the program gives it; the URLs of
// sessions begin as the request's does, with what http.StripPrefix has removed.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.pace.wait(r.Context()) {
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // a URL may have a token
	r = s.withClaim(r)
	if s.serveSite(w, r) {
		return
	}
	if reason := s.foreign(r); reason != "" {
		http.Error(w, reason, http.StatusForbidden)
		return
	}
	if name, session, ok := splitWHEP(r.URL.Path); ok && s.options.WHEP == nil {
		http.Error(w, "WebRTC is off here: watch /"+name+".mp4 or /"+name+".mjpg", http.StatusNotFound)
		return
	} else if ok {
		s.serveWHEP(w, r, name, session)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered", http.StatusMethodNotAllowed)
		return
	}
	name, kind := split(r.URL.Path)
	switch kind {
	case "mjpg":
		s.serveParts(w, r, name)
	case "mp4":
		s.serveStream(w, r, name, movieForm)
	case "jpg":
		s.servePicture(w, r, name)
	case "sdp":
		s.serveSDP(w, r, name)
	default:
		s.serveNothing(w, r)
	}
}

// split splits "/NAME.mjpg" at its last dot. kind is empty if it is no such path.
func split(path string) (name, kind string) {
	path = strings.TrimPrefix(path, "/")
	if i := strings.LastIndexByte(path, '.'); i > 0 && cast.CheckName(path[:i]) == nil {
		return path[:i], path[i+1:]
	}
	return "", ""
}

// peers are the addresses of a request's connection.
func peers(r *http.Request) (peer, local netip.AddrPort) {
	peer, _ = netip.ParseAddrPort(r.RemoteAddr)
	if at, ok := r.Context().Value(http.LocalAddrContextKey).(interface{ AddrPort() netip.AddrPort }); ok {
		local = netip.AddrPortFrom(at.AddrPort().Addr().Unmap(), at.AddrPort().Port())
	}
	return netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()), local
}

// requestOf is what the gate is told of a request, without a stream and an action.
func (s *Server) requestOf(r *http.Request) cast.Request {
	peer, local := peers(r)
	c := claimOf(r)
	return cast.Request{Protocol: c.protocol, Peer: peer, Local: local, Secure: connOf(r).secure(), Credentials: c.forGate()}
}

// admit asks the gate on the loop, and then calls answer there, with the stream. It belongs to the loop.
func (s *Server) admit(r *http.Request, name string, a cast.Action, answer func(*cast.Stream, cast.Grant, error)) (stop func()) {
	c, request := claimOf(r), s.requestOf(r)
	request.Action = a
	find := func() *cast.Stream {
		stream := s.broadcaster.Stream(name)
		if stream == nil || stream.State() == cast.Ended || s.broadcaster.Leaving() {
			return nil
		}
		return stream
	}
	if name != "" && find() != nil {
		request.Stream = name
	}
	if err := s.consider(c, name, a); err != nil {
		answer(nil, cast.Grant{}, err)
		return func() {}
	}
	return s.broadcaster.Admit(request, func(g cast.Grant, err error) {
		stream := find()
		if err == nil && stream == nil && (a == cast.Watch || a == cast.Describe) { // it has ended since
			err = &cast.Refusal{Kind: cast.NoSuchStream}
		}
		answer(stream, g, s.settle(c, err))
	})
}

// admitWhenThere asks the gate, waits for the stream's source, and then calls answer on the loop, once, with what came of
// it: the stream's rendition of a format if it has one, else the stream itself. It returns false if the client has gone or
// the loop has ended meanwhile.
func (s *Server) admitWhenThere(r *http.Request, name string, a cast.Action, format media.Format, answer func(*cast.Stream, cast.Grant, error)) bool {
	return s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		stopAwait := func() {}
		stopAdmit := s.admit(r, name, a, func(stream *cast.Stream, g cast.Grant, err error) {
			if err != nil {
				defer done()
				answer(nil, g, err)
				return
			}
			stopAwait = whenThere(stream, format, func(found *cast.Stream, err error) {
				defer done()
				answer(found, g, err)
			})
		})
		return func() {
			stopAdmit()
			stopAwait()
		}
	})
}

// whenThere waits for a stream's source, and then calls answer on the loop, once, with what came of it, as admitWhenThere.
// It belongs to the loop. stop withdraws the question: answer is not called any more.
func whenThere(stream *cast.Stream, format media.Format, answer func(*cast.Stream, error)) (stop func()) {
	stopOther := func() {}
	stopAwait := stream.Await(func(err error) {
		var other *cast.Stream
		if err == nil {
			other, err = rendition(stream, format)
		}
		if err != nil {
			answer(stream, err)
			return
		}
		stopOther = other.Await(func(err error) { answer(other, err) }) // at once, if it is the stream itself
	})
	return func() {
		stopAwait()
		stopOther()
	}
}

// refuse answers a request that is refused.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	refusal := cast.RefusalOf(err)
	status, text := http.StatusForbidden, refusal.Error()
	switch refusal.Kind {
	case cast.NoSuchStream:
		s.serveNothing(w, r)
		return
	case cast.Unauthorized:
		status = http.StatusUnauthorized
		s.challenge(w.Header(), claimOf(r))
	case cast.NotCarried:
		status = http.StatusNotAcceptable
	case cast.LimitReached, cast.AddressLimitReached, cast.Unavailable, cast.Busy:
		status = http.StatusServiceUnavailable
		setRetryAfter(w.Header(), refusal)
	}
	http.Error(w, text, status)
}

// setRetryAfter says when a refused request may be tried again: after a second at least.
func setRetryAfter(h http.Header, refusal *cast.Refusal) {
	h.Set("Retry-After", strconv.Itoa(int(max(refusal.RetryAfter, time.Second)/time.Second)))
}

// serveNothing answers that there is nothing of that name, with the streams' names for those who may have
// their list.
func (s *Server) serveNothing(w http.ResponseWriter, r *http.Request) {
	var names []string
	s.ask(r.Context().Done(), s.broadcaster.Requests(), func(done func()) func() {
		return s.admit(r, "", cast.List, func(_ *cast.Stream, _ cast.Grant, err error) {
			defer done()
			if err != nil {
				return
			}
			for _, stream := range s.broadcaster.Streams() {
				if stream.State() != cast.Ended {
					names = append(names, stream.Name())
				}
			}
		})
	})
	text := "there is no such stream"
	for _, n := range names {
		text += fmt.Sprintf("\n/%s.mjpg /%[1]s.mp4 /%[1]s.jpg /%[1]s.sdp", n)
		if s.options.WHEP != nil {
			text += " /" + n + "/whep"
		}
	}
	http.Error(w, text, http.StatusNotFound)
}

// serveSDP answers with a stream's description.
func (s *Server) serveSDP(w http.ResponseWriter, r *http.Request, name string) {
	var sdp []byte
	var fault error
	answered := s.admitWhenThere(r, name, cast.Describe, 0, func(stream *cast.Stream, _ cast.Grant, err error) {
		var d rtsp.Description
		if fault = err; fault == nil {
			d, fault = stream.SDP()
		}
		if fault == nil {
			_, local := peers(r)
			sdp, fault = rtsp.SDP(d, rtsp.Place{Origin: local.Addr().WithZone("")})
		}
	})
	switch {
	case !answered:
	case fault != nil:
		s.refuse(w, r, fault)
	default:
		w.Header().Set("Content-Type", "application/sdp")
		w.Header().Set("Content-Length", strconv.Itoa(len(sdp)))
		_, _ = w.Write(sdp)
	}
}

// rendition is the stream's rendition of a format if it has one, else the stream itself; of format 0 that, too. The
// error says why there is none at present.
func rendition(stream *cast.Stream, format media.Format) (*cast.Stream, error) {
	if format == 0 {
		return stream, nil
	}
	r, err := stream.Rendition(format)
	switch {
	case err != nil:
		return nil, &cast.Refusal{Kind: cast.NotCarried, Reason: err.Error()}
	case r == nil:
		return stream, nil
	}
	return r, nil
}

// carries says why a stream cannot be sent as JPEGs, nil if it can or if that is not known.
func carries(stream *cast.Stream) error {
	p := stream.Params()
	if p == nil || p.Format == media.JPEG {
		return nil
	}
	return &cast.Refusal{Kind: cast.NotCarried, Reason: fmt.Sprintf("the stream is %v, of which no JPEG is made: watch /%s.mp4, or by RTSP", p.Format, stream.Name())}
}
