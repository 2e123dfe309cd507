package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// FuzzParse reads headers: what is understood means the same when it is written again, proves nothing by chance, and
// is true with the right response.
func FuzzParse(f *testing.F) {
	ha1, ha1SHA256 := hashes(user, realm, password)
	f.Fuzz(func(t *testing.T, value, method string) {
		c, ok := Parse(value, method, realm)
		if !ok {
			return
		}
		if c.basic {
			again, ok := Parse("Basic "+base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password)), method, realm)
			if !ok || !reflect.DeepEqual(again, c) {
				t.Fatalf("%+v is read again as %+v", c, again)
			}
			if right := c.user == user && c.password == password; right != c.Verify(ha1, ha1SHA256) {
				t.Fatalf("%+v: %v", c, !right)
			}
			return
		}
		if c.Verify(ha1, ha1SHA256) {
			t.Fatalf("%q proves a password that it was not made of", value)
		}
		c.response = c.digest(md5.New(), ha1[:])
		if c.sha256 {
			c.response = c.digest(sha256.New(), ha1SHA256[:])
		}
		if !c.Verify(ha1, ha1SHA256) {
			t.Fatalf("%+v is not taken", c)
		}
		if again, ok := Parse(written(c), method, realm); !ok || !reflect.DeepEqual(again, c) {
			t.Fatalf("%q is read as %+v, %v; want %+v", written(c), again, ok, c)
		}
	})
}

// written is a digest as a header has it.
func written(c *Credentials) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	text := fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response=%x`, quote(c.user), quote(c.realm), quote(c.nonce), quote(c.uri), c.response)
	if c.sha256 {
		text += ", algorithm=SHA-256"
	}
	if c.nc != "" {
		text += fmt.Sprintf(`, qop="auth", nc=%s, cnonce="%s"`, c.nc, quote(c.cnonce))
	}
	return text
}
