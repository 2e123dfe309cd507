package http

import (
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/loop"
	"github.com/camcast/camcast/loop/tcp"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/multipart"
)

// form is a way in which frames are sent as the body of a response that does not end.
type form struct {
	// format is that of the frames, if the stream has a rendition of it.
	format media.Format
	// contentType is that of the response, or says why a stream cannot be sent so.
	contentType func(*cast.Stream) (string, error)
	// opening is the beginning of the body.
	opening string
	play    func(*cast.Session, *tcp.Conn) error
}

// header is the header of the response, and the beginning of its body.
func (f *form) header(contentType string) []byte {
	return []byte("HTTP/1.1 200 OK\r\n" +
		"Content-Type: " + contentType + "\r\n" +
		"Cache-Control: no-store\r\n" +
		"X-Content-Type-Options: nosniff\r\n" +
		"Connection: close\r\n\r\n" + f.opening)
}

// movieForm is fragments of MP4.
var movieForm = &form{format: media.H264, contentType: (*cast.Stream).Movie, play: (*cast.Session).PlayMovie}

// partsForm is JPEGs, with an interval at least between two.
func partsForm(interval time.Duration) *form {
	return &form{
		format:      media.JPEG,
		contentType: func(s *cast.Stream) (string, error) { return multipart.ContentType, carries(s) },
		opening:     multipart.Opening,
		play:        func(s *cast.Session, c *tcp.Conn) error { return s.PlayParts(c, interval) },
	}
}

// maxInput is how many bytes a client may send behind its request. The response does not end, so what comes
// is never answered.
const maxInput = 16 << 10

// serveParts answers with a stream of JPEGs.
func (s *Server) serveParts(w http.ResponseWriter, r *http.Request, name string) {
	interval, err := intervalOf(r.URL.Query()["fps"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.serveStream(w, r, name, partsForm(interval))
}

// serveStream answers with a stream.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request, name string, f *form) {
	one := &reader{server: s, form: f}
	var fault error
	answered := s.admitWhenThere(r, name, cast.Watch, f.format, func(stream *cast.Stream, g cast.Grant, err error) {
		if fault = err; fault != nil {
			return
		}
		if one.contentType, fault = f.contentType(stream); fault == nil && r.Method == http.MethodGet {
			fault = one.openFor(r, stream, g)
		}
	})
	switch {
	case !answered:
	case fault != nil:
		s.refuse(w, r, fault)
	case r.Method == http.MethodHead:
		w.Header().Set("Content-Type", one.contentType)
	default:
		s.handOver(w, one)
	}
}

// errForeignConn: the connection is one of another server of net/http, and may carry its TLS.
var errForeignConn = &cast.Refusal{Kind: cast.NotCarried, Reason: "a stream is sent on connections of camcast's own HTTP port alone: ask that"}

// openFor opens the session of a request.
func (r *reader) openFor(request *http.Request, stream *cast.Stream, g cast.Grant) error {
	if connOf(request) == nil {
		return errForeignConn
	}
	peer, _ := peers(request)
	return r.open(stream, peer, connOf(request).secure(), g)
}

var errFPS = errors.New("fps must be a number of frames per second, more than 0 and at most 1000")

// intervalOf understands ?fps=5.
func intervalOf(fps []string) (time.Duration, error) {
	if len(fps) == 0 {
		return 0, nil
	}
	n, err := strconv.ParseFloat(fps[0], 64)
	if err != nil || len(fps) > 1 || !(n > 0.001 && n <= 1000) || math.IsNaN(n) {
		return 0, errFPS
	}
	return time.Duration(float64(time.Second) / n), nil
}

// handOver has the loop go on with a request's connection. What the client has sent behind its request is
// counted, and not answered.
func (s *Server) handOver(w http.ResponseWriter, one *reader) {
	hijacked, buffers, err := http.NewResponseController(w).Hijack()
	if err != nil {
		one.giveUp("not HTTP/1.1")
		return
	}
	c := hijacked.(*conn)
	one.input = buffers.Reader.Buffered()
	fd, err := c.take()
	if err != nil {
		_ = c.Close()
		one.giveUp("connection closed")
		return
	}
	if s.loop.Post(func() { one.begin(fd, c.peer, c.local, c.outside) }) != nil { // the loop is closed
		closeFD(fd)
		if c.outside != nil {
			c.outside.Close()
		}
	}
}

// giveUp ends a session whose connection is gone.
func (r *reader) giveUp(reason string) {
	_ = r.server.loop.Post(func() { r.session.Gone(reason) }) // a loop that is closed has no sessions
}

// reader is a connection on which the loop sends a stream. Its methods belong to the loop.
type reader struct {
	server      *Server
	form        *form
	contentType string
	session     *cast.Session
	tcp         *tcp.Conn
	input       int
	look        *loop.Timer
	closed      bool
}

// open makes the session.
func (r *reader) open(stream *cast.Stream, peer netip.AddrPort, isSecure bool, g cast.Grant) (err error) {
	r.session, err = r.server.broadcaster.OpenSession(cast.SessionOptions{
		Stream: stream, Protocol: cast.HTTP, Peer: peer, Grant: g, Secure: isSecure, Ended: func(string) { r.close() },
	})
	return err
}

// begin sends the response on a socket, which is the reader's from now on, and so is what carries TLS, if there is any.
func (r *reader) begin(fd int, peer, local netip.AddrPort, o tcp.Outside) {
	s := r.server
	if s.closed || r.closed { // the session may have ended meanwhile
		_ = s.loop.Kernel().CloseFD(fd)
		if o != nil {
			o.Close()
		}
		s.broadcaster.Disconnected(peer)
		r.session.Gone("connection closed")
		return
	}
	var err error
	if r.tcp, err = s.adopter.Adopt(fd, peer, local, o, r); err != nil {
		s.broadcaster.Disconnected(peer)
		r.session.Gone(err.Error())
		return
	}
	s.readers[r] = struct{}{}
	r.look = s.loop.NewAwakeTimer(r.stillThere)
	r.stillThere()
	if err = r.tcp.Write(r.form.header(r.contentType)); err == nil {
		err = r.form.play(r.session, r.tcp)
	}
	if err != nil {
		r.session.Gone(err.Error())
	}
}

// stillThere notes that a reader is there that just has no frames to take: a camera may be away for
// minutes. The kernel finds out when its machine is gone.
func (r *reader) stillThere() {
	if _, blocked := r.tcp.Blocked(); !blocked {
		r.session.Alive()
	}
	r.look.SetAfter(r.server.broadcaster.Config().SessionTimeout / 4)
}

// Data drops what a client sends behind its request.
func (r *reader) Data(p []byte) {
	if r.input += len(p); r.input > maxInput {
		r.session.Gone("too much was sent behind the request")
	}
}

// Writable is called when the socket takes more.
func (r *reader) Writable() { r.session.Writable() }

// Closed is called when the connection is gone.
func (r *reader) Closed(error) { r.session.Gone("connection closed") }

// close ends the connection, as the session has ended.
func (r *reader) close() {
	if r.closed {
		return
	}
	r.closed = true
	if r.tcp == nil { // it was not handed over yet, or could not be
		return
	}
	s := r.server
	delete(s.readers, r)
	r.look.Stop()
	peer := r.tcp.Peer()
	r.tcp.Close()
	s.broadcaster.Disconnected(peer)
}
