package rtsp

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// conversation is a client's whole side of the wire: requests with and without bodies, wrong ones, frames, empty lines.
var conversation = "\r\n" + crlf("OPTIONS * RTSP/1.0", "CSeq: 1") +
	crlf("DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 2", "Accept: application/sdp") +
	crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 3", tcpOffer) +
	"$\x01\x00\x04RTCP" +
	crlf("PLAY "+camURL+" RTSP/1.0", "CSeq: 4", "Session: session1") +
	"$\x01\x00\x01$$\x00\x00\x00" +
	"SET_PARAMETER * RTSP/1.0\r\nCSeq: 5\r\nContent-Length: 6\r\n\r\na: b\r\n" +
	"OPTIONS * RTSP/1.0\nCSeq: 6\n\n" +
	"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nX-Long: folded\r\n over lines\r\n\r\n" +
	"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 2\r\n\r\nOK" +
	"$\x01\xff\xff" + strings.Repeat("G", 0xffff) +
	crlf("nonsense", "CSeq: 8") +
	crlf("TEARDOWN "+camURL+" RTSP/1.0", "CSeq: 9", "Session: session1") +
	"$\x01\x00\x04late"

// feed lets the client's bytes arrive in chunks; next says how long the next one is.
func feed(in []byte, next func() int) (out []byte, log []string, err error) {
	m, s := newStage(Config{MaxRequestBytes: 2048})
	c := s.Accept(alice, server)
	for len(in) > 0 && err == nil {
		// A copy at its exact size, wiped after use: nothing may be kept of the caller's buffer.
		chunk := append([]byte(nil), in[:min(max(next(), 1), len(in))]...)
		in = in[len(chunk):]
		out, err = c.Receive(0, chunk, out)
		for i := range chunk {
			chunk[i] = 0xee
		}
		if len(c.partial) > 2048 {
			panic("more is kept than a request may be")
		}
	}
	return out, m.log, err
}

func TestEverySplitIsTheSame(t *testing.T) {
	all, log, err := feed([]byte(conversation), func() int { return len(conversation) })
	if err != nil {
		t.Fatal(err)
	}
	var cseqs []string
	for _, r := range responses(t, all) {
		cseqs = append(cseqs, fmt.Sprintf("%s:%d", r.Header["CSeq"][0], r.StatusCode))
	}
	if got, want := strings.Join(cseqs, " "), "1:200 2:200 3:200 4:200 5:451 6:200 7:200 8:400 9:200"; got != want {
		t.Fatalf("answers %s, want %s", got, want)
	}
	if got, want := strings.Join(log, ", "), "setup session1 cam tcp 0-1, rtcp session1 1 52544350, play session1, rtcp session1 1 24, end session1 teardown"; got != want {
		t.Fatalf("media was told %s, want %s", got, want)
	}
	for size := 1; size < 700; size += 1 + size/16 {
		out, told, err := feed([]byte(conversation), func() int { return size })
		if err != nil || !bytes.Equal(out, all) || strings.Join(told, ", ") != strings.Join(log, ", ") {
			t.Fatalf("in segments of %d bytes: %v, %v\n%s", size, err, told, out)
		}
	}
}

// Framing that is lost: the answer goes out, the connection is to be closed.
func TestLostFraming(t *testing.T) {
	tests := []struct {
		name, in string
		status   Status
		cseq     string
	}{
		{"two lengths", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400, "1"},
		{"list of lengths", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 1, 1\r\n\r\nx", 400, "1"},
		{"length with a sign", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: +1\r\n\r\nx", 400, "1"},
		{"length is empty", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length:\r\n\r\nx", 400, "1"},
		{"length behind a space", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length : 1\r\n\r\nx", 400, "1"},
		{"length in a malformed header", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nnonsense\r\ncontent-LENGTH: 1\r\n\r\nx", 400, "1"},
		{"body too large", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 2048\r\n\r\n", 413, "1"},
		{"length beyond all numbers", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, "1"},
		{"header too large", "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n" + strings.Repeat("X: y\r\n", 400) + "\r\n", 413, "1"},
		{"request line without end", "DESCRIBE rtsp://h/" + strings.Repeat("x", 2048), 414, ""},
		{"SSH", "SSH-2.0-OpenSSH_9.2 Debian-2\r\n", 400, ""},
		{"SSH, the beginning", "SSH-", 400, ""},
		{"method of something else", "EHLO@", 400, ""},
		{"binary behind a letter", "OPTIONS * \x01", 400, ""},
		{"binary", "\x00", 400, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, s := newStage(Config{MaxRequestBytes: 2048})
			c := s.Accept(alice, server)
			out, err := c.Receive(0, []byte(test.in), nil)
			if err == nil || errors.Is(err, ErrClosed) {
				t.Fatalf("%q, %v: want an error that says what is wrong", out, err)
			}
			all := responses(t, out)
			if len(all) != 1 {
				t.Fatalf("%d responses: %q", len(all), out)
			}
			want(t, all[0], test.status, strings.TrimSuffix("CSeq: "+test.cseq, " "))
			if _, err := c.Receive(0, []byte("x"), nil); err != ErrClosed {
				t.Fatalf("afterwards: %v, want ErrClosed", err)
			}
			again, _, err := feed([]byte(test.in), func() int { return 1 })
			if err == nil || !bytes.Equal(again, out) {
				t.Fatalf("byte by byte: %q, %v\nat once: %q", again, err, out)
			}
		})
	}
}

// The largest request that is allowed is taken, whatever it is made of.
func TestLargestRequest(t *testing.T) {
	head := "SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n"
	size := len(fmt.Sprintf(head, 1000))
	request := fmt.Sprintf(head, 2048-size) + strings.Repeat("x", 2048-size)
	_, s := newStage(Config{MaxRequestBytes: 2048})
	c := s.Accept(alice, server)
	want(t, askRaw(t, c, 0, request), StatusParameterNotUnderstood)
	padded := "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: "
	padded += strings.Repeat("x", 2048-4-len(padded)) + "\r\n\r\n"
	want(t, askRaw(t, c, 0, padded), StatusOK)
}

// An idle connection holds no buffer, a waiting one not more than what it waits for.
func TestBufferIsFreed(t *testing.T) {
	_, s := newStage(Config{})
	c := s.Accept(alice, server)
	out, err := c.Receive(0, []byte(strings.Repeat(crlf("OPTIONS * RTSP/1.0", "CSeq: 1"), 5000)+"OPT"), nil)
	if n := len(responses(t, out)); n != 5000 || err != nil {
		t.Fatalf("%d responses, %v", n, err)
	}
	if len(c.partial) != 3 || cap(c.partial) > 64 {
		t.Fatalf("%d bytes kept in %d", len(c.partial), cap(c.partial))
	}
	if _, err := c.Receive(0, []byte("IONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"), nil); err != nil || c.partial != nil {
		t.Fatalf("%d bytes kept, %v", len(c.partial), err)
	}
}

// FuzzReceive: nothing panics, what comes out can be read, and how the bytes are split makes no difference.
func FuzzReceive(f *testing.F) {
	f.Add([]byte(conversation[:700]), []byte{1, 2, 3})
	f.Add([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabcDESCRIBE rtsp://h/cam RTSP/1.0\r\nCSeq: 2\r\n\r\n"), []byte{7})
	f.Add([]byte("$\x01\x00\x02ab$\x00\xff\xff"+crlf("SETUP rtsp://h/ RTSP/1.0", "CSeq: 1", tcpOffer)), []byte{4, 9})
	f.Add([]byte("OPTIONS * RTSP/1.0\nCSeq: 1\n\nGET / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 3\r\n\r\nabc"), []byte{5})
	f.Add([]byte("\n\nPLAY * RTSP/9.9\nCSeq: 1\nSession: session1;x\n\n"), []byte{0})
	f.Fuzz(func(t *testing.T, in, sizes []byte) {
		all, log, err := feed(in, func() int { return len(in) })
		if answers := all; errors.Is(err, errHTTP) {
			responses(t, answers[:bytes.LastIndex(answers, []byte("HTTP/1.1 400 "))])
		} else {
			responses(t, answers)
		}
		i := 0
		out, told, splitErr := feed(in, func() int {
			if i++; len(sizes) == 0 {
				return 1
			}
			return int(sizes[i%len(sizes)])
		})
		if (err == nil) != (splitErr == nil) || !bytes.Equal(out, all) || strings.Join(told, "\n") != strings.Join(log, "\n") {
			t.Fatalf("at once: %v\n%q\n%v\nsplit: %v\n%q\n%v", err, all, log, splitErr, out, told)
		}
	})
}
