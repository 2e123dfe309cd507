package cast_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/camcast/camcast/cast"
	"github.com/camcast/camcast/media"
	"github.com/camcast/camcast/proto/srtp"
)

// TestPrivateRefusals has streams not be sent that browsers cannot show, and sessions not play that must not.
func TestPrivateRefusals(t *testing.T) {
	p := newPrivateWorld(t, 10, func(c *cast.Config) { c.MaxReaders = 18 })
	refusal := func(what string, err error, kind cast.Kind) {
		t.Helper()
		var r *cast.Refusal
		if !errors.As(err, &r) || r.Kind != kind {
			t.Errorf("%s: %v, want %v", what, err, kind)
		}
	}
	jpegs, err := p.world.b.AddStream("pictures", newFilm(p.k, media.JPEG, 1000, 0), cast.StreamOptions{})
	p.must(err)
	p.run(time.Second)
	_, err = jpegs.Private()
	refusal("JPEG", err, cast.NotCarried)
	empty, err := p.world.b.AddStream("empty", nil, cast.StreamOptions{})
	p.must(err)
	_, err = empty.Private()
	refusal("nothing", err, cast.Unavailable)
	open := func(s *cast.Stream) *cast.Session {
		t.Helper()
		session, err := p.world.b.OpenSession(cast.SessionOptions{Stream: s, Protocol: cast.WebRTC, Peer: netip.MustParseAddrPort("10.0.2.1:9")})
		p.must(err)
		return session
	}
	key := make([]byte, srtp.AEADAES128GCM.KeyBytes())
	keys := cast.Private{Profile: srtp.AEADAES128GCM, Ours: key, Theirs: key, Peer: netip.MustParseAddrPort("10.0.2.1:20000"), Local: serverAddr, PayloadType: 96}
	refusal("JPEG", open(jpegs).PlayPrivate(keys), cast.NotCarried)
	for what, change := range map[string]func(*cast.Private){
		"keys": func(k *cast.Private) { k.Ours = nil }, "profile": func(k *cast.Private) { k.Profile = 2 }, "type": func(k *cast.Private) { k.PayloadType = 128 },
		"extension": func(k *cast.Private) { k.PlayoutDelayID = 15 }, "address": func(k *cast.Private) { k.Peer = netip.AddrPort{} },
	} {
		bad := keys
		change(&bad)
		session := open(p.s)
		if err := session.PlayPrivate(bad); err == nil || session.Playing() {
			t.Errorf("%s: %v", what, err)
		}
		session.Gone("refused")
	}
	low := keys
	low.Peer = netip.MustParseAddrPort("10.0.2.1:80")
	refusal("a low port", open(p.s).PlayPrivate(low), cast.AddressRefused)
	var session *cast.Session
	chooses := func(i int) error { // as many forms of each host as it may have, but for the last one
		k := keys
		k.PayloadType += uint8(i)
		k.Peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 2, byte(1 + i/4)}), 20000+uint16(i))
		session = open(p.s)
		return session.PlayPrivate(k)
	}
	for i := range 4 {
		p.must(chooses(i))
	}
	greedy := keys
	greedy.PayloadType = 127
	session = open(p.s)
	refusal("too many forms of one host", session.PlayPrivate(greedy), cast.AddressLimitReached)
	greedy.Peer = netip.MustParseAddrPort("10.0.2.9:20000")
	p.must(session.PlayPrivate(greedy)) // another one has room
	session.Gone("test")
	for i := 4; i < 16; i++ {
		p.must(chooses(i))
	}
	refusal("too many forms", chooses(16), cast.LimitReached)
	p.must(session.PlayPrivate(keys))
	if session.PlayPrivate(keys) == nil {
		t.Error("it plays twice")
	}
	refusal("moved to a low port", session.Move(low.Peer, serverAddr), cast.AddressRefused)
	last := open(p.s)
	p.must(open(p.s).PlayPrivate(keys))
	refusal("too many", last.PlayPrivate(keys), cast.LimitReached)
}
