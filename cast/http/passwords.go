package http

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/proto/credentials"
)

// claim is what a request says of who makes it. It is the same for all questions about that request to the
// gate, whose credentials it is. But for what says otherwise it belongs to the loop while that is asked.
type claim struct {
	server *Server
	// protocol is what the gate is told.
	protocol cast.Protocol
	// header is what an Authorization header proves, and token what a token does; at most one of them is there.
	header *credentials.Credentials
	token  *token
	// proved is the secret that was proved, sealed (tokens.seal); nil: none was. Any goroutine may call Verify.
	proved atomic.Pointer[[32]byte]
	// used: the count of the nonce is noted. stale: the nonce is not taken, or the token's time is over, which says
	// nothing about the password. nonce is the next one.
	used, stale bool
	nonce       string
	// basic: a password may come in clear text.
	basic bool
}

// contextKey is for what a request's context holds.
type contextKey int

const (
	claimKey contextKey = iota
	connKey
)

// withConn has requests know their connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey, c)
}

// connOf is a request's connection, nil if there is none of a listener.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey).(*conn)
	return c
}

// claimOf is what a request says of who makes it.
func claimOf(r *http.Request) *claim { return r.Context().Value(claimKey).(*claim) }

// withClaim reads a request's credentials. Those that cannot be right are as good as none: what cannot be read, a
// digest over another URL, a password in clear text where that is not taken. A token goes before what a browser
// may add by itself.
func (s *Server) withClaim(r *http.Request) *http.Request {
	c := &claim{server: s, protocol: cast.HTTP, basic: s.broadcaster.Config().AllowBasic || connOf(r).secure()}
	values := r.Header.Values("Authorization")
	text := r.URL.Query().Get("token")
	if len(values) == 1 && text == "" {
		if scheme, rest, _ := strings.Cut(strings.TrimSpace(values[0]), " "); strings.EqualFold(scheme, "bearer") {
			text = strings.TrimSpace(rest)
		} else if given, ok := credentials.Parse(values[0], r.Method, cast.Realm); ok && c.usable(given, r) {
			c.header = given
		}
	}
	if text != "" {
		c.token = s.tokens.parse(text)
	}
	return r.WithContext(context.WithValue(r.Context(), claimKey, c))
}

// usable checks what credentials say besides the password.
func (c *claim) usable(given *credentials.Credentials, r *http.Request) bool {
	if given.IsBasic() {
		return c.basic
	}
	return given.URI() == r.RequestURI || given.URI() == r.URL.RequestURI()
}

// forGate are the credentials that the gate is given, nil if there are none.
func (c *claim) forGate() cast.Credentials {
	if c.header == nil && c.token == nil {
		return nil
	}
	return c
}

// User is the name given; it is cast.Credentials'.
func (c *claim) User() string {
	if c.token != nil {
		return c.token.user
	}
	return c.header.User()
}

// Verify reports whether it is true; it is cast.Credentials'.
func (c *claim) Verify(secret cast.Secret) bool {
	sealed := c.server.tokens.seal(secret)
	if c.token != nil {
		return c.server.tokens.isOf(c.token, sealed)
	}
	if !(cast.Authorization{Credentials: c.header}).Verify(secret) {
		return false
	}
	c.proved.Store(&sealed)
	return true
}

// The refusals of claims that the gate is not asked about.
var (
	errStale     = &cast.Refusal{Kind: cast.Unauthorized, Reason: "a password is needed"}
	errTokenOver = &cast.Refusal{Kind: cast.Unauthorized, Reason: "the token is not valid any more"}
	errTokenFor  = &cast.Refusal{Kind: cast.Forbidden, Reason: "the token is not for that"}
)

// consider says why the gate need not be asked about a claim, nil if it is.
func (s *Server) consider(c *claim, name string, a cast.Action) error {
	now := s.loop.Now()
	switch {
	case c.token != nil && (c.token.foreign || now >= c.token.until):
		c.stale = true
		return errTokenOver
	case c.token != nil && !c.token.isFor(name, a):
		return errTokenFor
	case c.header != nil && !c.header.IsBasic() && !c.used && !s.nonces.Valid(c.header, now):
		c.stale = true
		c.nonce = s.nonces.New(now)
		return errStale
	}
	return nil
}

// settle notes that a digest was used, and refuses one that was used before, whatever the gate says.
func (s *Server) settle(c *claim, err error) error {
	now := s.loop.Now()
	if c.header != nil && !c.header.IsBasic() && !c.used && c.proved.Load() != nil {
		if c.used = s.nonces.Use(c.header, now); !c.used {
			c.stale = true
			err = errStale
		}
	}
	if err != nil && cast.RefusalOf(err).Kind == cast.Unauthorized {
		c.nonce = s.nonces.New(now)
	}
	return err
}

// challenge says what would be taken instead. Clients differ in which digest they take: curl and browsers the
// first that they know, ffmpeg, which knows MD5 alone, the last one. Who has brought a token is not asked for a
// password: a browser would open a window.
func (s *Server) challenge(h http.Header, c *claim) {
	realm := `realm="` + cast.Realm + `"`
	if c.token != nil {
		h.Add("WWW-Authenticate", "Bearer "+realm+`, error="invalid_token"`)
		return
	}
	digest := "Digest " + realm + `, nonce="` + c.nonce + `"`
	if c.stale {
		digest += ", stale=true"
	}
	digest += `, qop="auth"`
	h.Add("WWW-Authenticate", digest+", algorithm=SHA-256")
	h.Add("WWW-Authenticate", digest+", algorithm=MD5")
	if c.basic {
		h.Add("WWW-Authenticate", "Basic "+realm)
	}
}
