package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"reflect"
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

// FuzzProver answers challenges: what is proved can be read, and is true with the right password alone.
func FuzzProver(f *testing.F) {
	ha1, ha1SHA256 := hashes(user, realm, password)
	for _, challenge := range []string{
		`Digest realm="camcast", nonce="00ff", stale=true, qop="auth", algorithm=SHA-256`, `Digest realm="camcast", nonce="\"\\", algorithm=MD5`,
		`digest nonce=1,realm=camcast,qop="auth-int, auth"`, `Digest realm="camcast", nonce="1", qop="auth-int"`, `Basic realm="camcast"`, `Digest realm="other", nonce="1"`,
	} {
		f.Add(challenge, "GET", "/api/v1/streams?a=%22")
	}
	f.Fuzz(func(t *testing.T, challenge, method, uri string) {
		right, wrong := NewProver(user, password), NewProver(user, password+"x")
		err, err2 := right.Challenged([]string{challenge}), wrong.Challenged([]string{challenge})
		if (err == nil) != (err2 == nil) {
			t.Fatalf("%v and %v", err, err2)
		}
		for count := range uint32(3) {
			text, other := right.Authorization(method, uri), wrong.Authorization(method, uri)
			if (text == "") != (err != nil) {
				t.Fatalf("%q: %q, %v", challenge, text, err)
			}
			c, ok := Parse(text, method, realm)
			if !ok {
				continue // another realm's
			}
			if n, counts := c.Count(); c.User() != user || c.URI() != uri || counts && n != count+1 || !c.Verify(ha1, ha1SHA256) {
				t.Fatalf("%q is answered by %q", challenge, text)
			}
			if c, ok := Parse(other, method, realm); !ok || c.Verify(ha1, ha1SHA256) {
				t.Fatalf("%q is answered by %q, with another password", challenge, other)
			}
		}
	})
}

// written is a digest as a header has it.
func written(c *Credentials) string {
	text := fmt.Sprintf(`Digest username=%s, realm=%s, nonce=%s, uri=%s, response=%x`, quote(c.user), quote(c.realm), quote(c.nonce), quote(c.uri), c.response)
	if c.sha256 {
		text += ", algorithm=SHA-256"
	}
	if c.nc != "" {
		text += fmt.Sprintf(`, qop="auth", nc=%s, cnonce=%s`, c.nc, quote(c.cnonce))
	}
	return text
}
