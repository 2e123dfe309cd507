// Package credentials reads what a request's Authorization header proves (RFC 7616, RFC 7617), for RTSP and HTTP, and makes
// nonces for connections that are many and short.
package credentials

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// Credentials are what a request's Authorization header says: a name that anybody can give, and what is to prove it. They refer to nothing of the connection, so any goroutine may keep and verify them.
type Credentials struct {
	user, realm string
	// password is Basic's. A digest is over the others.
	basic    bool
	password string
	method   string
	nonce    string
	uri      string
	sha256   bool   // else MD5
	nc       string // empty: without qop, as in RFC 2069
	cnonce   string
	response []byte
}

// User is the name given.
func (c *Credentials) User() string { return c.user }

// IsBasic reports whether they are a password in clear text. The others are a digest.
func (c *Credentials) IsBasic() bool { return c.basic }

// Nonce is a digest's, which the server has made, as the client has sent it.
func (c *Credentials) Nonce() string { return c.nonce }

// URI is what a digest is over: the URL of the request, as the client writes it.
func (c *Credentials) URI() string { return c.uri }

// Format prints neither a password nor a digest, whatever the verb.
func (*Credentials) Format(f fmt.State, _ rune) { fmt.Fprint(f, "(secret)") }

// Verify reports whether they are those of somebody whose password has these hashes of "user:realm:password" (RFC 7616
// section 3.4.2). The time that it takes does not depend on what is wrong.
func (c *Credentials) Verify(ha1MD5 [md5.Size]byte, ha1SHA256 [sha256.Size]byte) bool {
	if c.basic {
		a1 := []byte(c.user + ":" + c.realm + ":" + c.password)
		byMD5, bySHA256 := md5.Sum(a1), sha256.Sum256(a1)
		return subtle.ConstantTimeCompare(byMD5[:], ha1MD5[:])&subtle.ConstantTimeCompare(bySHA256[:], ha1SHA256[:]) == 1
	}
	want := c.digest(md5.New(), ha1MD5[:])
	if c.sha256 {
		want = c.digest(sha256.New(), ha1SHA256[:])
	}
	return subtle.ConstantTimeCompare(want, c.response) == 1
}

// digest computes what the response must be (RFC 7616 section 3.4.1).
func (c *Credentials) digest(h hash.Hash, ha1 []byte) []byte {
	h.Write([]byte(c.method + ":" + c.uri))
	ha2 := hex.EncodeToString(h.Sum(nil))
	h.Reset()
	h.Write([]byte(hex.EncodeToString(ha1) + ":" + c.nonce + ":"))
	if c.nc != "" {
		h.Write([]byte(c.nc + ":" + c.cnonce + ":auth:"))
	}
	h.Write([]byte(ha2))
	return h.Sum(nil)
}

// Parse reads an Authorization header of a request of that method. It is false if that cannot be read, is of another
// scheme, or is a digest of another realm; Basic has none, and proves a password of this one. Whether the nonce and the URL of a
// digest are the right ones is the caller's to check.
func Parse(value, method, realm string) (*Credentials, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		return parseBasic(strings.TrimSpace(rest), realm)
	case "digest":
		return parseDigest(rest, method, realm)
	}
	return nil, false
}

func parseBasic(text, realm string) (*Credentials, bool) {
	decoded, err := base64.StdEncoding.DecodeString(text)
	user, password, ok := strings.Cut(string(decoded), ":")
	return &Credentials{basic: true, user: user, realm: realm, password: password}, ok && err == nil
}

func parseDigest(text, method, realm string) (*Credentials, bool) {
	params, ok := parseParams(text)
	if !ok {
		return nil, false
	}
	c := &Credentials{
		method: method, user: params["username"], realm: params["realm"], nonce: params["nonce"], uri: params["uri"],
	}
	size := md5.Size
	switch strings.ToUpper(params["algorithm"]) {
	case "", "MD5":
	case "SHA-256":
		c.sha256, size = true, sha256.Size
	default:
		return nil, false
	}
	var err error
	c.response, err = hex.DecodeString(params["response"])
	if err != nil || len(c.response) != size || c.nonce == "" || c.realm != realm {
		return nil, false
	}
	switch qop, used := params["qop"]; {
	case !used:
		return c, true
	case !strings.EqualFold(qop, "auth"):
		return nil, false
	}
	c.nc, c.cnonce = params["nc"], params["cnonce"]
	_, counts := c.Count()
	return c, counts
}

// Count is how often the client says that it has used the nonce. It is false if it does not say so in eight digits, as a
// digest without qop does not.
func (c *Credentials) Count() (uint32, bool) {
	n, err := strconv.ParseUint(c.nc, 16, 32)
	return uint32(n), err == nil && len(c.nc) == 8
}

// maxParams is how many parameters a digest may have. There are a dozen.
const maxParams = 32

// parseParams reads name=value, name="value" and so on, with commas between them. Names are returned in lower case. It is
// false if they cannot be read or one is there twice.
func parseParams(text string) (map[string]string, bool) {
	params := make(map[string]string, maxParams/2)
	for rest := strings.TrimLeft(text, " \t,"); rest != ""; rest = strings.TrimLeft(rest, " \t,") {
		name, after, ok := strings.Cut(rest, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; !ok || twice || name == "" || len(params) == maxParams {
			return nil, false
		}
		if params[name], rest, ok = cutValue(strings.TrimLeft(after, " \t")); !ok {
			return nil, false
		}
	}
	return params, true
}

// cutValue cuts a value off: a quoted string, in which a backslash stands before what means itself, or what comes before the
// next comma. Behind a quoted string only a comma may stand.
func cutValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ",")
		return strings.TrimSpace(value), rest, true
	}
	var out strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			rest = strings.TrimLeft(text[i+1:], " \t")
			return out.String(), rest, rest == "" || rest[0] == ','
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		out.WriteByte(text[i])
	}
	return "", "", false
}
