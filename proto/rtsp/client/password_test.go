package client_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/credentials"
	"github.com/camcast/camcast/proto/rtsp/client"
)

// annas is a server that wants anna's password.
func annas(c *credentials.Credentials) bool {
	a1 := []byte("anna:camcast:a b@c")
	return c != nil && c.User() == "anna" && c.Verify(md5.Sum(a1), sha256.Sum256(a1))
}

// TestPasswordsOfOwnServer plays from our own server by each challenge that it gives.
func TestPasswordsOfOwnServer(t *testing.T) {
	for name, challenges := range map[string]func(line string) bool{
		"both":    func(string) bool { return true },
		"SHA-256": func(line string) bool { return strings.Contains(line, "SHA-256") },
		"MD5":     func(line string) bool { return strings.Contains(line, "Digest") && !strings.Contains(line, "SHA-256") },
		"Basic":   func(line string) bool { return strings.Contains(line, "Basic") },
	} {
		d := newDialogue(t, client.Config{URL: "rtsp://anna:a%20b@c@192.0.2.1:8554/cam", AllowBasic: name == "Basic"}, &porch{wants: annas}, 1000)
		d.conn.AllowBasic = name == "Basic"
		asked := d.client.Start(0, nil)
		var last []byte
		for len(asked) > 0 {
			last = asked
			answer, err := d.conn.Receive(0, asked, nil)
			if err != nil {
				t.Fatal(err)
			}
			var kept []string
			for line := range strings.Lines(string(answer)) {
				if !strings.HasPrefix(line, "WWW-Authenticate:") || challenges(line) {
					kept = append(kept, line)
				}
			}
			if asked, err = d.client.Receive(0, []byte(strings.Join(kept, "")), nil, &d.seen); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if d.media.reader == nil || !strings.HasPrefix(d.seen.String(), "playing") {
			t.Errorf("%s: %v", name, d.seen)
		}
		if used := bytes.Contains(last, []byte("SHA-256")); used != (name == "both" || name == "SHA-256") {
			t.Errorf("%s: %q", name, last)
		}
		if bytes.Contains(last, []byte("a b@c")) || bytes.Contains(last, []byte("a%20b")) {
			t.Errorf("%s: the password is in %q", name, last)
		}
	}
}

// TestWrongPasswords end with an error that says what to do, and does not show the password.
func TestWrongPasswords(t *testing.T) {
	for url, want := range map[string]string{
		"rtsp://anna:w0rd@192.0.2.1/cam": "DESCRIBE: 401 Unauthorized: the user or the password is wrong",
		"rtsp://otto:w0rd@192.0.2.1/cam": "DESCRIBE: 401 Unauthorized: the user or the password is wrong",
		"rtsp://192.0.2.1/cam":           "DESCRIBE: 401 Unauthorized: put the user and the password into the URL, rtsp://USER:PASSWORD@HOST/...",
	} {
		err := newDialogue(t, client.Config{URL: url}, &porch{wants: annas}, 1000).refused()
		if status := (*client.StatusError)(nil); !errors.As(err, &status) || status.Status != 401 || err.Error() != want {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestNoPasswordInClearText: a server that wants only that gets nothing, and one that takes a digest, too, gets that.
func TestNoPasswordInClearText(t *testing.T) {
	const basic = "WWW-Authenticate: Basic realm=\"x\"\r\n"
	const asks, digest = "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\n", "WWW-Authenticate: Digest realm=\"x\", nonce=\"one\"\r\n"
	config := client.Config{URL: "rtsp://anna:pw@192.0.2.1/cam"}
	_, _, asked, err := script(t, config, public, asks+basic+"\r\n")
	if !errors.Is(err, client.ErrClearText) || len(asked) != 3 || strings.Contains(strings.Join(asked, ""), "Authorization") {
		t.Errorf("asked %q: %v", asked, err)
	}
	for _, challenges := range []string{basic + digest, digest + basic} {
		_, _, asked, err = script(t, config, public, asks+challenges+"\r\n", described("", jpeg))
		if err != nil || !strings.Contains(asked[2], "Authorization: Digest ") {
			t.Errorf("asked %q: %v", asked, err)
		}
	}
	config.AllowBasic = true
	_, _, asked, err = script(t, config, public, asks+basic+"\r\n", described("", jpeg))
	if err != nil || !strings.Contains(asked[2], "Authorization: Basic ") {
		t.Errorf("asked %q: %v", asked, err)
	}
}

// TestWrongPasswordIsSaidOnce: a server that names the fault needs no hint.
func TestWrongPasswordIsSaidOnce(t *testing.T) {
	const asks = "RTSP/1.0 401 a password is needed\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"one\"\r\n\r\n"
	const wrong = "RTSP/1.0 401 wrong user or password\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"one\"\r\n\r\n"
	_, _, _, err := script(t, client.Config{URL: "rtsp://anna:pw@192.0.2.1/cam"}, public, asks, wrong)
	if want := "DESCRIBE: 401 wrong user or password"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestStaleNonce: the server wants the password proved anew. A server that never has enough is given up.
func TestStaleNonce(t *testing.T) {
	const first = "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"one\"\r\n\r\n"
	const again = "RTSP/1.0 401 Unauthorized\r\nCSeq: #\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"two\", stale=TRUE\r\n\r\n"
	config := client.Config{URL: "rtsp://anna:pw@192.0.2.1/cam"}
	_, _, asked, err := script(t, config, public, first, again, described("", jpeg))
	if err != nil || !strings.Contains(asked[3], `nonce="two"`) || !strings.HasPrefix(asked[4], "SETUP ") {
		t.Errorf("asked %q, %v", asked, err)
	}
	for _, answers := range [][]string{{public, first, again, again}, {public, first, first}, {public, first, again, first}} {
		if _, _, asked, err = script(t, config, answers...); err == nil || len(asked) != len(answers)+1 {
			t.Errorf("asked %d times, %v", len(asked), err)
		}
	}
}
