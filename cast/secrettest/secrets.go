// Package secrettest searches what the programs and the loops of tests print and log for secrets: random numbers
// that are keys, session ids or nonces, passwords, and what is kept of them.
package secrettest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"regexp"
	"strconv"
	"testing"
)

// Secrets are what must not be printed. They belong to one goroutine at a time.
type Secrets struct {
	parts map[[partBytes]byte]bool
	words []string
}

const (
	// partBytes is how much of a secret is searched for, its beginning: a multiple of 3, for base64.
	partBytes = 6
	// leastSecret is the length of the shortest random number that is a secret.
	leastSecret = 16
	// mostSecrets bounds how many are remembered, as some tests measure memory.
	mostSecrets = 4096
)

// protocolWords are those that stand before a secret in RTSP, HTTP and PEM.
var protocolWords = []string{"response=", "nonce=", "Authorization", "Basic ", "prot=mikey", "PRIVATE KEY"}

// New are none yet, besides the words that stand before secrets in protocols and files.
func New() *Secrets {
	return &Secrets{parts: map[[partBytes]byte]bool{}, words: append([]string(nil), protocolWords...)}
}

// Add remembers a secret of at least 6 bytes.
func (s *Secrets) Add(secret []byte) {
	if len(s.parts) < mostSecrets {
		s.parts[[partBytes]byte(secret)] = true
	}
}

// AddWords remembers secrets that are looked for as they are, such as passwords.
func (s *Secrets) AddWords(words ...string) { s.words = append(s.words, words...) }

// inFile are the hashes and keys of a file of users, and the lines of a private key, by their beginnings.
var inFile = regexp.MustCompile(`(?m)(?:^|:)([0-9a-f]{16}|[A-Za-z0-9+/]{16})[0-9A-Za-z+/=]*`)

// AddFile remembers the secrets of a file: of users, or with a private key.
func (s *Secrets) AddFile(text string) {
	for _, found := range inFile.FindAllStringSubmatch(text, -1) {
		s.AddWords(found[1])
	}
}

// inURL is a URL with a user and a password.
var inURL = regexp.MustCompile(`^[a-z]+://[^:/@]*:([^/]*)@`)

// AddURLs remembers the passwords of those of a command line's arguments that are URLs.
func (s *Secrets) AddURLs(args ...string) {
	for _, a := range args {
		if found := inURL.FindStringSubmatch(a); found != nil && len(found[1]) > 3 {
			s.AddWords(found[1])
			if plain, err := url.PathUnescape(found[1]); err == nil {
				s.AddWords(plain)
			}
		}
	}
}

// Watch is a source of randomness, all secrets of which are remembered.
func (s *Secrets) Watch(random func([]byte)) func([]byte) {
	return func(p []byte) {
		random(p)
		if len(p) >= leastSecret {
			s.Add(p)
		}
	}
}

// Leak finds a secret in what was printed: as it is, in hexadecimal digits, in base64, or as a list of numbers.
func (s *Secrets) Leak(log []byte) (shown string, found bool) {
	const inHex, inBase64 = 2 * partBytes, partBytes / 3 * 4
	for i := 0; i+partBytes <= len(log); i++ {
		rest := log[i:]
		if s.parts[[partBytes]byte(rest)] {
			return string(rest[:partBytes]), true
		}
		var part [partBytes]byte
		if len(rest) >= inHex {
			if _, err := hex.Decode(part[:], rest[:inHex]); err == nil && s.parts[part] {
				return string(rest[:inHex]), true
			}
		}
		if len(rest) >= inBase64 {
			if _, err := base64.StdEncoding.Decode(part[:], rest[:inBase64]); err == nil && s.parts[part] {
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
		if s.parts[part] {
			return string(list), true
		}
	}
	for _, word := range s.words {
		if bytes.Contains(log, []byte(word)) {
			return word, true
		}
	}
	return "", false
}

// numbers are lists of bytes, as %v and JSON have them.
var numbers = regexp.MustCompile(`\d{1,3}(?:[ ,]+\d{1,3}){5,}`)

// Check fails the test if a secret was printed.
func (s *Secrets) Check(t testing.TB, log []byte) {
	t.Helper()
	if shown, found := s.Leak(log); found {
		t.Errorf("a secret is printed as %q", shown)
	}
}
