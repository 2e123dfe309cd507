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
func (c *Conn) begin(out []byte, rq *request, status Status) []byte {
	// A status that cannot stand in a status line is a Media's mistake, not the client's.
	if status < 200 || status > 599 {
		status = StatusInternalServerError
	}
	c.server.stats.Requests++
	if status >= 400 {
		c.server.stats.Refused++
	}
	out = append(out, "RTSP/1.0 "...)
	out = strconv.AppendUint(out, uint64(status), 10)
	out = append(out, ' ')
	out = append(out, status.String()...)
	out = append(out, "\r\n"...)
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
	return out
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

// simple is a whole response without body: status and up to one more header.
func (c *Conn) simple(out []byte, rq *request, status Status, name, value string) []byte {
	out = c.begin(out, rq, status)
	out = c.session(out, rq.session, false)
	if name != "" {
		out = header(out, name, value)
	}
	return append(out, "\r\n"...)
}

// refuse is a response that has nothing to say but its status.
func (c *Conn) refuse(out []byte, rq *request, status Status) []byte {
	return c.simple(out, rq, status, "", "")
}

func header(out []byte, name, value string) []byte {
	out = append(out, name...)
	out = append(out, ": "...)
	out = append(out, value...)
	return append(out, "\r\n"...)
}
