package credentials

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// ErrNoDigest says that a server takes no digest that is known here, and so would have the password itself.
var ErrNoDigest = errors.New("the server takes no digest of the password")

// Prover proves to a server that somebody knows a password, by digests: the password is not sent. It is not safe for
// concurrent use.
type Prover struct {
	user, password string
	// proof has what all answers to a challenge share; nil: there was none.
	proof   *Credentials
	counted uint32
}

// NewProver makes a Prover that knows a user's password.
func NewProver(user, password string) *Prover { return &Prover{user: user, password: password} }

// Format prints no password, whatever the verb.
func (*Prover) Format(f fmt.State, _ rune) { fmt.Fprint(f, "(secret)") }

// Challenged takes the WWW-Authenticate headers of a server's answer: further requests are proved as they want. Of
// several digests the best is taken. The error is ErrNoDigest.
func (p *Prover) Challenged(headers []string) error {
	p.proof, p.counted = nil, 0
	for _, value := range headers {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		params, ok := parseParams(rest)
		if !ok || !strings.EqualFold(scheme, "digest") || params["nonce"] == "" {
			continue
		}
		c := &Credentials{user: p.user, realm: params["realm"], nonce: params["nonce"]}
		switch strings.ToUpper(params["algorithm"]) {
		case "", "MD5":
		case "SHA-256":
			c.sha256 = true
		default:
			continue
		}
		if qop, used := params["qop"]; used {
			if !offers(qop, "auth") {
				continue
			}
			c.cnonce = rand.Text()
		}
		if p.proof == nil || c.sha256 {
			p.proof = c
		}
	}
	if p.proof == nil {
		return ErrNoDigest
	}
	return nil
}

// offers reports whether a list with commas has a word.
func offers(list, word string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(one), word) {
			return true
		}
	}
	return false
}

// Authorization is the header for a request, "" if no challenge has come. uri is its target, as in its first line.
func (p *Prover) Authorization(method, uri string) string {
	if p.proof == nil {
		return ""
	}
	c := *p.proof
	c.method, c.uri = method, uri
	if c.cnonce != "" {
		p.counted++
		c.nc = fmt.Sprintf("%08x", p.counted)
	}
	of, algorithm := hash.Hash(md5.New()), "MD5"
	if c.sha256 {
		of, algorithm = sha256.New(), "SHA-256"
	}
	of.Write([]byte(c.user + ":" + c.realm + ":" + p.password))
	ha1 := of.Sum(nil)
	of.Reset()
	text := fmt.Sprintf(`Digest username=%s, realm=%s, nonce=%s, uri=%s, algorithm=%s, response="%s"`,
		quote(c.user), quote(c.realm), quote(c.nonce), quote(c.uri), algorithm, hex.EncodeToString(c.digest(of, ha1)))
	if c.nc != "" {
		text += fmt.Sprintf(`, qop=auth, nc=%s, cnonce=%s`, c.nc, quote(c.cnonce))
	}
	return text
}

// quote is a text as a quoted string.
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
