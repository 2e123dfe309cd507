package http

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/credentials"
)

// Options are the settings of a Server; the zero value is useful.
type Options struct {
	// Origins are further names that this machine is asked by, without a port: "cams.example.org". Requests
	// for other hosts' names are refused.
	Origins []string
	// Hostname is this machine's name, by which it may be asked too, with ".local" behind it or not.
	Hostname string
	// RTSPPort and RTSPSPort are where RTSP is answered, 0: nowhere. The page has commands for players with them.
	RTSPPort, RTSPSPort uint16
	// Camera is a stream's camera, whose controls the API lists and sets; nil, or a nil Camera: it has none. It is
	// called on the loop, and must not wait.
	Camera func(stream string) Camera
	// Settings are what GET /api/v1/config answers with, as JSON: it must hold no secret.
	Settings map[string]any
	// Metrics answers GET /metrics; nil: there is none. It is called by goroutines of net/http, for those who may
	// watch all streams.
	Metrics http.Handler
	// Decode makes a JPEG of a key frame of H.264 or H.265, for snapshots. The frame is its own to keep. It is called by jobs of
	// cast.Config.Code. The error says why it cannot be done, and what would help. With nil there are no such
	// snapshots.
	Decode func(media.Frame) (jpeg []byte, err error)
	// WHEP opens sessions of WebRTC, at NAME/whep; nil: there are none.
	WHEP WHEP
	// TLS, if it is not nil, ends TLS on all connections (https://); without it they are plain text.
	TLS Terminator
}

const (
	// maxHeaderBytes bounds a request's header.
	maxHeaderBytes = 16 << 10
	// headerTimeout is how long a client has for its header, and idleTimeout how long a connection may
	// wait for the next request.
	headerTimeout, idleTimeout = 10 * time.Second, 30 * time.Second
	// writeTimeout is how long an answer may take that is no stream: the slowest of clients gets a
	// picture of 1 MB at 300 kbit/s.
	writeTimeout = 30 * time.Second
)

// Server answers HTTP for a Broadcaster. Its methods belong to the loop's goroutine.
type Server struct {
	broadcaster *cast.Broadcaster
	loop        *loop.Loop
	options     Options
	http        *http.Server
	listener    net.Listener
	adopter     *tcp.Adopter
	tokens      *tokens
	nonces      *credentials.Nonces
	snapshots   snapshots
	site        site
	pace        pace
	// readers are those that the loop sends a stream.
	readers map[*reader]struct{}
	// handshakes are those that are under way, and what ends them.
	handshakes map[*handshake]func()
	// over is closed when the server is.
	over   chan struct{}
	closed bool
}

// Serve answers HTTP on address for the streams of b, until Close or until b is closed. An unspecified IPv6
// address ("[::]:8080") means all addresses of both families; with port 0 a free one is taken. The error
// says which address could not be had and why.
func Serve(b *cast.Broadcaster, address netip.AddrPort, o Options) (*Server, error) {
	ln, err := net.Listen("tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("http: %w", err)
	}
	s := newServer(b, o)
	s.listener = ln
	b.Attach(s)
	go s.serve()
	return s, nil
}

// newServer makes one that does not listen.
func newServer(b *cast.Broadcaster, o Options) *Server {
	s := &Server{broadcaster: b, loop: b.Loop(), options: o, over: make(chan struct{}), readers: map[*reader]struct{}{}, handshakes: map[*handshake]func(){}}
	s.adopter = tcp.NewAdopter(s.loop, b.Requests())
	s.snapshots = newSnapshots()
	s.tokens = newTokens(b.Key("tokens of HTTP"), b.Key("the run of HTTP"))
	key := make([]byte, 32)
	b.Config().Random(key)
	s.nonces = credentials.NewNonces(key)
	s.site = newSite(s)
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, IdleTimeout: idleTimeout, WriteTimeout: writeTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: log.New(io.Discard, "", 0), // strangers fill no log
		ConnContext: withConn,
	}
	return s
}

// serve runs until Close.
func (s *Server) serve() {
	l := &listener{Listener: s.listener, server: s}
	if s.options.TLS != nil {
		l.ready, l.failed = make(chan *conn), make(chan error)
		go l.acceptSecure()
	}
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, errOver) {
		s.broadcaster.Config().Log.Error("HTTP is not answered any more", "error", err)
	}
}

// Port is the port that HTTP is answered on.
func (s *Server) Port() uint16 { return s.listener.Addr().(*net.TCPAddr).AddrPort().Port() }

// Close ends all connections and the sessions on them, and stops listening. Closing twice does nothing.
func (s *Server) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.broadcaster.Detach(s)
	close(s.over)
	for r := range s.readers {
		r.session.End("shutdown")
		r.close()
	}
	for _, stop := range s.handshakes {
		stop()
	}
	return s.http.Close()
}

// ask has the loop do f as a task of a budget, and waits until f has called done, or until gone. It reports
// whether done was called. The function that f returns withdraws what f began; it may be nil.
func (s *Server) ask(gone <-chan struct{}, budget *loop.Budget, f func(done func()) func()) bool {
	answered := make(chan struct{})
	var stop func()
	var task *loop.Task
	isDone := false
	err := s.loop.Post(func() {
		task = budget.NewTask(func() {
			stop = f(func() {
				if !isDone {
					isDone = true
					close(answered)
				}
			})
		})
		task.Do()
	})
	if err != nil {
		return false
	}
	select {
	case <-answered:
		return true
	case <-gone:
	case <-s.over:
		return false
	}
	withdrawn := make(chan struct{})
	if s.loop.Post(func() {
		if !isDone && stop != nil {
			stop()
		}
		task.Stop()
		close(withdrawn)
	}) != nil {
		return false
	}
	select {
	case <-withdrawn: // done may have been called before, and then what it gave must be taken
	case <-s.over:
		return false
	}
	select {
	case <-answered:
		return true
	default:
		return false
	}
}
