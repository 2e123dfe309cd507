package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/camcast/camcast/proto/uri"
)

// This file answers those who speak something else than RTSP.

var errHTTP = errors.New("an HTTP request; this is an RTSP server")

// checkLine says what shows that a message is no request, as early as its first line shows it. head may be cut off anywhere.
func checkLine(head []byte) error {
	line, _, _ := bytes.Cut(head[:min(len(head), maxURLBytes)], []byte("\n"))
	method, _, _ := bytes.Cut(line, []byte(" "))
	for _, b := range method {
		if !isToken(b) && b != '\r' && !bytes.HasPrefix(line, []byte("RTSP/")) {
			return fmt.Errorf("a method with byte %#x", b)
		}
	}
	for _, b := range line {
		if b < ' ' && b != '\r' && b != '\t' || b == 0x7f {
			return fmt.Errorf("a request line with byte %#x", b)
		}
	}
	if bytes.HasPrefix(line, []byte("SSH-")) {
		return errors.New("an SSH client's greeting; this is an RTSP server")
	}
	return nil
}

// http appends the answer to an HTTP request, in HTTP's words: a person has typed the address into a browser.
func (c *Conn) http(out []byte, rq *request) []byte {
	c.server.stats.Requests++
	c.server.stats.Refused++
	root := "rtsp://" + c.hostOf(rq)
	if c.Secure {
		root = "rtsps://" + c.hostOf(rq)
	}
	body := []byte("This is an RTSP server, not a web server. Open in a player, such as VLC, mpv or ffplay:\n")
	if urls := c.server.appendStreams(nil, root); len(urls) > 0 {
		body = append(body, urls...)
	} else {
		body = append(body, root+"/\n"...)
	}
	out = append(out, "HTTP/1.1 400 Bad Request\r\n"...)
	if c.server.cfg.Server != "" {
		out = header(out, "Server", c.server.cfg.Server)
	}
	out = header(out, "Content-Type", "text/plain; charset=utf-8")
	out = header(out, "X-Content-Type-Options", "nosniff")
	out = header(out, "Content-Length", strconv.Itoa(len(body)))
	out = header(out, "Connection", "close")
	out = append(out, "\r\n"...)
	if rq.method == "HEAD" {
		return out
	}
	return append(out, body...)
}

// maxHostBytes is the longest name that a host can have (RFC 1035 section 2.3.4).
const maxHostBytes = 255

// hostOf is the server's host and port as the client of an HTTP request knows it, or else the address that it has
// connected to. Nothing of the client's is repeated that is not a plain host.
func (c *Conn) hostOf(rq *request) string {
	local := netip.AddrPortFrom(c.local.Addr().WithZone(""), c.local.Port())
	host, port, err := uri.ParseHost(rq.header.Get("Host"))
	host, _, _ = strings.Cut(host, "%")
	if err != nil || len(host) > maxHostBytes || len(port) > 5 || strings.ContainsFunc(host, func(r rune) bool { return r >= 0x80 }) {
		return local.String()
	}
	if port == "" {
		port = strconv.Itoa(int(local.Port()))
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// maxListBytes is how many bytes of URLs an answer lists.
const maxListBytes = 4096

// appendStreams appends the URLs of the streams, each on a line of its own. Where they are too many, "..." is the last line.
func (s *Server) appendStreams(dst []byte, root string) []byte {
	for path := range s.media.Paths() {
		url := root + "/" + uri.EscapeName(path) + "\n"
		if len(dst)+len(url) > maxListBytes {
			return append(dst, "...\n"...)
		}
		dst = append(dst, url...)
	}
	return dst
}
