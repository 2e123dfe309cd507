package attack

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// judgeHTTP attacks the port of HTTP.
func judgeHTTP(t *testing.T, attack func(*testing.T, *strike)) (h *hall) {
	t.Helper()
	h = newHall(t, surroundings{http: true})
	h.judge(func(t *testing.T, s *strike) {
		s.to.rtsp, s.daemon.rtsp = s.to.http, s.daemon.http
		attack(t, s)
	})
	return h
}

const getStream, getPicture = "GET /cam.mjpg HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /cam.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"

// TestHTTPSlowloris has 5000 connections, from 15 addresses, send a header that never ends, a line a second.
func TestHTTPSlowloris(t *testing.T) {
	judgeHTTP(t, func(t *testing.T, s *strike) {
		s.connections(load(5000), 15, func(c *connection) error {
			if err := c.write([]byte("GET /cam.mjpg HTTP/1.1\r\nHost: localhost\r\n")); err != nil {
				return err
			}
			return c.every(time.Second, []byte("X-Wait: yes\r\n"))
		})
	})
}

// TestHTTPIdleConnections opens 10 000 connections from 15 addresses on which nothing is said, or nothing more after an
// answer.
func TestHTTPIdleConnections(t *testing.T) {
	const mostGrowth = 200 << 20
	h := judgeHTTP(t, func(t *testing.T, s *strike) {
		for i, first := range []string{"", "GET /none.jpg HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
			s.connections(load(10_000)/2, 15-i, func(c *connection) error {
				if err := c.write([]byte(first)); err != nil {
					return err
				}
				c.drop()
				return nil
			})
		}
	})
	if used := h.daemon.memory(t); used > mostGrowth {
		t.Errorf("the daemon had up to %d MB", used>>20)
	}
}

// TestHTTPUnread has 400 clients ask for the stream, or for picture after picture, and read nothing.
func TestHTTPUnread(t *testing.T) {
	judgeHTTP(t, func(t *testing.T, s *strike) {
		for i, request := range []string{getStream, strings.Repeat(getPicture, 100)} {
			s.connections(load(400)/2, 10-i, func(c *connection) error {
				_ = c.SetReadBuffer(4096)
				if err := c.write([]byte(request)); err != nil {
					return err
				}
				<-s.Done()
				return io.EOF
			})
		}
	})
}

// TestHTTPHugeHeader has 40 connections send a header of a gigabyte, as fast as it is taken.
func TestHTTPHugeHeader(t *testing.T) {
	block := bytes.Repeat([]byte("a"), 64<<10)
	judgeHTTP(t, func(t *testing.T, s *strike) {
		s.connections(load(40), 10, func(c *connection) error {
			if err := c.write([]byte("GET /cam.jpg HTTP/1.1\r\nHost: localhost\r\nX: ")); err != nil {
				return err
			}
			for range 1 << 30 / len(block) {
				if !s.attacks() && !s.pause(time.Millisecond) { // what discards would take it without an end
					return io.EOF
				}
				if err := c.write(block); err != nil {
					return err
				}
			}
			if s.attacks() {
				s.fault(fmt.Errorf("a header of 1 GB was taken"))
			}
			return nil
		})
	})
}

// hidden is a request behind one that cannot be understood, or only in two ways.
var hidden = []string{
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 60\r\n\r\nabc",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 4\r\n\r\nabc",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
	"POST /none.jpg HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
	"GET /none.jpg HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
	"GET /none.jpg HTTP/1.1\r\n\r\n",
	"GET /none.jpg HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
	"GET /none.jpg HTTP/9.9\r\nHost: localhost\r\n\r\n",
}

// TestHTTPSmuggling hides a request for a picture behind others: none is answered.
func TestHTTPSmuggling(t *testing.T) {
	judgeHTTP(t, func(t *testing.T, s *strike) {
		s.connections(load(400), 10, func(c *connection) error {
			for i := 0; ; i++ {
				first := hidden[i%len(hidden)]
				if err := c.write([]byte(first + getPicture)); err != nil {
					return err
				}
				if s.attacks() { // else nobody answers, and as many connections are made
					answer, _ := io.ReadAll(c)
					if bytes.Contains(answer, []byte(" 200 ")) {
						s.fault(fmt.Errorf("what is hidden behind %q is answered by %.200q", first, answer))
					}
				}
				if !s.pause(100 * time.Millisecond) {
					return io.EOF
				}
				next, err := dialFrom(s, address(i, 10), s.to.rtsp)
				if err != nil {
					return err
				}
				c.TCPConn.Close()
				_ = next.SetLinger(0)
				_ = next.SetDeadline(time.Now().Add(patience))
				c.TCPConn = next
			}
		})
	})
}

// TestHTTPBehindStream sends requests behind one for a stream: none of them is answered, and the stream ends.
func TestHTTPBehindStream(t *testing.T) {
	judgeHTTP(t, func(t *testing.T, s *strike) {
		s.connections(load(400), 10, func(c *connection) error {
			if err := c.write([]byte(getStream + strings.Repeat(getPicture, 1000))); err != nil || !s.attacks() {
				return err
			}
			in, _ := io.ReadAll(io.LimitReader(c, 50<<20))
			if bytes.Count(in, []byte("HTTP/1.1 ")) > 1 {
				s.fault(fmt.Errorf("a request behind a stream is answered"))
			}
			return nil
		})
	})
}

// TestHTTPRebinding asks as a page does whose name resolves to this machine: 10 000 requests a second, all of which are refused.
func TestHTTPRebinding(t *testing.T) {
	judgeHTTP(t, func(t *testing.T, s *strike) {
		s.connections(load(100), 10, func(c *connection) error {
			in := bufio.NewReader(c)
			for i := 0; s.pause(20 * time.Millisecond); i++ {
				for _, request := range []string{"GET /cam.jpg HTTP/1.1\r\nHost: evil.example\r\n\r\n", "GET /cam.jpg HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n"} {
					if err := c.write([]byte(request)); err != nil {
						return err
					}
					if !s.attacks() {
						continue
					}
					status, err := readAnswer(in)
					if err != nil {
						return err
					}
					if status != http.StatusForbidden {
						s.fault(fmt.Errorf("%q is answered by %d", request, status))
					}
				}
			}
			return nil
		})
	})
}

// readAnswer reads an answer that has a Content-Length, and returns its status. The viewers, who are in this process, would wait
// for what http.ReadResponse does with 10 000 answers a second.
func readAnswer(in *bufio.Reader) (status int, err error) {
	for length := 0; ; {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		switch text := string(bytes.TrimSpace(line)); {
		case text == "":
			_, err = in.Discard(length)
			return status, err
		case status == 0:
			code, _, _ := strings.Cut(strings.TrimPrefix(text, "HTTP/1.1 "), " ")
			if status, err = strconv.Atoi(code); err != nil {
				return 0, err
			}
		case strings.HasPrefix(text, "Content-Length: "):
			if length, err = strconv.Atoi(text[len("Content-Length: "):]); err != nil {
				return 0, err
			}
		}
	}
}
