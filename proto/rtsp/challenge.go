package rtsp

import (
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/camcast/camcast/proto/credentials"
)

// This file asks for passwords: which nonce a connection has, and which credentials are worth asking Media about.

const (
	// NonceTime is how long a nonce is taken. A client that comes with an older one is given another, and need not ask for
	// the password again.
	NonceTime = 5 * time.Minute

	// MaxFailures is how many requests with credentials that are refused a connection may bring. The last answer closes it.
	MaxFailures = 8
)

// ErrCredentials is matched by the error of a connection that has brought MaxFailures wrong credentials.
var ErrCredentials = fmt.Errorf("%d requests with wrong credentials", MaxFailures)

// challenge is the nonce of a connection. It is of no use on any other one.
type challenge struct {
	nonce string
	made  time.Duration
	count uint32 // the highest of the client's for this nonce
	// before is the nonce before, which is no sign of an attempt to guess.
	before string
}

// freshness is what a nonce is worth.
type freshness uint8

const (
	fresh freshness = iota
	stale
	unknown
)

// Credentials are those of the request that Media is asked about, nil if it has none that could be right: none at all, what
// cannot be read, those of another realm or for another stream's URL, and a password in clear text where that is not allowed. Media
// decides whether they are right ([credentials.Credentials.Verify]), and answers StatusUnauthorized if not. They are nil in a
// server without Config.Realm.
func (c *Conn) Credentials() *credentials.Credentials { return c.credentials }

// Request is the number of the request that Media is asked about, on its connection. It stays the same when the request is
// resumed, and when several transports are offered.
func (c *Conn) Request() uint64 { return c.number }

// authenticate reads the credentials of a request. If their nonce is not valid, the client has to try again with another one,
// and Media is not asked.
func (c *Conn) authenticate(rq *request) (tryAgain bool) {
	c.credentials = nil
	values := rq.header["Authorization"]
	if c.server.cfg.Realm == "" || len(values) == 0 {
		return false
	}
	rq.claims = true
	given, ok := credentials.Parse(values[0], rq.method, c.server.cfg.Realm)
	if !ok || len(values) > 1 || !c.usable(rq, given) {
		return false
	}
	if !given.IsBasic() && !rq.resumed {
		switch c.judge(given) {
		case stale:
			rq.claims = false // it is no attempt to guess
			return true
		case unknown:
			return true
		}
	}
	c.credentials = given
	return false
}

// usable checks what credentials say besides the password.
func (c *Conn) usable(rq *request, given *credentials.Credentials) bool {
	if given.IsBasic() {
		return c.allowsBasic()
	}
	return c.signs(given.URI(), rq)
}

// signs reports whether the URL of a digest means what the request's does. Players sign the URL of the request, the stream's
// without the track, with or without a slash, or the path alone. The host is not compared: the nonce is this connection's
// alone, so the digest is for nobody else.
func (c *Conn) signs(url string, rq *request) bool {
	if url == rq.uri {
		return true
	}
	if url != "" && url[0] == '/' {
		url = rq.target.root + url
	}
	t, ok := parseTarget(url)
	return ok && !t.star && (t.path == rq.target.path || t.path == c.streamPath(rq.target))
}

// judge says what the nonce of a digest is worth, and counts its use.
func (c *Conn) judge(given *credentials.Credentials) freshness {
	if c.challenge == nil {
		return unknown
	}
	current, before := equal(given.Nonce(), c.challenge.nonce), equal(given.Nonce(), c.challenge.before)
	switch {
	case before && !current:
		return stale
	case !current:
		return unknown
	case c.lastActive-c.challenge.made >= NonceTime:
		return stale
	}
	if count, counts := given.Count(); counts {
		if count <= c.challenge.count { // it was used before
			c.renew()
			return stale
		}
		c.challenge.count = count
	}
	return fresh
}

// allowsBasic reports whether a password may come in clear text.
func (c *Conn) allowsBasic() bool { return c.AllowBasic || c.Secure }

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// renew gives the connection another nonce.
func (c *Conn) renew() {
	n := &challenge{nonce: c.server.newID(), made: c.lastActive}
	if c.challenge != nil {
		n.before = c.challenge.nonce
	}
	c.challenge = n
}

// unauthorized is the response to a request without the right credentials: what would be taken. Clients differ in which
// challenge they take. ffmpeg, GStreamer and live555 (VLC) know MD5 alone and take the last Digest; gortsplib takes the first
// one it knows, but SHA-256 wherever it is. live555 reads realm, nonce and stale in this order and nothing else; all take a
// digest before Basic.
func (c *Conn) unauthorized(out []byte, rq *request, a Answer, tryAgain bool) []byte {
	if c.challenge == nil || c.lastActive-c.challenge.made >= NonceTime {
		c.renew()
	}
	if rq.claims {
		c.failures++
	}
	realm := `realm="` + c.server.cfg.Realm + `"`
	digest := "Digest " + realm + `, nonce="` + c.challenge.nonce + `"`
	if tryAgain {
		digest += ", stale=true"
	}
	digest += `, qop="auth"`
	out = c.begin(out, rq, a)
	out = c.session(out, rq.session, false)
	if c.allowsBasic() {
		out = header(out, "WWW-Authenticate", "Basic "+realm)
	}
	out = header(out, "WWW-Authenticate", digest+", algorithm=SHA-256")
	out = header(out, "WWW-Authenticate", digest)
	if c.failures >= MaxFailures {
		out = header(out, "Connection", "close")
	}
	return append(out, "\r\n"...)
}
