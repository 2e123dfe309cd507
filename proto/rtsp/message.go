package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// A request is what a client wants, as far as it could be read.
type request struct {
	method, uri, version string

	header textproto.MIMEHeader // names in canonical form: "Cseq"
	cseq   string               // digits, or empty if there was none to echo
	body   []byte

	size    int  // of the whole message in bytes
	resumed bool // it has waited for its answer
	claims  bool // it has credentials, which are wrong unless Media takes them

	target  target
	session *Session // the one the request names, if any
}

// isHTTP reports whether the request is one of HTTP: a browser's.
func (rq *request) isHTTP() bool { return strings.HasPrefix(rq.version, "HTTP/") }

// message frames one request and answers it, unless it has to wait.
func (c *Conn) message(now time.Duration, in, out []byte, resumed bool) (int, []byte, error) {
	if in[0] == tlsHandshake {
		return 0, out, c.server.errTLS()
	}
	if !isToken(in[0]) {
		out = c.status(out, &request{}, StatusBadRequest)
		return 0, out, fmt.Errorf("a message that begins with byte %#x, want a method or '$'", in[0])
	}
	limit := c.server.cfg.MaxRequestBytes
	head := in[:min(len(in), limit)]
	if err := checkLine(head); err != nil {
		return 0, c.status(out, &request{}, StatusBadRequest), err
	}
	end := headEnd(head)
	if end == 0 && len(in) <= limit {
		return 0, out, nil
	}
	if end == 0 {
		rq, _ := c.server.readHead(head)
		if rq.isHTTP() {
			return 0, c.http(out, &rq), errHTTP
		}
		status := StatusRequestEntityTooLarge
		if bytes.IndexByte(head, '\n') < 0 {
			status = StatusRequestURITooLarge
		}
		return 0, c.status(out, &rq, status), fmt.Errorf("a request without end within %d bytes", limit)
	}
	head = head[:end]
	rq, headErr := c.server.readHead(head)
	if rq.isHTTP() {
		return 0, c.http(out, &rq), errHTTP
	}
	bodyBytes, status, err := contentLength(rq.header, head, headErr)
	if err == nil && bodyBytes > limit-end {
		status, err = StatusRequestEntityTooLarge, fmt.Errorf("a request of %d+%d bytes, at most %d are taken", end, bodyBytes, limit)
	}
	if err != nil {
		return 0, c.status(out, &rq, status), err
	}
	if total := end + bodyBytes; len(in) < total {
		c.need = total
		return 0, out, nil
	}
	rq.body, rq.size, rq.resumed = in[end:end+bodyBytes], end+bodyBytes, resumed
	if strings.HasPrefix(rq.method, "RTSP/") {
		return rq.size, out, nil // a response to a request we never sent: nothing to answer
	}
	c.lastActive = now
	if !resumed {
		c.number++
	}
	switch {
	case headErr != nil:
		out = c.status(out, &rq, StatusBadRequest)
	default:
		if out = c.answer(&rq, out); c.waiting > 0 {
			return 0, out, nil
		}
	}
	if c.failures >= MaxFailures {
		return 0, out, ErrCredentials
	}
	return rq.size, out, nil
}

// headEnd returns the length of the header with its empty line, 0 if that has not come. Lines may end with LF alone
// (RFC 2326 section 4).
func headEnd(b []byte) int {
	for i := 0; ; i++ {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n
		rest := b[i+1:]
		if len(rest) > 0 && rest[0] == '\n' {
			return i + 2
		}
		if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return i + 3
		}
	}
}

// readHead parses request line and header. What could be read is returned with an error too: the answer wants its CSeq.
func (s *Server) readHead(head []byte) (request, error) {
	s.headBytes.Reset(head)
	s.headBuffer.Reset(&s.headBytes)
	var rq request
	line, err := s.head.ReadLine()
	if err != nil {
		return rq, err
	}
	// A password in the URL may have spaces.
	method, rest, _ := strings.Cut(line, " ")
	rq.method = method
	if i := strings.LastIndexByte(rest, ' '); i >= 0 {
		rq.uri, rq.version = rest[:i], rest[i+1:]
	} else {
		err = errors.New("a request line of less than three words, want METHOD URL RTSP/1.0")
	}
	header, headerErr := s.head.ReadMIMEHeader()
	rq.header = header
	if cseq := header.Get("CSeq"); isCSeq(cseq) {
		rq.cseq = cseq
	}
	if err == nil {
		err = headerErr
	}
	if err == nil {
		err = checkNames(header)
	}
	return rq, err
}

// checkNames refuses what textproto lets pass: "Content-Length : 5" would be a header of another name.
func checkNames(header textproto.MIMEHeader) error {
	for name := range header {
		for _, b := range []byte(name) {
			if !isToken(b) {
				return fmt.Errorf("header name %q, want letters, digits and -", name)
			}
		}
	}
	return nil
}

// contentLength returns the length of the body. An error means that nobody can say where the message ends.
func contentLength(header textproto.MIMEHeader, head []byte, headErr error) (int, Status, error) {
	if headErr != nil && bytes.Contains(bytes.ToLower(head), []byte("content-length")) {
		return 0, StatusBadRequest, fmt.Errorf("a malformed header with a Content-Length: %w", headErr)
	}
	values := header["Content-Length"]
	switch {
	case len(values) == 0:
		return 0, 0, nil
	case len(values) > 1:
		return 0, StatusBadRequest, fmt.Errorf("Content-Length %d times, want it once", len(values))
	case !isDigits(values[0]):
		return 0, StatusBadRequest, fmt.Errorf("Content-Length %.20q, want a number", values[0])
	}
	n, err := strconv.ParseUint(values[0], 10, 31)
	if err != nil {
		return 0, StatusRequestEntityTooLarge, fmt.Errorf("Content-Length %.20q, want less than 2 GB", values[0])
	}
	return int(n), 0, nil
}

// isCSeq reports whether a CSeq can be echoed: a number (RFC 2326 section 12.17) of sensible length.
func isCSeq(s string) bool { return len(s) <= 20 && isDigits(s) }

func isDigits(s string) bool {
	for _, b := range []byte(s) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return s != ""
}

// isToken reports whether a method may contain b (RFC 2068 section 2.2).
func isToken(b byte) bool {
	return b > ' ' && b < 0x7f && !strings.ContainsRune(`()<>@,;:\"/[]?={}`, rune(b))
}

// isPrintable reports whether a value of the client's can be put into an answer.
func isPrintable(s string) bool {
	for _, b := range []byte(s) {
		if b < ' ' || b == 0x7f {
			return false
		}
	}
	return true
}
