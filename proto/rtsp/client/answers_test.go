package client_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// script answers each request with the next text, in which # is the request's CSeq.
func script(t *testing.T, config client.Config, answers ...string) (*client.Client, *receiver, []string, error) {
	t.Helper()
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	var seen receiver
	var asked []string
	request := c.Start(0, nil)
	for _, a := range answers {
		if len(request) == 0 {
			t.Fatalf("nothing was asked after %q", asked)
		}
		asked = append(asked, string(request))
		cseq := strings.SplitN(strings.SplitN(string(request), "CSeq: ", 2)[1], "\r\n", 2)[0]
		if request, err = c.Receive(0, []byte(strings.ReplaceAll(a, "#", cseq)), nil, &seen); err != nil {
			break
		}
	}
	return c, &seen, append(asked, string(request)), err
}

const (
	ok     = "RTSP/1.0 200 OK\r\nCSeq: #\r\n"
	public = ok + "Public: OPTIONS, DESCRIBE, GET_PARAMETER\r\n\r\n"
	jpeg   = "m=video 0 RTP/AVP 26\r\na=control:track1\r\n"
)

func described(header, media string) string {
	body := "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n" + media
	return fmt.Sprintf("%sContent-Type: application/sdp\r\n%sContent-Length: %d\r\n\r\n%s", ok, header, len(body), body)
}

// TestRefusals has servers refuse, and say what makes no sense.
func TestRefusals(t *testing.T) {
	tcp, udp := client.Config{URL: url}, client.Config{URL: url, RTPPort: 5000}
	setUp := func(header string) []string { return []string{public, described("", jpeg), ok + header + "\r\n"} }
	for _, c := range []struct {
		config  client.Config
		answers []string
		want    string
	}{
		{tcp, []string{public, "RTSP/1.0 404 Not Found\r\nCSeq: #\r\n\r\n"}, "DESCRIBE: 404 Not Found"},
		{tcp, []string{public, "RTSP/1.0 404 Not Found\r\nCSeq: #\r\nContent-Length: 15\r\n\r\nrtsp://h/a%20b\n"}, "DESCRIBE: 404 Not Found: the only stream is a b"},
		{tcp, []string{public, "RTSP/1.0 404 Not Found\r\nCSeq: #\r\nContent-Length: 29\r\n\r\nrtsp://h/a\nrtsp://h/%1b[2J\n..."}, "DESCRIBE: 404 Not Found: the streams are a, ?[2J, ..."},
		{tcp, []string{public, "RTSP/1.0 404 Not Found\r\nCSeq: #\r\nContent-Length: 13\r\n\r\n<html></html>"}, "DESCRIBE: 404 Not Found"},
		{tcp, []string{public, "RTSP/1.0 302 Found\r\nCSeq: #\r\nLocation: rtsp://other/cam\r\n\r\n"}, `DESCRIBE: 302 Found: it is now at "rtsp://other/cam"`},
		{tcp, []string{"RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n"}, "OPTIONS: 401 Unauthorized: put the user and the password into the URL"},
		{tcp, []string{public, described("", "m=audio 0 RTP/AVP 0\r\n")}, "DESCRIBE: the stream has no video"},
		{tcp, []string{public, described("", "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n")}, `DESCRIBE: the stream is "VP8/90000", and only JPEG, H264 and H265 can be shown`},
		{tcp, []string{public, "RTSP/1.0 200 OK\r\nCSeq: #\r\nContent-Length: 4\r\n\r\nhuh?"}, "DESCRIBE: a description that cannot be read"},
		{udp, []string{public, described("", jpeg), "RTSP/1.0 461 Unsupported Transport\r\nCSeq: #\r\n\r\n"}, "SETUP: 461 Unsupported Transport"},
		{tcp, []string{public, described("", jpeg), "RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: #\r\n\r\n"}, "SETUP: 453 Not Enough Bandwidth"},
		{tcp, []string{public, "RTSP/1.0 503 the camera is being opened\r\nCSeq: #\r\nRetry-After: 5\r\n\r\n"}, "DESCRIBE: 503 the camera is being opened: try again in 5 s"},
		{tcp, []string{public, "RTSP/1.0 503 Busy\r\nCSeq: #\r\nRetry-After: tomorrow\r\n\r\n"}, "DESCRIBE: 503 Busy"},
		{tcp, []string{"RTSP/1.0 503 connection limit reached\r\nConnection: close\r\n\r\n"}, "OPTIONS: 503 connection limit reached"},
		{tcp, []string{"RTSP/1.0 400 Bad Request: this port speaks TLS\r\nCSeq: #\r\nConnection: close\r\n\r\n"}, "OPTIONS: 400 Bad Request: this port speaks TLS"},
		{tcp, []string{public, "RTSP/1.0 404 Not Found\r\nCSeq: #\r\nContent-Length: 12\r\n\r\nrtsps://h/a\n"}, "DESCRIBE: 404 Not Found: the only stream is a"},
		{tcp, setUp("Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), "SETUP: the answer has no session"},
		{tcp, setUp("Session: 12345678\r\n"), "SETUP: the answer has no transport"},
		{tcp, setUp("Session: 12345678\r\nTransport: RTP/AVP;unicast;client_port=1-2\r\n"), "SETUP: the server chose another transport"},
		{tcp, setUp("Session: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=255-256\r\n"), "SETUP: channels 255-256"},
		{udp, setUp("Session: 12345678\r\nTransport: RTP/AVP;multicast;port=5000-5001\r\n"), "SETUP: the server chose multicast"},
		{udp, setUp("Session: 12345678\r\nTransport: RTP/AVP;unicast;client_port=5000-5001;server_port=0-1\r\n"), "SETUP: server port 0"},
		{tcp, []string{"SSH-2.0-OpenSSH_9.2\r\n"}, `not RTSP: the server says "SSH-2.0-OpenSSH_9.2`},
		{tcp, []string{"HTTP/1.1 400 Bad Request\r\n\r\n"}, `not RTSP: the server says "HTTP/1.1 400`},
		{tcp, []string{"RTSP/1.0 200 OK\r\nCSeq: #\r\nContent-Length: x\r\n\r\n"}, `Content-Length "x"`},
		{tcp, []string{"RTSP/1.0 200 OK\r\nCSeq: #\r\nContent-Length: 100000\r\n\r\n"}, `Content-Length "100000"`},
		{tcp, []string{"RTSP/1.0 200 OK\r\n" + strings.Repeat("X: y\r\n", 5000)}, "without end"},
		{tcp, []string{strings.Repeat("x", 20000)}, "not RTSP"},
		{tcp, []string{"RTSP/1.0 abc OK\r\nCSeq: #\r\n\r\n"}, "an answer that cannot be read"},
	} {
		cl, seen, _, err := script(t, c.config, c.answers...)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", c.answers[len(c.answers)-1], err, c.want)
		}
		if len(seen.log) > 0 {
			t.Errorf("%q: %v", c.want, seen.log)
		}
		if _, err := cl.Receive(0, []byte("RTSP"), nil, seen); !errors.Is(err, client.ErrClosed) {
			t.Errorf("%q: after that %v", c.want, err)
		}
	}
	for _, bad := range []string{"", "http://a/b", "rtsp://[::1", "cam"} {
		if _, err := client.New(client.Config{URL: bad}); err == nil {
			t.Errorf("URL %q: no error", bad)
		}
	}
}

// TestForeignServers has other servers' ways: where the track is, whose keep-alive is
// which, and what else they send.
func TestForeignServers(t *testing.T) {
	set := ok + "Session: 12345678;timeout=30\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n"
	for _, c := range []struct{ name, options, header, media, track, play, alive string }{
		{"camcast", public, "Content-Base: rtsp://192.0.2.1:8554/cam/\r\n", "a=control:*\r\n" + jpeg, url + "/track1", url + "/", "GET_PARAMETER"},
		{"no base", ok + "\r\n", "", jpeg, url + "/track1", url, "OPTIONS"},
		{"absolute, and by another name", public, "Content-Base: rtsp://camera.local/x/\r\n",
			"a=control:rtsp://camera.local/x/\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 JPEG/90000\r\na=control:rtsp://camera.local/x/t\r\n",
			"rtsp://192.0.2.1:8554/x/t", "rtsp://192.0.2.1:8554/x/", "GET_PARAMETER"},
		{"no track", public, "", "m=audio 0 RTP/AVP 0\r\na=control:sound\r\nm=video 0 RTP/AVP 96 26\r\na=rtpmap:96 H264/90000\r\n", url, url, "GET_PARAMETER"},
		{"no OPTIONS", "RTSP/1.0 501 Not Implemented\r\nCSeq: #\r\n\r\n", "", jpeg, url + "/track1", url, "OPTIONS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, seen, asked, err := script(t, client.Config{URL: url}, c.options, described(c.header, c.media), set, "\r\n"+ok+"RTP-Info: url=x;seq=1\r\n\r\n$\x04\x00\x01a")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(asked[2], "SETUP "+c.track+" ") || !strings.HasPrefix(asked[3], "PLAY "+c.play+" ") || !strings.Contains(asked[3], "Session: 12345678\r\n") {
				t.Errorf("asked %q", asked)
			}
			if want := `playing udp=false source=invalid IP ports=0-0; rtp "a"`; seen.String() != want {
				t.Errorf("%q, want %q", seen.String(), want)
			}
			request, err := cl.Expire(15*time.Second, nil)
			if err != nil || !strings.HasPrefix(string(request), c.alive+" ") {
				t.Errorf("kept alive by %q, %v", request, err)
			}
			if report := cl.AppendRTCP(nil, []byte("x")); string(report) != "$\x05\x00\x01x" {
				t.Errorf("report %q", report)
			}
			answer, err := cl.Receive(0, []byte("ANNOUNCE * RTSP/1.0\r\nCSeq: 77\r\nContent-Length: 3\r\n\r\nabc"), nil, seen)
			if want := "RTSP/1.0 501 Not Implemented\r\nCSeq: 77\r\n\r\n"; err != nil || string(answer) != want {
				t.Errorf("the server's own request is answered by %q, %v", answer, err)
			}
			cseq := strings.SplitN(strings.SplitN(string(request), "CSeq: ", 2)[1], "\r\n", 2)[0]
			_, err = cl.Receive(0, []byte("RTSP/1.0 454 Session Not Found\r\nCSeq: "+cseq+"\r\n\r\n"), nil, seen)
			if err == nil || !strings.Contains(err.Error(), "454") {
				t.Errorf("a session that is forgotten: %v", err)
			}
		})
	}
}

// TestPassword answers the challenges of gortsplib's server side.
func TestPassword(t *testing.T) {
	for _, method := range []auth.VerifyMethod{auth.VerifyMethodBasic, auth.VerifyMethodDigestMD5, auth.VerifyMethodDigestSHA256} {
		for password, want := range map[string]bool{"p%40ss": true, "wrong": false} {
			c, err := client.New(client.Config{URL: "rtsp://me:" + password + "@192.0.2.1:8554/cam", AllowBasic: true})
			if err != nil {
				t.Fatal(err)
			}
			request, methods := c.Start(0, nil), []auth.VerifyMethod{method}
			for range 4 {
				var r base.Request
				if err := r.Unmarshal(bufio.NewReader(bytes.NewReader(request))); err != nil {
					t.Fatal(err)
				}
				if strings.Contains(r.URL.String(), "@") {
					t.Errorf("the password is in the URL %v", r.URL)
				}
				answer := base.Response{StatusCode: base.StatusOK, Header: base.Header{"CSeq": r.Header["CSeq"]}}
				if r.Method == base.Describe {
					break
				}
				if auth.Verify(&r, "me", "p@ss", methods, "house", "0123456789") != nil {
					answer.StatusCode = base.StatusUnauthorized
					answer.Header["WWW-Authenticate"] = auth.GenerateWWWAuthenticate(methods, "house", "0123456789")
				}
				text, err := answer.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if request, err = c.Receive(0, text, nil, &receiver{}); err != nil {
					if want || !strings.Contains(err.Error(), "password is wrong") {
						t.Errorf("method %v, password %q: %v", method, password, err)
					}
					request = nil
					break
				}
			}
			if got := strings.HasPrefix(string(request), "DESCRIBE"); got != want {
				t.Errorf("method %v, password %q: taken is %v; the last request is %q", method, password, got, request)
			}
		}
	}
}

// TestDimensions reads the size that a description gives, if it makes sense.
func TestDimensions(t *testing.T) {
	set := ok + "Session: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
	for line, want := range map[string][2]int{
		"":                                {},
		"a=x-dimensions:2592,1944\r\n":    {2592, 1944},
		"a=x-dimensions: 4096 , 2160\r\n": {4096, 2160},
		"a=x-dimensions:65536,1\r\n":      {},
		"a=x-dimensions:640\r\n":          {},
		"a=x-dimensions:0,480\r\n":        {},
		"a=x-dimensions:-640,480\r\n":     {},
		"a=x-dimensions:640,480,3\r\n":    {},
		"a=x-dimensions:six,four\r\n":     {},
		"a=x-dimensions\r\n":              {},
	} {
		_, seen, _, err := script(t, client.Config{URL: url}, public, described("", jpeg+line), set, ok+"\r\n")
		if got := [2]int{seen.playing.Width, seen.playing.Height}; err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", line, got, err, want)
		}
	}
}

// TestFrameRate reads the rate that a description gives, if it makes sense.
func TestFrameRate(t *testing.T) {
	set := ok + "Session: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
	for line, want := range map[string]float64{
		"": 0, "a=framerate:25\r\n": 25, "a=framerate: 29.97 \r\n": 29.97, "a=framerate:0\r\n": 0, "a=framerate:-5\r\n": 0,
		"a=framerate:1001\r\n": 0, "a=framerate:NaN\r\n": 0, "a=framerate:many\r\n": 0,
	} {
		_, seen, _, err := script(t, client.Config{URL: url}, public, described("", jpeg+line), set, ok+"\r\n")
		if err != nil || seen.playing.FramesPerSecond != want {
			t.Errorf("%q: %v, %v; want %v", line, seen.playing.FramesPerSecond, err, want)
		}
	}
}

// TestFormats finds the first video that can be played, what it carries, and the parameter sets that
// the description has.
func TestFormats(t *testing.T) {
	set := ok + "Session: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
	const sets264 = "Z0LADNkH+iMBEAAAAwAQAAADAyDxQqSA,aMuDyyA="
	for name, c := range map[string]struct {
		media, fault string
		format       media.Format
		sets         int
	}{
		"JPEG":              {jpeg, "", media.JPEG, 0},
		"H.264":             {"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + sets264 + "\r\n", "", media.H264, 2},
		"without sets":      {"m=video 0 RTP/AVP 97\r\na=fmtp:96 x=y\r\na=rtpmap:97 h264/90000\r\n", "", media.H264, 0},
		"H.265":             {"m=video 0 RTP/AVP 98\r\na=rtpmap:98 H265/90000\r\n", "", media.H265, 0},
		"the second format": {"m=video 0 RTP/AVP 95 98\r\na=rtpmap:95 AV1/90000\r\na=rtpmap:98 H265/90000\r\n", "", media.H265, 0},
		"interleaved":       {"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=2\r\n", "packetization-mode=2", 0, 0},
		"broken sets":       {"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=!\r\n", "H264/90000: ", 0, 0},
	} {
		_, seen, _, err := script(t, client.Config{URL: url}, public, described("", c.media), set, ok+"\r\n")
		if c.fault != "" {
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("%s: %v, want %q", name, err, c.fault)
			}
		} else if err != nil || seen.playing.Format != c.format || len(seen.playing.ParameterSets) != c.sets {
			t.Errorf("%s: %v, %v, %d parameter sets; want %v, %d", name, err, seen.playing.Format, len(seen.playing.ParameterSets), c.format, c.sets)
		}
	}
}
