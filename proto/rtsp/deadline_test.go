package rtsp

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A message that is whole in time, however slowly it comes, is answered; a moment later it is not. The next one has its own
// time.
func TestMessagesHaveToBeWholeInTime(t *testing.T) {
	const late = RequestTime
	for name, message := range map[string]string{
		"request":           crlf("OPTIONS * RTSP/1.0", "CSeq: 1"),
		"body":              "SET_PARAMETER * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\n\r\n\r\n",
		"frame's header":    "$\x01\x00\x00",
		"frame's payload":   "$\x01\x00\x08RTCPRTCP",
		"frame that is cut": "$\x01\xff\x00" + strings.Repeat("x", 0xff00),
		"response":          "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
		"browser's":         "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		for _, part := range []int{1, 2, 3, len(message) / 2, len(message) - 1} {
			_, s := newStage(Config{})
			c := s.Accept(alice, server)
			want(t, ask(t, c, 0, "SETUP "+camTrack+" RTSP/1.0", "CSeq: 1", tcpOffer), 200)
			if _, unfinished := c.Next(); unfinished {
				t.Fatalf("%s: something is waited for before it", name)
			}
			begun := time.Minute
			receiveAt(t, c, begun, message[:part])
			receiveAt(t, c, begun+late/2, message[part:part])
			if due, unfinished := c.Next(); !unfinished || due != begun+late {
				t.Fatalf("%s, %d bytes: due at %v, %v; want %v", name, part, due, unfinished, begun+late)
			}
			if out, err := c.Expire(begun+late-1, nil); len(out) > 0 || err != nil {
				t.Fatalf("%s, %d bytes: a moment before: %q, %v", name, part, out, err)
			}
			if name != "browser's" {
				receiveAt(t, c, begun+late-1, message[part:]+message[:1])
				if due, unfinished := c.Next(); !unfinished || due != begun+2*late-1 {
					t.Errorf("%s, %d bytes: the next one is due at %v, %v", name, part, due, unfinished)
				}
				begun += late - 1
			}
			out, err := c.Expire(begun+late, nil)
			if err == nil || errors.Is(err, ErrClosed) {
				t.Fatalf("%s, %d bytes: %q, %v", name, part, out, err)
			}
			want(t, responses(t, out)[0], StatusRequestTimeout, "Connection: close", "CSeq:")
			if _, err := c.Receive(begun+late, []byte(message), nil); err != ErrClosed {
				t.Errorf("%s, %d bytes: after the end %v", name, part, err)
			}
			if out, err := c.Expire(begun+2*late, nil); len(out) > 0 || err != nil {
				t.Errorf("%s, %d bytes: expired again: %q, %v", name, part, out, err)
			}
		}
	}
}

func receiveAt(t *testing.T, c *Conn, now time.Duration, in string) {
	t.Helper()
	if _, err := c.Receive(now, []byte(in), nil); err != nil {
		t.Fatalf("%q: %v", in, err)
	}
}

// What waits for Media's answer has no deadline, and what has come behind it begins when it is answered.
func TestWaitingIsNotCounted(t *testing.T) {
	m, _, c := newReader(t, udpOffer)
	m.later = always
	receiveAt(t, c, 0, describe4+"OPTIO")
	receiveAt(t, c, time.Hour, "NS")
	if due, unfinished := c.Next(); unfinished {
		t.Fatalf("due at %v while it waits", due)
	}
	if out, err := c.Expire(time.Hour, nil); len(out) > 0 || err != nil {
		t.Fatalf("%q, %v while it waits", out, err)
	}
	m.later = nil
	if _, err := c.Resume(2*time.Hour, nil); err != nil {
		t.Fatal(err)
	}
	if due, unfinished := c.Next(); !unfinished || due != 2*time.Hour+RequestTime {
		t.Fatalf("due at %v, %v", due, unfinished)
	}
	receiveAt(t, c, 2*time.Hour+1, " * RTSP/1.0\r\nCSeq: 5\r\n\r\n")
	if _, unfinished := c.Next(); unfinished {
		t.Error("something is waited for behind the last request")
	}
}

// Empty lines and frames of nobody's are no sign that the connection is in use.
func TestJunkIsNotActivity(t *testing.T) {
	_, s := newStage(Config{})
	c := s.Accept(alice, server)
	ask(t, c, time.Second, "OPTIONS * RTSP/1.0", "CSeq: 1")
	receiveAt(t, c, time.Minute, "\r\n\n$\x01\x00\x01x$\x00\xff\xff"+strings.Repeat("x", 0xffff)+"OPT")
	if c.LastActive() != time.Second {
		t.Errorf("last active at %v, want 1 s", c.LastActive())
	}
}
