package whep

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Fingerprint is the hash of a certificate (RFC 8122).
type Fingerprint struct {
	// Hash is the hash function: "sha-256", "sha-384" or "sha-512".
	Hash string
	// Digest is the hash of the certificate's DER, of 32, 48 or 64 bytes.
	Digest []byte
}

// parseFingerprint reads "sha-256 AB:CD:...".
func parseFingerprint(text string) (Fingerprint, bool) {
	hash, value, _ := strings.Cut(strings.TrimSpace(text), " ")
	digest, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(value), ":", ""))
	f := Fingerprint{strings.Clone(strings.ToLower(hash)), digest}
	return f, err == nil && len(digest) > 0 && len(digest) == len(f.of(nil))
}

// of is the hash of a certificate by the fingerprint's function, nil if that is not known.
func (f Fingerprint) of(der []byte) []byte {
	switch f.Hash {
	case "sha-256":
		sum := sha256.Sum256(der)
		return sum[:]
	case "sha-384":
		sum := sha512.Sum384(der)
		return sum[:]
	case "sha-512":
		sum := sha512.Sum512(der)
		return sum[:]
	}
	return nil
}

// FingerprintOf returns the fingerprint of a certificate (DER) by SHA-256.
func FingerprintOf(der []byte) Fingerprint {
	f := Fingerprint{Hash: "sha-256"}
	f.Digest = f.of(der)
	return f
}

// String returns the fingerprint as an SDP has it: "sha-256 AB:CD:...".
func (f Fingerprint) String() string {
	b := []byte(f.Hash + " ")
	for i, one := range f.Digest {
		if i > 0 {
			b = append(b, ':')
		}
		b = fmt.Appendf(b, "%02X", one)
	}
	return string(b)
}

// Fingerprints are those of the certificates that an offer names. They share no memory with its text.
type Fingerprints []Fingerprint

// Has reports whether a certificate (DER) has one of the fingerprints. Any goroutine may call it.
func (all Fingerprints) Has(der []byte) bool {
	return slices.ContainsFunc(all, func(f Fingerprint) bool { return subtle.ConstantTimeCompare(f.Digest, f.of(der)) == 1 })
}
