package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/camcast/camcast/proto/credentials"
)

// TestTop has camcast top show a daemon's figures, and say what is wrong in one line without the URL's password.
func TestTop(t *testing.T) {
	d := startDaemon(t, "--http", "127.0.0.1:0", "desk=testcard:?size=320x240")
	m := announcedPage.FindStringSubmatch(d.stdout)
	if m == nil {
		t.Fatal(d.stdout)
	}
	status, stdout, stderr := runBinary(t, "top", m[1])
	if got := sizeOf(0, 0); got != "-" {
		t.Errorf("the size of a stream whose source was never there is %s", got)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if status != 0 || stderr != "" || len(lines) != 2 || strings.Join(strings.Fields(lines[1])[:4], " ") != "desk live JPEG 320x240" {
		t.Errorf("status %d, %q, %q", status, stdout, stderr)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("\x1b[31mhello")) }))
	defer other.Close()
	closed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer closed.Close()
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"http://127.0.0.1:1/?token=secret"}, 1, "connection refused"}, {[]string{"http://me:secret@127.0.0.1:1/"}, 1, "connection refused"}, {[]string{"http://me:secret@" + strings.TrimPrefix(closed.URL, "http://")}, 1, "no digest"}, {[]string{"http://me:se cret%0a@" + strings.TrimPrefix(other.URL, "http://")}, 1, "not that of a camcast"}, {[]string{"http://me@127.0.0.1:1/"}, 1, "must not be empty"}, {[]string{other.URL}, 1, "not that of a camcast"}, {[]string{closed.URL}, 1, "?token="},
		{[]string{"ftp://me:secret@x"}, 2, "must be one such as http://"}, {[]string{"a", "b"}, 2, "one URL"}, {[]string{"--interval", "1ms"}, 2, "--interval"},
	} {
		status, stdout, stderr := runBinary(t, append([]string{"top"}, c.args...)...)
		if status != c.status || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "secret") || strings.ContainsRune(stderr, '\x1b') {
			t.Errorf("%q: status %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}

// TestTopWithPassword has users prove their passwords: in the URL, or from stdin. Characters of the password that mean
// something in a URL may be escaped or not, and the right one goes on to be taken.
func TestTopWithPassword(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "--http", "127.0.0.1:0", "--auth", writeUsers(t), "desk=testcard:?size=320x240")
	m := announcedPage.FindStringSubmatch(d.stdout)
	if m == nil {
		t.Fatal(d.stdout)
	}
	host := strings.TrimSuffix(strings.TrimPrefix(m[1], "http://"), "/")
	for _, c := range []struct {
		stdin, user string
		status      int
		want        string
	}{
		{"", url.UserPassword("anna", annasPassword).String(), 0, "desk"},
		{annasPassword + "\n", "anna", 0, "desk"},
		{"wrong\n", "anna", 1, "401 Unauthorized: wrong user or password"},
		{"", "otto:wrong", 1, "401 Unauthorized: wrong user or password"},
	} {
		status, stdout, stderr := piped(t, c.stdin, "top", "http://"+c.user+"@"+host)
		if status != c.status || !strings.Contains(stdout+stderr, c.want) || strings.Contains(stderr, annasPassword) {
			t.Errorf("%s: status %d, %q, %q", c.user, status, stdout, stderr)
		}
	}
	if status, _, stderr := runBinary(t, "top", m[1]); status != 1 || !strings.Contains(stderr, "http://USER@HOST") {
		t.Errorf("without a user: status %d, %q", status, stderr)
	}
	asker := &topAsker{client: http.DefaultClient, where: "http://" + host + "/api/v1/streams", prover: credentials.NewProver("anna", annasPassword)}
	for range 3 {
		if told, err := asker.ask(t.Context()); err != nil || len(told.Streams) != 1 {
			t.Errorf("%+v, %v", told, err)
		}
	}
}
