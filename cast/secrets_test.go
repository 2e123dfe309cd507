package cast_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/camcast/camcast/cast"
)

// This file has the log of every test, at debug level, be searched for secrets when the test ends: what the
// Broadcaster has drawn at random for keys, session ids and nonces, the readers' own keys, and passwords
// with what is kept of them.

// confidential is what the log of one world must not have in it.
type confidential struct {
	parts map[[partBytes]byte]bool
}

const (
	// partBytes is how much of a secret is searched for, its beginning: a multiple of 3, for base64.
	partBytes = 6
	// leastSecret is the length of the shortest random number that is a secret.
	leastSecret = 16
	// mostSecrets bounds how many are remembered, as some tests measure memory.
	mostSecrets = 4096
)

func newConfidential() *confidential { return &confidential{parts: map[[partBytes]byte]bool{}} }

// add remembers a secret.
func (c *confidential) add(secret []byte) {
	if len(c.parts) < mostSecrets {
		c.parts[[partBytes]byte(secret)] = true
	}
}

// watch is a source of randomness, all secrets of which are remembered.
func (c *confidential) watch(random func([]byte)) func([]byte) {
	return func(p []byte) {
		random(p)
		if len(p) >= leastSecret {
			c.add(p)
		}
	}
}

// leak finds a secret in a log: as it is, in hexadecimal digits, in base64, or as a list of numbers.
func (c *confidential) leak(log []byte) (shown string, found bool) {
	const inHex, inBase64 = 2 * partBytes, partBytes / 3 * 4
	for i := 0; i+partBytes <= len(log); i++ {
		rest := log[i:]
		if c.parts[[partBytes]byte(rest)] {
			return string(rest[:partBytes]), true
		}
		var part [partBytes]byte
		if len(rest) >= inHex {
			if _, err := hex.Decode(part[:], rest[:inHex]); err == nil && c.parts[part] {
				return string(rest[:inHex]), true
			}
		}
		if len(rest) >= inBase64 {
			if _, err := base64.StdEncoding.Decode(part[:], rest[:inBase64]); err == nil && c.parts[part] {
				return string(rest[:inBase64]), true
			}
		}
	}
	for _, list := range numbers.FindAll(log, -1) {
		var part [partBytes]byte
		for i, field := range bytes.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' })[:partBytes] {
			n, _ := strconv.ParseUint(string(field), 10, 8) // of more than a byte it is no secret's
			part[i] = byte(n)
		}
		if c.parts[part] {
			return string(list), true
		}
	}
	return leakedPassword(string(log))
}

// numbers are lists of bytes, as %v and JSON have them.
var numbers = regexp.MustCompile(`\d{1,3}(?:[ ,]+\d{1,3}){5,}`)

// passwordsInUse are the passwords that tests have made secrets of, and what is kept of them.
var passwordsInUse struct {
	sync.Mutex
	all []string
}

// usePassword makes the secret of a user, for which all logs are searched from now on.
func usePassword(user, password string) (cast.Secret, error) {
	s, err := cast.NewSecret(user, password)
	passwordsInUse.Lock()
	defer passwordsInUse.Unlock()
	passwordsInUse.all = append(passwordsInUse.all, password,
		hex.EncodeToString(s.HA1MD5[:]), hex.EncodeToString(s.HA1SHA256[:]), hex.EncodeToString(s.JoinKey[:]),
		strings.Trim(fmt.Sprint(s.HA1MD5[:]), "[]"), strings.Trim(fmt.Sprint(s.HA1SHA256[:]), "[]"), strings.Trim(fmt.Sprint(s.JoinKey[:]), "[]"))
	return s, err
}

func leakedPassword(log string) (shown string, found bool) {
	passwordsInUse.Lock()
	defer passwordsInUse.Unlock()
	for _, p := range passwordsInUse.all {
		if strings.Contains(log, p) {
			return p, true
		}
	}
	return "", false
}

// check fails the test if a secret is in the log.
func (c *confidential) check(t testing.TB, log []byte) {
	t.Helper()
	if shown, found := c.leak(log); found {
		t.Errorf("a secret is logged as %q", shown)
	}
}

// TestSecretsAreFound shows a secret in every way that is searched for, and much that is none.
func TestSecretsAreFound(t *testing.T) {
	c := newConfidential()
	secret := make([]byte, 30)
	c.watch(func(p []byte) {
		for i := range p {
			p[i] = byte(170 + 3*i)
		}
	})(secret)
	s, err := usePassword("someone", "a pass phrase")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []any{
		secret, string(secret), hex.EncodeToString(secret), fmt.Sprintf("%X", secret), base64.StdEncoding.EncodeToString(secret),
		fmt.Sprintf("%d", secret), strings.ReplaceAll(fmt.Sprint(secret), " ", ","), "of a pass phrase", fmt.Sprintf("%x", s.JoinKey[:]), s.HA1MD5[:],
	} {
		if _, found := c.leak(fmt.Appendf(nil, "time=2026 key=%v x=1", shown)); !found {
			t.Errorf("%v is not found", shown)
		}
	}
	for _, shown := range []any{s, secret[8:], "0123456789abcdef", "1 2 3 4 5 6 7", ""} {
		if part, found := c.leak(fmt.Appendf(nil, "time=2026 key=%v x=1", shown)); found {
			t.Errorf("%q is found in %v", part, shown)
		}
	}
}
