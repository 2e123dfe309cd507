package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"testing"
)

const realm, user, password = "camcast", "anna", `open: "sesame"`

func hashes(user, realm, password string) ([md5.Size]byte, [sha256.Size]byte) {
	a1 := []byte(user + ":" + realm + ":" + password)
	return md5.Sum(a1), sha256.Sum256(a1)
}

// TestDigestsOfRFC7616 computes the examples of section 3.9.1.
func TestDigestsOfRFC7616(t *testing.T) {
	md5Sum, shaSum := hashes("Mufasa", "http-auth@example.org", "Circle of Life")
	for algorithm, response := range map[string]string{
		"MD5":     "8ca523f5e9506fed4657c9700eebdbec",
		"SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		text := `Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=` + algorithm +
			`, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ` +
			`qop=auth, response="` + response + `", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`
		c, ok := Parse(text, "GET", "http-auth@example.org")
		if !ok || c.User() != "Mufasa" || !c.Verify(md5Sum, shaSum) {
			t.Errorf("%s: %+v, %v", algorithm, c, ok)
		}
		if _, ok := Parse(text, "GET", realm); ok {
			t.Errorf("%s: taken for another realm", algorithm)
		}
		if other, _ := Parse(text, "PUT", "http-auth@example.org"); other.Verify(md5Sum, shaSum) {
			t.Errorf("%s: taken for another method", algorithm)
		}
		md5Sum[0]++ // one of the hashes is wrong: the digest is over the other one
		shaSum[31]++
		if c.Verify(md5Sum, shaSum) {
			t.Errorf("%s: taken with another password", algorithm)
		}
		md5Sum[0]--
		shaSum[31]--
	}
}

// TestCredentialsAreNotShown has no verb show a password or a digest.
func TestCredentialsAreNotShown(t *testing.T) {
	for _, header := range []string{"Basic YW5uYTpvcGVuOiAic2VzYW1lIg==", `Digest username="anna", realm="camcast", nonce="n", uri="/cam", response="00000000000000000000000000000000"`} {
		c, ok := Parse(header, "DESCRIBE", realm)
		if !ok {
			t.Fatalf("%q cannot be read", header)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if shown := fmt.Sprintf(verb, c); shown != "(secret)" {
				t.Errorf("%s of %q is %s", verb, header, shown)
			}
		}
	}
}
