package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// This file has what every daemon of the tests prints, at debug level, be searched for secrets when it ends.

// secretPart are the hashes and keys of a file of users, and the lines of a private key, by their beginnings.
var secretPart = regexp.MustCompile(`(?m)(?:^|:)([0-9a-f]{16}|[A-Za-z0-9+/]{16})[0-9A-Za-z+/=]*`)

// secretsOf are the secrets of a file; "" has none. A test may want the daemon to find none either.
func secretsOf(t *testing.T, file string) (secrets []string) {
	t.Helper()
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for _, found := range secretPart.FindAllStringSubmatch(string(text), -1) {
		secrets = append(secrets, found[1])
	}
	return secrets
}

// checkSecrets fails the test if the daemon, which has ended, has printed a secret: of its files, a password
// of the tests, or what a client sends to prove one.
func (d *daemon) checkSecrets() {
	d.t.Helper()
	if shown, found := d.leak(d.stdout + d.stderr.String()); found {
		d.t.Errorf("camcast has printed %q:\n%s", shown, d.stderr)
	}
}

func (d *daemon) leak(printed string) (shown string, found bool) {
	for _, secret := range append([]string{annasPassword[:6], "response=", "nonce=", "Basic ", "prot=mikey", "PRIVATE KEY"}, d.secrets...) {
		if strings.Contains(printed, secret) {
			return secret, true
		}
	}
	return "", false
}

// TestSecretsAreFound shows what is searched for, and what is not.
func TestSecretsAreFound(t *testing.T) {
	d := &daemon{secrets: secretsOf(t, writeUsers(t))}
	_, parts := userLine(t, "anna", annasPassword)
	for _, shown := range append(parts, `Authorization: Digest username="anna", response="0"`) {
		if _, found := d.leak("x=" + shown); !found {
			t.Errorf("%q is not found", shown)
		}
	}
	if len(d.secrets) != 3 {
		t.Errorf("the file has %d secrets", len(d.secrets))
	}
	if part, found := d.leak("level=INFO user=anna"); found {
		t.Errorf("%q is found", part)
	}
}
