package join

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"fmt"
)

const (
	// KeyBytes is the length of a Key.
	KeyBytes = 32
	// ProofBytes is the length of a Proof.
	ProofBytes = sha256.Size

	keyRounds = 200_000
	// realm is what keys are for: it is part of them, so that another service that derives
	// keys from the same password has others.
	realm = "camcast"
)

// Key is derived from a user's password, and is as good as the password here.
type Key [KeyBytes]byte

// hidden is printed instead of a secret.
const hidden = "(secret)"

// Format prints no key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText has JSON and logs hold no key. The error is always nil.
func (Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// NewKey derives the key of a user's password (PROTOCOL.md, section 4.9). It takes some 50 ms on
// purpose: whoever records a request must spend as much on each password that he tries. The
// error says that the machine's rules for cryptography (FIPS 140) forbid it.
func NewKey(user, password string) (key Key, err error) {
	derived, err := pbkdf2.Key(sha256.New, password, []byte(realm+":"+user), keyRounds, KeyBytes)
	copy(key[:], derived)
	return key, err
}

// Proof shows that a request comes from somebody with a key: it is an HMAC over what the request
// is, its cookie included. So it is worth nothing at another address, for another stream or when
// the cookie is no longer valid.
type Proof [ProofBytes]byte

// Format prints no proof, whatever the verb: for ten seconds it is as good as the password at its
// address.
func (Proof) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText has JSON and logs hold no proof. The error is always nil.
func (Proof) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Prove has a request prove that it comes from its User. Its other fields must be set before.
func (r *Request) Prove(key Key) { r.Proof = r.proof(key) }

// Proves reports whether a request comes from somebody with this key. That its cookie is valid is
// for Cookies to say. The time that it takes does not depend on what is wrong.
func (r *Request) Proves(key Key) bool {
	want := r.proof(key)
	return hmac.Equal(want[:], r.Proof[:])
}

func (r *Request) proof(key Key) (p Proof) {
	mac := hmac.New(sha256.New, key[:])
	head := append(make([]byte, 0, 64), packetName...)
	if r.List {
		head = append(head, subtypeList)
	} else {
		head = append(head, subtypeJoin)
	}
	head = append(append(head, r.Nonce[:]...), r.Cookie[:]...)
	mac.Write(append(head, byte(len(r.User))))
	mac.Write(r.User)
	mac.Write(r.Stream)
	mac.Sum(p[:0])
	return p
}
