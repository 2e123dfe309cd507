package rtsp

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Media says why, and when to ask again.
func TestReasons(t *testing.T) {
	const second = time.Second
	tests := map[string]struct {
		answer Answer
		line   string
		header string
	}{
		"nothing":             {Answer{Status: 503}, "503 Service Unavailable", "Retry-After:"},
		"a reason":            {Answer{Status: 503, Reason: "the camera is unplugged"}, "503 the camera is unplugged", "Retry-After:"},
		"a time":              {Answer{Status: 503, RetryAfter: 5 * second}, "503 Service Unavailable", "Retry-After: 5"},
		"rounded up":          {Answer{Status: 453, Reason: "full", RetryAfter: 5*second + 1}, "453 full", "Retry-After: 6"},
		"soon":                {Answer{Status: 503, RetryAfter: 1}, "503 Service Unavailable", "Retry-After: 1"},
		"in the past":         {Answer{Status: 503, RetryAfter: -second}, "503 Service Unavailable", "Retry-After:"},
		"never":               {Answer{Status: 503, RetryAfter: math.MaxInt64}, "503 Service Unavailable", "Retry-After: 9223372037"},
		"line breaks":         {Answer{Status: 403, Reason: "no\r\nX: y\x00\x7f\t"}, "403 no??X: y???", "X:"},
		"other letters":       {Answer{Status: 403, Reason: "Zugang für \xff gesperrt 🎥"}, "403 Zugang f?r ? gesperrt ?", ""},
		"at most 200":         {Answer{Status: 403, Reason: strings.Repeat("ä", 300)}, "403 " + strings.Repeat("?", 200), ""},
		"an unknown status":   {Answer{Status: 429, Reason: "two readers are enough"}, "429 two readers are enough", ""},
		"without any phrase":  {Answer{Status: 429}, "429 Status 429", ""},
		"a mistake of Media":  {Answer{Status: 100, Reason: "why not"}, "500 why not", ""},
		"granted with reason": {Answer{Status: 200, Reason: "Welcome"}, "200 Welcome", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m, _, c := newReader(t, udpOffer)
			m.describe, m.play = test.answer, test.answer
			m.setup = func(Transport) Answer { return test.answer }
			for _, request := range []string{describe4, crlf("SETUP "+camTrack+" RTSP/1.0", "CSeq: 4", udpOffer), play4} {
				out := receive(t, c, request)
				if line, _, _ := strings.Cut(out, "\r\n"); line != "RTSP/1.0 "+test.line {
					t.Errorf("%.8s: %q, want %q", request, line, test.line)
				}
				r := responses(t, []byte(out))[0]
				if want(t, r, Status(r.StatusCode), "CSeq: 4"); test.header != "" {
					want(t, r, Status(r.StatusCode), test.header)
				}
			}
		})
	}
}

// What the client does not accept is not asked of Media, which would open a camera for it.
func TestNotAcceptableIsNotAsked(t *testing.T) {
	m, _, c := newReader(t, udpOffer)
	m.later = func() bool { t.Error("media was asked"); return true }
	want(t, ask(t, c, 0, "DESCRIBE "+camURL+" RTSP/1.0", "CSeq: 1", "Accept: text/html"), StatusNotAcceptable)
	want(t, ask(t, c, 0, "PLAY "+camURL+" RTSP/1.0", "CSeq: 1", "Session: session1", "Range: npt=2-1"), StatusInvalidRange)
}

// A connection is refused before it has asked anything.
func TestRefusalOfAConnection(t *testing.T) {
	for _, test := range []struct {
		config Config
		answer Answer
		want   string
	}{
		{Config{Server: "camcast/test"}, Answer{Status: 503, Reason: "connection limit reached", RetryAfter: time.Minute},
			"RTSP/1.0 503 connection limit reached\r\nServer: camcast/test\r\nRetry-After: 60\r\nConnection: close\r\n\r\n"},
		{Config{}, Answer{Status: 403}, "RTSP/1.0 403 Forbidden\r\nConnection: close\r\n\r\n"},
		{Config{}, Answer{Status: 403, Reason: "no\r\n\r\n"}, "RTSP/1.0 403 no????\r\nConnection: close\r\n\r\n"},
		{Config{}, OK, "RTSP/1.0 500 Internal Server Error\r\nConnection: close\r\n\r\n"},
		{Config{}, Later, "RTSP/1.0 500 Internal Server Error\r\nConnection: close\r\n\r\n"},
	} {
		_, s := newStage(test.config)
		out := string(s.AppendRefusal([]byte("x"), test.answer))
		if out != "x"+test.want || s.Stats() != (Stats{}) {
			t.Errorf("%+v: %q, want %q; counted %+v", test.answer, out, test.want, s.Stats())
		}
		if all := responses(t, []byte(out[1:])); len(all) != 1 || Status(all[0].StatusCode) != test.answer.refusal().Status {
			t.Errorf("%+v is read as %v", test.answer, all)
		}
	}
}
