package client_test

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// checkAsked fails unless what a client sends is requests, with no header that a server has put
// there, and refusals of the server's own.
func checkAsked(t *testing.T, sent []byte) {
	t.Helper()
	for in := bufio.NewReader(bytes.NewReader(sent)); ; {
		start, err := in.Peek(5)
		if err != nil && len(start) == 0 {
			return
		}
		if string(start) == "RTSP/" { // to a request of the server's
			var a base.Response
			if err := a.Unmarshal(in); err != nil || a.StatusCode != base.StatusNotImplemented {
				t.Fatalf("it sends %q, which is no answer: %v", sent, err)
			}
			continue
		}
		var r base.Request
		if err := r.Unmarshal(in); err != nil {
			t.Fatalf("it sends %q, which is no request: %v", sent, err)
		}
		for name := range r.Header {
			if !strings.Contains("Accept Authorization CSeq Range Session Transport User-Agent ", name+" ") {
				t.Fatalf("it sends %q, with a header %q", sent, name)
			}
		}
	}
}

// checkError fails unless an error can be shown in one line of a terminal.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if i := strings.IndexFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || len(err.Error()) > 2000 {
		t.Fatalf("the error cannot be shown, by byte %d of %d: %.500q", i, len(err.Error()), err)
	}
}

// FuzzReceive has a server say anything, in any pieces: whatever they are, the client asks the same.
func FuzzReceive(f *testing.F) {
	set := ok + "Session: 12345678;timeout=30\r\nTransport: RTP/AVP/TCP;unicast;interleaved=4-5\r\n\r\n"
	f.Add([]byte(public+described("Content-Base: rtsp://h/x/\r\n", jpeg)+set+ok+"\r\n$\x04\x00\x01a"), 5)
	f.Add([]byte("RTSP/1.0 401 No\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n\r\n"), 100)
	f.Fuzz(func(t *testing.T, said []byte, chunk int) {
		// The CSeqs are 1, 2, 3...: each # is the next.
		for n := 1; bytes.IndexByte(said, '#') >= 0; n++ {
			said = bytes.Replace(said, []byte("#"), fmt.Append(nil, n), 1)
		}
		talk := func(chunk int) (asked []byte, seen receiver, err error) {
			c, err := client.New(client.Config{URL: "rtsp://u:p@192.0.2.1/cam", RTPPort: 5000, FallBack: len(said)%2 == 0})
			if err != nil {
				t.Fatal(err)
			}
			asked = c.Start(0, nil)
			for rest := said; len(rest) > 0; {
				n := min(max(chunk, 1), len(rest))
				if asked, err = c.Receive(0, rest[:n], asked, &seen); err != nil {
					return asked, seen, err
				}
				rest = rest[n:]
			}
			checkAsked(t, c.Leave(time.Minute, nil))
			_, _ = c.Expire(time.Hour, nil)
			return asked, seen, nil
		}
		asked, seen, err := talk(len(said))
		checkAsked(t, asked)
		checkError(t, err)
		again, seenAgain, errAgain := talk(chunk)
		if (err == nil) != (errAgain == nil) || !bytes.Equal(again, asked) || seenAgain.String() != seen.String() {
			t.Fatalf("at once: %v\n%q\n%v\nin pieces of %d: %v\n%q\n%v", err, asked, &seen, chunk, errAgain, again, &seenAgain)
		}
	})
}

// oneLine is a text as it can stand in a header.
func oneLine(text string) string {
	return strings.NewReplacer("\r", " ", "\n", " ", "#", " ").Replace(text)
}

// FuzzDescribe has a server describe its stream by any SDP, with any base.
func FuzzDescribe(f *testing.F) {
	f.Fuzz(func(t *testing.T, contentBase, body string) {
		head := "Content-Base: " + oneLine(contentBase) + "\r\n"
		answer := fmt.Sprintf("%s%sContent-Length: %d\r\n\r\n%s", ok, head, len(body), strings.ReplaceAll(body, "#", "%"))
		_, _, asked, err := script(t, client.Config{URL: "rtsp://user:secret@192.0.2.1:8554/cam"}, public, answer)
		checkError(t, err)
		setup := asked[len(asked)-1]
		checkAsked(t, []byte(setup))
		if (err == nil) != strings.HasPrefix(setup, "SETUP rtsp") {
			t.Fatalf("after %v it asks %q", err, setup)
		}
		if strings.Contains(setup, "secret") {
			t.Fatalf("the password is in %q", setup)
		}
	})
}

// FuzzSetup has a server answer SETUP by any transport and session.
func FuzzSetup(f *testing.F) {
	f.Fuzz(func(t *testing.T, udp bool, transport, session string) {
		config := client.Config{URL: url}
		if udp {
			config.RTPPort = 5000
		}
		answer := fmt.Sprintf("%sTransport: %s\r\nSession: %s\r\n\r\n", ok, oneLine(transport), oneLine(session))
		c, seen, asked, err := script(t, config, public, described("", jpeg), answer, ok+"\r\n")
		checkError(t, err)
		checkAsked(t, []byte(strings.Join(asked, "")))
		if err != nil {
			if len(seen.log) > 0 {
				t.Fatalf("after %v: %v", err, seen)
			}
			return
		}
		switch p := seen.playing; {
		case p.UDP != udp:
			t.Fatalf("asked for UDP: %v, and got %+v", udp, p)
		case !udp && (p.RTPPort != 0 || p.RTCPPort != 0), (p.RTPPort == 0) != (p.RTCPPort == 0):
			t.Fatalf("%+v", p)
		}
		if next, waiting := c.Next(); !waiting || next <= 0 || next > 24*time.Hour {
			t.Fatalf("the next sign of life is due after %v: %v", next, waiting)
		}
	})
}

// FuzzAuthenticate has a server want the password in any way: it is never sent as it is, but where
// the server says Basic, and nothing else of the server's comes into the request.
func FuzzAuthenticate(f *testing.F) {
	f.Fuzz(func(t *testing.T, first, second string) {
		refuse := fmt.Sprintf("RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: %s\r\nWWW-Authenticate: %s\r\n\r\n", oneLine(first), oneLine(second))
		_, _, asked, err := script(t, client.Config{URL: "rtsp://user:s3cr3t@192.0.2.1/cam"}, refuse)
		checkError(t, err)
		request := asked[len(asked)-1]
		checkAsked(t, []byte(request))
		if (err == nil) != strings.HasPrefix(request, "OPTIONS") {
			t.Fatalf("after %v it asks %q", err, request)
		}
		if strings.Contains(request, "s3cr3t") || strings.Contains(request, "Basic") && !strings.Contains(first+second, "Basic") {
			t.Fatalf("the password is in %q", request)
		}
	})
}
