package join

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"net/netip"
	"time"
)

// CookieLifetime is how long a cookie is valid.
const CookieLifetime = 10 * time.Second

const (
	timeBytes = 4
	codeBytes = CookieBytes - timeBytes
)

// Cookies makes cookies and recognises them, without keeping any: a cookie is the time it
// was made, and an HMAC-SHA-256 over that time, the address and the stream, cut to 128
// bits. It allocates nothing, and belongs to one goroutine.
type Cookies struct {
	mac     hash.Hash
	message []byte
	sum     []byte
}

// NewCookies makes cookies by a secret, which nobody else may know: 32 random bytes. A
// broadcaster that starts again needs no old cookies, so it takes a new secret.
func NewCookies(secret [32]byte) *Cookies {
	return &Cookies{mac: hmac.New(sha256.New, secret[:])}
}

// Make makes a cookie for who is at an address and asks for a stream, or for the list,
// which is no stream's name. now is on any clock that does not go back.
func (c *Cookies) Make(now time.Duration, peer netip.AddrPort, r *Request) (cookie Cookie) {
	binary.BigEndian.PutUint32(cookie[:], milliseconds(now))
	c.code(&cookie, peer, r)
	return cookie
}

// Valid reports whether a request's cookie was made for that address and stream, and
// lately.
func (c *Cookies) Valid(now time.Duration, peer netip.AddrPort, r *Request) bool {
	age := milliseconds(now) - binary.BigEndian.Uint32(r.Cookie[:])
	if age > uint32(CookieLifetime/time.Millisecond) {
		return false // also one of the future
	}
	var own Cookie
	copy(own[:timeBytes], r.Cookie[:])
	c.code(&own, peer, r)
	return hmac.Equal(own[:], r.Cookie[:])
}

// milliseconds wraps after 49 days: a cookie that old would be taken for a new one, were
// its sender still at the same address and patient.
func milliseconds(now time.Duration) uint32 { return uint32(now / time.Millisecond) }

// code computes the code of a cookie whose time is set.
func (c *Cookies) code(cookie *Cookie, peer netip.AddrPort, r *Request) {
	address := peer.Addr().As16()
	c.message = append(c.message[:0], cookie[:timeBytes]...)
	c.message = append(c.message, address[:]...)
	c.message = binary.BigEndian.AppendUint16(c.message, peer.Port())
	if r.List {
		c.message = append(c.message, 1)
	} else {
		c.message = append(append(c.message, 0), r.Stream...)
	}
	c.mac.Reset()
	c.mac.Write(c.message)
	c.sum = c.mac.Sum(c.sum[:0])
	copy(cookie[timeBytes:], c.sum[:codeBytes])
}
