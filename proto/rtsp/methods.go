package rtsp

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
)

// maxURLBytes is the longest URL that is looked at.
const maxURLBytes = 2048

// answer appends the response to a request whose header could be read, unless Media has it wait.
func (c *Conn) answer(rq *request, out []byte) []byte {
	if status := c.check(rq); status != StatusOK {
		return c.status(out, rq, status)
	}
	if tags := rq.required(); tags != "" {
		return c.simple(out, rq, Answer{Status: StatusOptionNotSupported}, "Unsupported", tags)
	}
	switch rq.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER":
	case "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN":
		if rq.target.star {
			return c.simple(out, rq, Answer{Status: StatusMethodNotAllowed}, "Allow", starMethods)
		}
	case "ANNOUNCE", "RECORD":
		return c.simple(out, rq, Answer{Status: StatusMethodNotAllowed}, "Allow", allMethods)
	default:
		return c.simple(out, rq, Answer{Status: StatusNotImplemented}, "Public", allMethods)
	}
	if !c.findSession(rq) {
		if c.closesWhatIsOver(rq) {
			return c.status(out, rq, StatusOK)
		}
		return c.status(out, rq, StatusSessionNotFound)
	}
	return c.perform(rq, out)
}

// check looks at what does not depend on the method.
func (c *Conn) check(rq *request) Status {
	if rq.version != "RTSP/1.0" {
		if isVersion(rq.version) {
			return StatusVersionNotSupported
		}
		return StatusBadRequest
	}
	if rq.cseq == "" {
		return StatusBadRequest
	}
	if len(rq.uri) > maxURLBytes {
		return StatusRequestURITooLarge
	}
	var ok bool
	if rq.target, ok = parseTarget(rq.uri); !ok {
		return StatusBadRequest
	}
	return StatusOK
}

// findSession looks for the session that the request names: a sign of its life when the request comes, not when it is
// resumed. A request that names none is fine here.
func (c *Conn) findSession(rq *request) bool {
	if rq.header.Get("Session") == "" {
		c.keepAlive(rq)
		return true
	}
	s, ok := c.server.sessions[sessionID(rq)]
	if !ok || !s.belongs(c) {
		return false
	}
	if !rq.resumed {
		c.server.media.Alive(s)
	}
	if s.ended {
		return false
	}
	rq.session = s
	return true
}

// closesWhatIsOver reports whether the request stops what has stopped already. When a stream has ended, GStreamer sends PAUSE
// and TEARDOWN, and takes a refusal for an error.
func (c *Conn) closesWhatIsOver(rq *request) bool {
	return c.over != "" && sessionID(rq) == c.over && (rq.method == "PAUSE" || rq.method == "TEARDOWN")
}

// sessionID is what the request calls its session, empty if it names none.
func sessionID(rq *request) string {
	id, _, _ := strings.Cut(rq.header.Get("Session"), ";")
	return strings.TrimSpace(id)
}

// keepAlive takes a keep-alive that names no session for one of the only session that was set up on the connection: some
// players send it so.
func (c *Conn) keepAlive(rq *request) {
	switch rq.method {
	case "OPTIONS", "GET_PARAMETER", "SET_PARAMETER":
		if len(c.sessions) == 1 {
			c.server.media.Alive(c.sessions[0])
		}
	}
}

// perform runs a method that may be used here.
func (c *Conn) perform(rq *request, out []byte) []byte {
	switch rq.method {
	case "OPTIONS":
		return c.simple(out, rq, Answer{Status: StatusOK}, "Public", allMethods)
	case "GET_PARAMETER", "SET_PARAMETER":
		// Without a body these are keep-alives; there is no parameter that could be in one.
		if len(bytes.TrimSpace(rq.body)) > 0 {
			return c.status(out, rq, StatusParameterNotUnderstood)
		}
		return c.status(out, rq, StatusOK)
	case "DESCRIBE", "SETUP":
		return c.admit(rq, out)
	}
	// RFC 2326 section 11.3.5: a session that is missing is not found either.
	if rq.session == nil {
		return c.status(out, rq, StatusSessionNotFound)
	}
	switch rq.method {
	case "PLAY":
		return c.play(rq, out)
	case "PAUSE":
		// 200 in any state: ffmpeg gives up its fall-back to TCP otherwise.
		if rq.session.state == Playing {
			rq.session.state = Ready
			c.server.media.Pause(rq.session)
		}
		return c.status(out, rq, StatusOK)
	default: // TEARDOWN
		rq.session.endBy(EndTeardown)
		return c.status(out, rq, StatusOK)
	}
}

// admit runs a method that Media decides on, who asks included.
func (c *Conn) admit(rq *request, out []byte) []byte {
	defer func() { c.credentials = nil }()
	switch tryAgain := c.authenticate(rq); {
	case tryAgain:
		return c.unauthorized(out, rq, Answer{Status: StatusUnauthorized}, true)
	case rq.method == "DESCRIBE":
		return c.describe(rq, out)
	}
	return c.setup(rq, out)
}

func (c *Conn) describe(rq *request, out []byte) []byte {
	if !acceptsSDP(rq.header["Accept"]) {
		return c.status(out, rq, StatusNotAcceptable)
	}
	d, answer := c.server.media.Describe(c, rq.target.path)
	if answer.Status != StatusOK {
		return c.refuse(out, rq, answer)
	}
	body, err := SDP(d, Place{Origin: c.local.Addr(), Control: rq.target.base})
	if err != nil {
		return c.status(out, rq, StatusInternalServerError)
	}
	c.described = d.Path
	out = c.begin(out, rq, answer)
	out = c.session(out, rq.session, false)
	out = header(out, "Content-Base", rq.target.base+"/")
	out = header(out, "Content-Type", "application/sdp")
	out = header(out, "Content-Length", strconv.Itoa(len(body)))
	out = append(out, "\r\n"...)
	return append(out, body...)
}

func (c *Conn) play(rq *request, out []byte) []byte {
	if !playableRange(rq.header.Get("Range")) {
		return c.status(out, rq, StatusInvalidRange)
	}
	s := rq.session
	start, answer := c.server.media.Play(c, s)
	if answer.Status != StatusOK {
		return c.refuse(out, rq, answer)
	}
	if s.ended {
		return c.status(out, rq, StatusSessionNotFound)
	}
	s.state = Playing
	out = c.begin(out, rq, answer)
	out = c.session(out, s, false)
	out = header(out, "Range", "npt=now-")
	if !start.Unknown {
		out = append(out, "RTP-Info: url="...)
		out = append(out, s.url...)
		out = append(out, ";seq="...)
		out = strconv.AppendUint(out, uint64(start.Sequence), 10)
		out = append(out, ";rtptime="...)
		out = strconv.AppendUint(out, uint64(start.RTPTime), 10)
		out = append(out, "\r\n"...)
	}
	return append(out, "\r\n"...)
}

// required returns the option tags of Require and Proxy-Require, which a server treats alike (RFC 2326 section 12.27).
// There is no option that is supported.
func (rq *request) required() string {
	tags := slices.Concat(rq.header["Require"], rq.header["Proxy-Require"])
	joined := strings.Join(tags, ", ")
	if joined != "" && !isPrintable(joined) {
		return "?"
	}
	return joined
}

// isVersion reports whether v is the protocol, whatever its version: RTSP/digits.digits.
func isVersion(v string) bool {
	v, ok := strings.CutPrefix(v, "RTSP/")
	major, minor, dot := strings.Cut(v, ".")
	return ok && dot && isDigits(major) && isDigits(minor)
}

// acceptsSDP reports whether an Accept header, if there is one, allows application/sdp (RFC 2068 section 14.1).
func acceptsSDP(accept []string) bool {
	if len(accept) == 0 {
		return true
	}
	for media := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		name, params, _ := strings.Cut(media, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "application/sdp", "application/*", "*/*":
			if !zeroQuality(params) {
				return true
			}
		}
	}
	return false
}

// zeroQuality reports whether parameters say q=0: not acceptable.
func zeroQuality(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return err == nil && q == 0
		}
	}
	return false
}
