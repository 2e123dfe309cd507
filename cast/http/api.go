package http

import (
	_ "embed"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/camcast/camcast/cast"
)

// openAPI describes the API.
//
//go:embed openapi.json
var openAPI []byte

// maxBody bounds what a request of the API may send.
const maxBody = 16 << 10

// newAPI is what answers the API.
func (s *Server) newAPI() *http.ServeMux {
	mux := http.NewServeMux()
	for _, one := range []struct {
		method, path string
		serve        http.HandlerFunc
	}{
		{"GET", "/api/v1/openapi.json", s.serveOpenAPI},
		{"GET", "/api/v1/streams", s.serveStreams},
		{"GET", "/api/v1/streams/{stream}", s.serveOneStream},
		{"GET", "/api/v1/streams/{stream}/controls", s.serveControls},
		{"PUT", "/api/v1/streams/{stream}/controls/{control}", s.serveSetControl},
		{"GET", "/api/v1/readers", s.serveReaders},
		{"DELETE", "/api/v1/readers/{reader}", s.serveEndReader},
		{"GET", "/api/v1/config", s.serveConfig},
		{"POST", "/api/v1/tokens", s.serveTokens},
	} {
		mux.HandleFunc(one.path, func(w http.ResponseWriter, r *http.Request) {
			if onlyMethod(w, r, one.method) {
				one.serve(w, r)
			}
		})
	}
	return mux
}

// serveAPI answers a request of the API. Its errors are problems.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	if reason := s.foreign(r); reason != "" {
		http.Error(w, reason, http.StatusForbidden)
		return
	}
	if err := s.site.origins.Check(r); err != nil {
		http.Error(w, "requests of other sites' pages change nothing", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if _, pattern := s.site.api.Handler(r); pattern == "" {
		http.Error(w, "the API has no such path: /api/v1/openapi.json has those that there are", http.StatusNotFound)
		return
	}
	s.site.api.ServeHTTP(w, r)
}

func (s *Server) serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(openAPI)
}

// serveConfig answers with the settings.
func (s *Server) serveConfig(w http.ResponseWriter, r *http.Request) {
	settings := s.options.Settings
	if settings == nil {
		settings = map[string]any{}
	}
	if s.askedNow(w, r, toAdmin, func(cast.Grant) error { return nil }) {
		writeJSON(w, http.StatusOK, settings)
	}
}

// answerOf is what a request that reads the streams is told first.
type answerOf struct {
	Instance string   `json:"instance"`
	At       float64  `json:"at_seconds"`
	You      identity `json:"you"`
	Ports    ports    `json:"ports"`
}

// ports are where other protocols are answered, nil where they are not.
type ports struct {
	RTSP    *uint16 `json:"rtsp"`
	RTSPS   *uint16 `json:"rtsps"`
	Camcast *uint16 `json:"camcast"`
	WebRTC  *uint16 `json:"webrtc"` // of the pictures, which come by UDP
}

// portOf is a port as JSON has it.
func portOf(port uint16) *uint16 {
	if port == 0 {
		return nil
	}
	return &port
}

// identity is who asks, and what they may do.
type identity struct {
	User  string `json:"user"`
	Admin bool   `json:"admin"`
}

// errClosing is why a server that is closing has no list.
var errClosing = &cast.Refusal{Kind: cast.Unavailable, Reason: "the server is closing", RetryAfter: time.Second}

func (s *Server) serveStreams(w http.ResponseWriter, r *http.Request) {
	var answer struct {
		answerOf
		Streams []stream `json:"streams"`
	}
	if s.askedNow(w, r, toEnter, func(g cast.Grant) error {
		if s.broadcaster.Leaving() { // all streams have ended: pages are to keep theirs until the next camcast answers
			return errClosing
		}
		answer.answerOf = s.toldFirst(g)
		answer.Streams = []stream{}
		for _, one := range s.broadcaster.Streams() {
			if s.shows(one, g) {
				answer.Streams = append(answer.Streams, s.describe(one))
			}
		}
		return nil
	}) {
		writeJSON(w, http.StatusOK, answer)
	}
}

func (s *Server) toldFirst(g cast.Grant) answerOf {
	at := ports{RTSP: portOf(s.options.RTSPPort), RTSPS: portOf(s.options.RTSPSPort), Camcast: portOf(s.broadcaster.RTPPort())}
	if s.options.WHEP != nil {
		at.WebRTC = at.Camcast
	}
	return answerOf{Instance: s.site.instance, At: s.loop.Now().Seconds(), You: identity{g.User, g.Admin}, Ports: at}
}

// shows reports whether a stream is one that somebody may see.
func (s *Server) shows(one *cast.Stream, g cast.Grant) bool {
	return one.State() != cast.Ended && (g.MayWatch == nil || g.MayWatch(one.Name()))
}

// describe is what the API says of a stream.
func (s *Server) describe(one *cast.Stream) stream {
	told := s.site.figures.of(one, s.loop.Now())
	told.Controls = s.cameraOf(one) != nil
	return told
}

func (s *Server) serveOneStream(w http.ResponseWriter, r *http.Request) {
	var answer stream
	if s.askedNow(w, r, toEnter, func(g cast.Grant) error {
		one, err := s.streamFor(r, g)
		if err == nil {
			answer = s.describe(one)
		}
		return err
	}) {
		writeJSON(w, http.StatusOK, answer)
	}
}

// streamFor is the stream that a path names, or the refusal of one that there is not for who asks.
func (s *Server) streamFor(r *http.Request, g cast.Grant) (*cast.Stream, error) {
	one := s.broadcaster.Stream(r.PathValue("stream"))
	if one == nil || !s.shows(one, g) {
		return nil, &notFound{"there is no such stream"}
	}
	return one, nil
}

// serveEndReader ends a reader.
func (s *Server) serveEndReader(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseUint(r.PathValue("reader"), 10, 64)
	if err != nil {
		http.Error(w, "a reader's id is a number", http.StatusBadRequest)
		return
	}
	peer, _ := peers(r)
	if s.askedNow(w, r, toAdmin, func(g cast.Grant) error {
		session, ok := s.broadcaster.Session(id)
		if !ok {
			return &notFound{"there is no such reader"}
		}
		session.End(endedBy(g, peer.Addr().String()))
		return nil
	}) {
		w.WriteHeader(http.StatusNoContent)
	}
}

// endedBy is the reason why a reader was ended.
func endedBy(g cast.Grant, address string) string {
	if g.User != "" {
		return fmt.Sprintf("ended by user %q", g.User)
	}
	return "ended by an admin at " + address
}
