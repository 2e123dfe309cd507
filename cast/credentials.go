package cast

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"

	"github.com/camcast/camcast/proto/credentials"
	"github.com/camcast/camcast/proto/join"
)

// Realm is the realm of all passwords (RFC 7616, section 3.3): it is part of what is kept of one.
const Realm = "camcast"

// Secret is what is kept of a user's password, for the protocols by which it can be proved. Each
// part is as good as the password for its protocol, and must be kept as well.
type Secret struct {
	// HA1MD5 and HA1SHA256 are the hashes of "user:camcast:password" (RFC 7616, section 3.4.2).
	HA1MD5    [md5.Size]byte
	HA1SHA256 [sha256.Size]byte
	// JoinKey proves the password to the join protocol.
	JoinKey join.Key
}

// Format prints no secret, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText has JSON hold no secret. The error is always nil.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// hidden is printed instead of a secret.
const hidden = "(secret)"

// NewSecret derives what is kept of a password. It takes some 50 ms on purpose: not for the loop.
// The error says that the machine's rules for cryptography (FIPS 140) forbid it.
func NewSecret(user, password string) (Secret, error) {
	a1 := []byte(user + ":" + Realm + ":" + password)
	s := Secret{HA1MD5: md5.Sum(a1), HA1SHA256: sha256.Sum256(a1)}
	var err error
	if s.JoinKey, err = join.NewKey(user, password); err != nil {
		return Secret{}, fmt.Errorf("a key cannot be derived from the password: %w", err)
	}
	return s, nil
}

// Credentials say who makes a request. How they are checked is the protocol's: a password, a
// digest over a challenge.
type Credentials interface {
	// User is the name given, which anybody can give.
	User() string
	// Verify reports whether they are those of somebody with this secret.
	Verify(Secret) bool
}

// Authorization is the Credentials of an Authorization header, as RTSP and HTTP have it: a digest, or a
// password.
type Authorization struct{ *credentials.Credentials }

// Verify is Credentials'.
func (a Authorization) Verify(s Secret) bool { return a.Credentials.Verify(s.HA1MD5, s.HA1SHA256) }
