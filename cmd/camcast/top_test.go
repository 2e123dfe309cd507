package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
		{[]string{"http://127.0.0.1:1/?token=secret"}, 1, "connection refused"}, {[]string{"http://me:secret@127.0.0.1:1/"}, 2, "a token goes into it"}, {[]string{other.URL}, 1, "not that of a camcast"}, {[]string{closed.URL}, 1, "?token="},
		{[]string{"ftp://me:secret@x"}, 2, "must be one such as http://"}, {[]string{"a", "b"}, 2, "one URL"}, {[]string{"--interval", "1ms"}, 2, "--interval"},
	} {
		status, stdout, stderr := runBinary(t, append([]string{"top"}, c.args...)...)
		if status != c.status || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "secret") || strings.ContainsRune(stderr, '\x1b') {
			t.Errorf("%q: status %d, %q, %q", c.args, status, stdout, stderr)
		}
	}
}
