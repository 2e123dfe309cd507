package main

import (
	"os"
	"testing"

	"github.com/camcast/camcast/cast/secrettest"
)

// This file has what every daemon of the tests prints, at debug level, be searched for secrets when it ends.

// secretsOf are the secrets of files, "" is none, and the tests' password. A test may want the daemon to find no
// file either.
func secretsOf(files ...string) *secrettest.Secrets {
	s := secrettest.New()
	s.AddWords(annasPassword[:6])
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			s.AddFile(string(text))
		}
	}
	return s
}

// checkSecrets fails the test if the daemon, which has ended, has printed a secret: of its files, a password
// of the tests, or what a client sends to prove one.
func (d *daemon) checkSecrets() {
	d.t.Helper()
	if shown, found := d.secrets.Leak([]byte(d.stdout + d.stderr.String())); found {
		d.t.Errorf("camcast has printed %q:\n%s", shown, d.stderr)
	}
}

// TestSecretsAreFound shows what is searched for, and what is not.
func TestSecretsAreFound(t *testing.T) {
	s := secretsOf(writeUsers(t))
	_, parts := userLine(t, "anna", annasPassword)
	if len(parts) != 4 {
		t.Errorf("a user has %d secrets", len(parts))
	}
	for _, shown := range append(parts, `Authorization: Digest username="anna", response="0"`) {
		if _, found := s.Leak([]byte("x=" + shown)); !found {
			t.Errorf("%q is not found", shown)
		}
	}
	if part, found := s.Leak([]byte("level=INFO user=anna")); found {
		t.Errorf("%q is found", part)
	}
}
