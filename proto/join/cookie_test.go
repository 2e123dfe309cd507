package join_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/proto/join"
)

func TestCookies(t *testing.T) {
	c := join.NewCookies(secret())
	const made = 5 * time.Second
	cookie := c.Make(made, peer, &ask)
	with := func(change func(*join.Request)) join.Request {
		r := ask
		r.Cookie = cookie
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, x := range []struct {
		name  string
		now   time.Duration
		peer  netip.AddrPort
		r     join.Request
		valid bool
	}{
		{"at once", made, peer, with(nil), true},
		{"at the end of its life", made + join.CookieLifetime, peer, with(nil), true},
		{"a little later", made + join.CookieLifetime + time.Millisecond, peer, with(nil), false},
		{"before it was made", made - time.Millisecond, peer, with(nil), false},
		{"when its time comes again", made + 1<<32*time.Millisecond, peer, with(nil), false},
		{"from another port", made, netip.MustParseAddrPort("192.0.2.7:5005"), with(nil), false},
		{"from another address", made, netip.MustParseAddrPort("192.0.2.8:5004"), with(nil), false},
		{"from the same address in IPv6's clothes", made, netip.MustParseAddrPort("[::ffff:192.0.2.7]:5004"), with(nil), true},
		{"for another stream", made, peer, with(func(r *join.Request) { r.Stream = []byte("can") }), false},
		{"for the only stream", made, peer, with(func(r *join.Request) { r.Stream = nil }), false},
		{"for the list", made, peer, with(func(r *join.Request) { r.List, r.Stream = true, nil }), false},
		{"with a bit changed", made, peer, with(func(r *join.Request) { r.Cookie[19] ^= 1 }), false},
		{"made younger", made + 15*time.Second, peer, with(func(r *join.Request) { r.Cookie[2] += 40 }), false},
		{"no cookie", made, peer, ask, false},
		{"by another nonce", made, peer, with(func(r *join.Request) { r.Nonce[0]++ }), true},
	} {
		if got := c.Valid(x.now, x.peer, &x.r); got != x.valid {
			t.Errorf("%s: valid is %v, want %v", x.name, got, x.valid)
		}
	}
	if r := with(nil); join.NewCookies([32]byte{1}).Valid(made, peer, &r) {
		t.Error("a cookie of another secret is valid")
	}
}

func TestServerAllocatesNothing(t *testing.T) {
	c := join.NewCookies(secret())
	packet := join.AppendRequest(nil, ask)
	buffer := make([]byte, 0, join.MaxMessageBytes)
	n := testing.AllocsPerRun(1000, func() {
		r, err := join.ParseRequest(packet)
		if err != nil {
			t.Fatal(err)
		}
		if c.Valid(0, peer, &r) {
			t.Fatal("valid")
		}
		buffer = join.AppendChallenge(buffer[:0], &r, c.Make(0, peer, &r))
	})
	if n != 0 {
		t.Errorf("%v allocations for a first request, want 0", n)
	}
}
