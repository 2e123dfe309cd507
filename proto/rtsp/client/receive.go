package client

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

const (
	// maxHeadBytes and maxBodyBytes bound an answer: descriptions have a few kB.
	maxHeadBytes = 16 << 10
	maxBodyBytes = 64 << 10
	// frameHeadBytes is what stands before an interleaved packet (RFC 2326, section 10.12).
	frameHeadBytes = 4
)

// Receive takes what was read from the connection, and appends the next request if there
// is one. All of data is consumed. After an error nothing that comes can be understood, or
// the server has refused: the connection is to be closed.
func (c *Client) Receive(now time.Duration, data, dst []byte, r Receiver) ([]byte, error) {
	rest := data
	if len(c.partial) > 0 {
		c.partial = append(c.partial, data...)
		rest = c.partial
	}
	for len(rest) > 0 {
		var n int
		var err error
		switch {
		case c.state == closed:
			return dst, ErrClosed
		case rest[0] == '$':
			n = c.frame(rest, r)
		default:
			n, dst, err = c.message(now, rest, dst, r)
		}
		if err != nil {
			c.Close()
			return dst, err
		}
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	if c.state != closed { // by the receiver
		c.partial = append(c.partial[:0], rest...)
	}
	return dst, nil
}

// frame takes an interleaved packet and returns its length, 0 if it is not whole yet.
func (c *Client) frame(in []byte, r Receiver) int {
	if len(in) < frameHeadBytes {
		return 0
	}
	n := frameHeadBytes + int(in[2])<<8 + int(in[3])
	if len(in) < n {
		return 0
	}
	if c.tcp && c.session != "" { // PLAY's answer may come after the first packets
		switch in[1] {
		case c.channel:
			r.RTP(in[frameHeadBytes:n])
		case c.channel + 1:
			r.RTCP(in[frameHeadBytes:n])
		}
	}
	return n
}

// message takes an answer, or a request of the server's, and returns its length, 0 if it is
// not whole yet.
func (c *Client) message(now time.Duration, in, dst []byte, r Receiver) (int, []byte, error) {
	if in[0] == '\r' || in[0] == '\n' { // some servers send empty lines in between
		return 1, dst, nil
	}
	if line, _, whole := bytes.Cut(in, []byte("\n")); whole && !bytes.Contains(line, []byte("RTSP/1.0")) || len(line) > maxHeadBytes {
		return 0, dst, fmt.Errorf("not RTSP: the server says %.40q", line)
	}
	end := bytes.Index(in, []byte("\r\n\r\n")) + len("\r\n\r\n")
	if end < len("\r\n\r\n") {
		if len(in) > maxHeadBytes {
			return 0, dst, fmt.Errorf("an answer without end within %d bytes", maxHeadBytes)
		}
		return 0, dst, nil
	}
	body, err := bodyBytes(in[:end])
	if err != nil || len(in) < end+body {
		return 0, dst, err
	}
	if !bytes.HasPrefix(in, []byte("RTSP/")) {
		return end + body, appendRefusal(dst, in[:end]), nil
	}
	var answer base.Response
	if err := answer.Unmarshal(bufio.NewReader(bytes.NewReader(in[:end+body]))); err != nil {
		return 0, dst, fmt.Errorf("an answer that cannot be read: %s", clean(err.Error()))
	}
	dst, err = c.answered(now, dst, &answer, r)
	return end + body, dst, err
}

// bodyBytes is how long the body is that comes after a head.
func bodyBytes(head []byte) (int, error) {
	value, ok := headerValue(head, "Content-Length")
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n > maxBodyBytes {
		return 0, fmt.Errorf("Content-Length %.20q: must be a number up to %d", value, maxBodyBytes)
	}
	return int(n), nil
}

// headerValue is the first value of a header.
func headerValue(head []byte, name string) (string, bool) {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		key, value, ok := bytes.Cut(line, []byte(":"))
		if ok && bytes.EqualFold(bytes.TrimSpace(key), []byte(name)) {
			return string(bytes.TrimSpace(value)), true
		}
	}
	return "", false
}

// appendRefusal answers a request of the server's: a reader need not know any.
func appendRefusal(dst, head []byte) []byte {
	cseq, _ := headerValue(head, "CSeq")
	if _, err := strconv.ParseUint(cseq, 10, 32); err != nil {
		return dst // there is nothing that the answer could refer to
	}
	return fmt.Appendf(dst, "RTSP/1.0 501 Not Implemented\r\nCSeq: %s\r\n\r\n", cseq)
}

// clean is a text of the server's, or about it, that can be shown: one line, and nothing
// that a terminal would obey.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), maxShownBytes)], "")
}

// maxShownBytes is how much of a text is shown.
const maxShownBytes = 200
