package secrettest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestSecretsAreFound shows secrets in every way that is searched for, and much that is none.
func TestSecretsAreFound(t *testing.T) {
	s := New()
	secret := make([]byte, 30)
	s.Watch(func(p []byte) {
		for i := range p {
			p[i] = byte(170 + 3*i)
		}
	})(secret)
	s.AddURLs("--json", "rtsp://anna:s3same%20x@127.0.0.1/cam")
	s.AddFile("anna:view:*:00112233445566778899:0123456789abcdef0123:fedcba9876543210\n-----BEGIN KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n")
	for _, shown := range []any{
		secret, string(secret), hex.EncodeToString(secret), fmt.Sprintf("%X", secret), base64.StdEncoding.EncodeToString(secret),
		fmt.Sprintf("%d", secret), strings.ReplaceAll(fmt.Sprint(secret), " ", ","),
		"s3same%20x", "rtsp://anna:s3same x@", "0123456789abcdef0", "MIGHAgEAMBMGByqGSM49AgEG", `Digest username="anna", response="0"`,
	} {
		if _, found := s.Leak(fmt.Appendf(nil, "time=2026 key=%v x=1", shown)); !found {
			t.Errorf("%v is not found", shown)
		}
	}
	for _, shown := range []any{secret[8:], "0123456789abcde", "1 2 3 4 5 6 7", "anna", ""} {
		if part, found := s.Leak(fmt.Appendf(nil, "time=2026 key=%v x=1", shown)); found {
			t.Errorf("%q is found in %v", part, shown)
		}
	}
}
