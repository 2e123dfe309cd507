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
	// inputBytes is what the code is over besides a name: time, address, port, kind.
	inputBytes = 8 + 16 + 2 + 1
)

// Cookies makes cookies and recognises them, without keeping any: a cookie is the time it
// was made, and an HMAC-SHA-256 over that time, the address and the stream, cut to 128
// bits (PROTOCOL.md, section 5). It allocates nothing once it has made the first one, and
// belongs to one goroutine.
type Cookies struct {
	mac     hash.Hash
	message []byte
	sum     []byte
}

// NewCookies makes cookies by a secret, which nobody else may know: 32 random bytes. A
// broadcaster that starts again needs no old cookies, so it takes a new secret.
func NewCookies(secret [32]byte) *Cookies {
	return &Cookies{
		mac:     hmac.New(sha256.New, secret[:]),
		message: make([]byte, 0, inputBytes+MaxNameBytes),
		sum:     make([]byte, 0, sha256.Size),
	}
}

// Make makes a cookie for a request of a peer: for a stream, or for the list, which is no
// stream's name. now is on any clock that does not go back.
func (c *Cookies) Make(now time.Duration, peer netip.AddrPort, r *Request) (cookie Cookie) {
	made := milliseconds(now)
	binary.BigEndian.PutUint32(cookie[:], uint32(made))
	c.code(&cookie, made, peer, r)
	return cookie
}

// Valid reports whether a request's cookie was made for that address and stream, and
// lately. now is on the same clock as when it was made.
func (c *Cookies) Valid(now time.Duration, peer netip.AddrPort, r *Request) bool {
	current := milliseconds(now)
	age := uint32(current) - binary.BigEndian.Uint32(r.Cookie[:])
	if age > uint32(CookieLifetime/time.Millisecond) {
		return false // also one of the future
	}
	var own Cookie
	copy(own[:timeBytes], r.Cookie[:])
	c.code(&own, current-uint64(age), peer, r)
	return hmac.Equal(own[:], r.Cookie[:])
}

func milliseconds(now time.Duration) uint64 { return uint64(now / time.Millisecond) }

// code computes the code of a cookie that was made at a time. A cookie tells the lower half
// of that, which comes again after 49 days; the code is over all of it, so that the cookie
// does not.
func (c *Cookies) code(cookie *Cookie, made uint64, peer netip.AddrPort, r *Request) {
	address := peer.Addr().As16()
	c.message = binary.BigEndian.AppendUint64(c.message[:0], made)
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
