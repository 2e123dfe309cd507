package cast_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/cast/secrettest"
)

// This file has the log of every test, at debug level, be searched for secrets when the test ends: what the
// Broadcaster has drawn at random for keys, session ids and nonces, the readers' own keys, and passwords
// with what is kept of them.

// confidential is what the log of one world must not have in it.
type confidential struct{ *secrettest.Secrets }

func newConfidential() *confidential { return &confidential{secrettest.New()} }

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

// check fails the test if a secret is in the log.
func (c *confidential) check(t testing.TB, log []byte) {
	t.Helper()
	passwordsInUse.Lock()
	c.AddWords(passwordsInUse.all...)
	passwordsInUse.Unlock()
	c.Check(t, log)
}

// TestPasswordsAreSearchedFor shows what is kept of a password in the ways that are searched for.
func TestPasswordsAreSearchedFor(t *testing.T) {
	s, err := usePassword("someone", "a pass phrase")
	if err != nil {
		t.Fatal(err)
	}
	c := newConfidential()
	c.check(t, fmt.Appendf(nil, "time=2026 key=%v x=1", s))
	for _, shown := range []any{"of a pass phrase", fmt.Sprintf("%x", s.JoinKey[:]), s.HA1MD5[:]} {
		if _, found := c.Leak(fmt.Appendf(nil, "time=2026 key=%v x=1", shown)); !found {
			t.Errorf("%v is not found", shown)
		}
	}
}
