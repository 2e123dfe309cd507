package rtsp

import (
	"strconv"
	"time"
)

// Methods, for the Public and Allow headers.
const (
	allMethods     = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
	starMethods    = "OPTIONS, GET_PARAMETER, SET_PARAMETER"
	playingMethods = "OPTIONS, DESCRIBE, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
)

// begin appends the status line and the headers that every response has.
func (c *Conn) begin(out []byte, rq *request, a Answer) []byte {
	c.server.stats.Requests++
	if a.Status >= 400 {
		c.server.stats.Refused++
	}
	out = a.appendStatus(out)
	if rq.cseq != "" {
		out = header(out, "CSeq", rq.cseq)
	}
	if c.server.cfg.Server != "" {
		out = header(out, "Server", c.server.cfg.Server)
	}
	// RFC 2326 section 12.38: to be echoed as it is.
	if stamp := rq.header.Get("Timestamp"); stamp != "" && isPrintable(stamp) {
		out = header(out, "Timestamp", stamp)
	}
	return a.appendRetryAfter(out)
}

// session appends the Session header; with the timeout it is for SETUP.
func (c *Conn) session(out []byte, s *Session, withTimeout bool) []byte {
	if s == nil {
		return out
	}
	out = append(out, "Session: "...)
	out = append(out, s.id...)
	if withTimeout {
		out = append(out, ";timeout="...)
		out = strconv.AppendInt(out, int64(c.server.cfg.Timeout/time.Second), 10)
	}
	return append(out, "\r\n"...)
}

// simple is a whole response without body: an answer and up to one more header.
func (c *Conn) simple(out []byte, rq *request, a Answer, name, value string) []byte {
	out = c.begin(out, rq, a)
	out = c.session(out, rq.session, false)
	if name != "" {
		out = header(out, name, value)
	}
	return append(out, "\r\n"...)
}

// status is a response that has nothing to say but its status.
func (c *Conn) status(out []byte, rq *request, status Status) []byte {
	return c.simple(out, rq, Answer{Status: status}, "", "")
}

// refuse is the response to a request that Media has not granted. There is none yet if it has to wait.
func (c *Conn) refuse(out []byte, rq *request, a Answer) []byte {
	if a.later() {
		c.wait(rq)
		return out
	}
	switch {
	case a.Status == StatusNotFound:
		return c.notFound(out, rq, a)
	case a.Status == StatusUnauthorized && c.server.cfg.Realm != "":
		return c.unauthorized(out, rq, a, false)
	}
	return c.simple(out, rq, a.refusal(), "", "")
}

// notFound is the response to a URL that no stream has. Its body has the URLs of the streams that there are.
func (c *Conn) notFound(out []byte, rq *request, a Answer) []byte {
	urls := c.server.appendStreams(nil, rq.target.root)
	if len(urls) == 0 {
		return c.simple(out, rq, a, "", "")
	}
	out = c.begin(out, rq, a)
	out = c.session(out, rq.session, false)
	out = header(out, "Content-Type", "text/plain; charset=utf-8")
	out = header(out, "Content-Length", strconv.Itoa(len(urls)))
	out = append(out, "\r\n"...)
	return append(out, urls...)
}

// AppendRefusal appends a whole response to no request, for a connection that the caller closes at once, as when it has
// reached a limit of connections. It has no CSeq; players show its status and reason all the same. It is not counted. A
// status that is no refusal is sent as 500.
func (s *Server) AppendRefusal(dst []byte, a Answer) []byte {
	a = a.refusal()
	dst = a.appendStatus(dst)
	if s.cfg.Server != "" {
		dst = header(dst, "Server", s.cfg.Server)
	}
	dst = a.appendRetryAfter(dst)
	dst = header(dst, "Connection", "close")
	return append(dst, "\r\n"...)
}

func header(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}
