package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// This file has the words for those who speak TLS to a port of plain text, and the other way round.

// ErrTLS is in the error of a connection whose client speaks TLS, and the server plain text.
var ErrTLS = errors.New("a TLS client's greeting; this port speaks plain text")

// tlsHandshake is the first byte of a TLS connection (RFC 8446 section 5.1). No RTSP message begins with it.
const tlsHandshake = 0x16

// errTLS is ErrTLS, with the port that is the right one.
func (s *Server) errTLS() error {
	if port := s.cfg.SecurePort; port != 0 {
		return fmt.Errorf("%w: use rtsps:// and port %d", ErrTLS, port)
	}
	return fmt.Errorf("%w: use rtsp://", ErrTLS)
}

// plainText is what a client is told that speaks plain text where TLS is spoken.
const plainText = "this port speaks TLS: use rtsps://"

// AnswerPlainText is the answer of a server that speaks TLS to a client that does not, by the first bytes that the client has
// sent: 400 in the words of RTSP or HTTP, whose request's first line has to be whole, and nil for anything else. The client's
// connection is to be closed then. Any goroutine may call it.
func AnswerPlainText(first []byte) []byte {
	line, rest, whole := bytes.Cut(first, []byte("\n"))
	fields := bytes.Fields(line)
	if !whole || len(fields) < 3 {
		return nil
	}
	switch version := fields[len(fields)-1]; {
	case isVersion(string(version)):
		out := Answer{Status: StatusBadRequest, Reason: StatusBadRequest.String() + ": " + plainText}.appendStatus(nil)
		if cseq := cseqOf(rest); cseq != "" {
			out = header(out, "CSeq", cseq)
		}
		out = header(out, "Connection", "close")
		return append(out, "\r\n"...)
	case bytes.HasPrefix(version, []byte("HTTP/")):
		out := []byte("HTTP/1.1 400 Bad Request\r\n")
		out = header(out, "Content-Type", "text/plain; charset=utf-8")
		out = header(out, "Content-Length", strconv.Itoa(len(plainText)+1))
		out = header(out, "Connection", "close")
		return append(out, "\r\n"+plainText+"\n"...)
	}
	return nil
}

// cseqOf is the number of a request whose headers may be cut off, "" if it is not among them.
func cseqOf(headers []byte) string {
	for line := range bytes.Lines(headers) {
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(":"))
		if number := string(bytes.TrimSpace(value)); bytes.EqualFold(name, []byte("CSeq")) && isCSeq(number) && bytes.HasSuffix(line, []byte("\n")) {
			return number
		}
	}
	return ""
}
