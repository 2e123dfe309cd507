package credentials

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestProver has the best digest of a server's challenges be taken, each answer count, and a new nonce begin anew.
func TestProver(t *testing.T) {
	const rest = `realm="camcast", nonce="%s", qop="auth"`
	md5Of, shaOf := "Digest "+rest+", algorithm=MD5", "Digest "+rest+", algorithm=SHA-256"
	p := NewProver(user, password)
	if got := p.Authorization("GET", "/"); got != "" {
		t.Errorf("before a challenge: %q", got)
	}
	for _, challenges := range [][]string{{md5Of, shaOf}, {shaOf, md5Of}, {md5Of}, {`Basic realm="camcast"`, md5Of}} {
		nonce := fmt.Sprint(len(challenges[0]))
		var headers []string
		for _, c := range challenges {
			headers = append(headers, strings.Replace(c, "%s", nonce, 1))
		}
		if err := p.Challenged(headers); err != nil {
			t.Fatal(err)
		}
		for n := range uint32(3) {
			c, ok := Parse(p.Authorization("GET", "/x"), "GET", realm)
			if !ok || !c.Verify(hashes(user, realm, password)) || c.Nonce() != nonce || c.sha256 != strings.Contains(strings.Join(headers, ""), "SHA") {
				t.Fatalf("%q: %+v, %v", headers, c, ok)
			}
			if count, _ := c.Count(); count != n+1 {
				t.Errorf("count %d, want %d", count, n+1)
			}
		}
	}
	for _, headers := range [][]string{nil, {`Basic realm="camcast"`}, {`Digest realm="camcast"`}, {`Digest realm="camcast", nonce="1", algorithm=SHA-512-256`}, {`Digest realm="camcast", nonce="1", qop="auth-int"`}, {`Digest nonce="`}} {
		if err := p.Challenged(headers); !errors.Is(err, ErrNoDigest) || p.Authorization("GET", "/") != "" {
			t.Errorf("%q: %v", headers, err)
		}
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", p, p, p, p); shown != "(secret) (secret) (secret) (secret)" {
		t.Error(shown)
	}
}
